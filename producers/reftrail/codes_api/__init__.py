"""HTTP API of codes, served by the collector.

Input: requests under an API key. Output: what `reftrail.codes.service` does on the store of codes.
Guarantee: whatever happens here, events are accepted as before; what was answered as done is
committed.
"""

from reftrail.codes_api.handlers import CodesApi
from reftrail.codes_api.routes import endpoints

__all__ = ["CodesApi", "endpoints"]
