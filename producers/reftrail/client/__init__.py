"""The Python client of the events API.

    with Reftrail("http://127.0.0.1:8080", secret_key) as reftrail:
        reftrail.signup("uma", visitor_id="v1")
        reftrail.purchase("uma", "O17", "19.99", "EUR")

Those are sent in the background. Their ids follow from what happened, so that a repetition counts
once. `send` takes any events, as mappings of the API's fields; whatever it returns from is in
Kafka, once: events get their ids before the first try and keep them.
"""

from reftrail.client.async_client import AsyncReftrail
from reftrail.client.client import Reftrail
from reftrail.client.events import Context, Details, Event, OrderContext, RefundContext
from reftrail.client.fields import Amount
from reftrail.client.pending import QueueFull, QueueOptions, Unsent
from reftrail.client.requests import NotSent, Receipt, Rejected

__all__ = [
    "Amount",
    "AsyncReftrail",
    "Context",
    "Details",
    "Event",
    "NotSent",
    "OrderContext",
    "QueueFull",
    "QueueOptions",
    "Receipt",
    "Reftrail",
    "RefundContext",
    "Rejected",
    "Unsent",
]
