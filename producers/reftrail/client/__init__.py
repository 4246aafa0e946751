"""The Python client of the events API.

    with Reftrail("http://127.0.0.1:8080", key) as reftrail:
        receipt = reftrail.send([{"type": "click", "visitor_id": "v1", "code": "AMY1"}])

An event is a mapping of the API's fields; times may be aware datetimes, amounts Decimals. Whatever
`send` returns from is in Kafka, once: events get their ids before the first try and keep them.
"""

from reftrail.client.client import AsyncReftrail, Reftrail
from reftrail.client.requests import Event, NotSent, Receipt, Rejected

__all__ = ["AsyncReftrail", "Event", "NotSent", "Receipt", "Reftrail", "Rejected"]
