"""Fields of an event's record, in the order of its schema, and their encoding."""

from collections.abc import Callable
from typing import Final

import msgspec

from reftrail.contracts.codec import row_encoder
from reftrail.contracts.record import Micros, Millis
from reftrail.contracts.registry import latest


class EventRow(msgspec.Struct, gc=False):
    """The fields of `contracts.events.Event`, for an event of any type.

    It is made for each event that is taken, and by position: by names that takes five times as
    long, and a dict of them twice.
    """

    event_id: str
    type: str
    event_time: Millis
    received_at: Millis
    visitor_id: str | None
    user_id: str | None
    code: str | None
    code_known: bool | None
    code_evidence: str | None
    campaign_id: str | None
    category: str | None
    channel: str | None
    source: str | None
    device_hash: str | None
    ip_hash: str | None
    network_hash: str | None
    email_hash: str | None
    email_disposable: bool | None
    hash_key_id: str | None
    user_agent: str | None
    is_bot: bool
    country: str | None
    order_id: str | None
    amount_micros: Micros | None
    currency: str | None
    properties: str | None
    client_campaign_id: str | None
    key_kind: str | None
    clock_skew_ms: Millis | None
    refund_id: str | None
    amount_refunded_micros: Micros | None
    net_amount_micros: Micros | None
    tax_micros: Micros | None
    shipping_micros: Micros | None
    dispute_id: str | None
    merged_into: str | None
    utm_source: str | None
    user_agent_family: str | None
    user_agent_os: str | None
    device_class: str | None


encode_row: Final[Callable[[EventRow], bytes]] = row_encoder(latest("Event"))
"""The message value of an event."""
