"""The codes over HTTP, served by the collector.

Input: requests under an API key. Output: what `reftrail.codes.service` does on the store of codes.
Guarantee: whatever happens here, events are accepted as before; what was answered as done is
committed.
"""

from reftrail.collector.codes_api.handlers import CodesApi
from reftrail.collector.codes_api.openapi import described
from reftrail.collector.codes_api.routes import endpoints
from reftrail.collector.codes_api.wiring import codes_api

__all__ = ["CodesApi", "codes_api", "described", "endpoints"]
