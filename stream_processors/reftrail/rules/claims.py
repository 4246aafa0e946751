"""What a user did, to which code they are attributed, and the claim that follows from both."""

import msgspec

from reftrail.contracts.decisions import Attributed, Claimed, Converted
from reftrail.contracts.record import Micros, Millis
from reftrail.rules.decider import Cause, because, derived_id


class Deed(msgspec.Struct, frozen=True, array_like=True):
    """A signup, purchase or refund, with whatever a claim about it needs."""

    action: str
    event_id: str
    event_time: Millis
    received_at: Millis
    visitor_id: str | None = None
    order_id: str | None = None
    amount_micros: Micros | None = None
    currency: str | None = None
    country: str | None = None
    channel: str | None = None
    device_hash: str | None = None
    ip_hash: str | None = None
    network_hash: str | None = None
    email_hash: str | None = None
    hash_key_id: str | None = None
    email_disposable: bool | None = None


class Decision(msgspec.Struct, frozen=True, array_like=True):
    """To which code a user is attributed, and what claims repeat of that.

    channel is that of the touch, or of the signup with which the code was typed in.
    """

    code: str
    basis: str
    touch_time: Millis
    signed_up_at: Millis
    touch_event_id: str | None = None
    visitor_id: str | None = None
    campaign_id: str | None = None
    code_evidence: str | None = None
    channel: str | None = None


def deed_of(record: Converted) -> Deed:
    """What a conversion reports, without its touch."""
    return Deed(
        action=record.kind,
        event_id=record.conversion_event_id,
        event_time=record.event_time,
        received_at=record.received_at,
        visitor_id=record.visitor_id,
        order_id=record.order_id,
        amount_micros=record.amount_micros,
        currency=record.currency,
        country=record.country,
        channel=record.channel,
        device_hash=record.device_hash,
        ip_hash=record.ip_hash,
        network_hash=record.network_hash,
        email_hash=record.email_hash,
        hash_key_id=record.hash_key_id,
        email_disposable=record.email_disposable,
    )


def decision_of(attributed: Attributed) -> Decision:
    """What is kept of a decisive attribution."""
    return Decision(
        code=attributed.code,
        basis=attributed.basis,
        touch_time=attributed.touch_time,
        signed_up_at=attributed.event_time,
        touch_event_id=attributed.touch_event_id,
        visitor_id=attributed.visitor_id,
        campaign_id=attributed.campaign_id,
        code_evidence=attributed.code_evidence,
        channel=attributed.channel,
    )


def claim(deed: Deed, decision: Decision, record: Converted | Attributed, cause: Cause) -> Claimed:
    """A claim's event_id follows from the deed alone, whenever the attribution came.

    Its channel is the one through which the code came, and the deed's own where that isn't known.
    """
    common = because(record, cause, "claimed")
    if isinstance(record, Attributed):
        common["cause_event_id"] = record.cause_event_id
    common["event_id"] = derived_id("claimed", decision.code, deed.event_id)
    common["event_time"] = deed.event_time
    return Claimed(
        **common,
        code=decision.code,
        code_evidence=decision.code_evidence,
        campaign_id=decision.campaign_id,
        user_id=record.user_id,
        visitor_id=deed.visitor_id or decision.visitor_id,
        action=deed.action,
        action_event_id=deed.event_id,
        basis=decision.basis,
        touch_event_id=decision.touch_event_id,
        touch_time=decision.touch_time,
        signed_up_at=decision.signed_up_at,
        order_id=deed.order_id,
        amount_micros=deed.amount_micros,
        currency=deed.currency,
        country=deed.country,
        channel=decision.channel or deed.channel,
        device_hash=deed.device_hash,
        ip_hash=deed.ip_hash,
        network_hash=deed.network_hash,
        email_hash=deed.email_hash,
        email_disposable=deed.email_disposable,
        hash_key_id=deed.hash_key_id,
    )


def when_done(deed: Deed) -> tuple[Millis, str]:
    """The order in which deeds claim: by time, and by event_id where times are equal."""
    return deed.event_time, deed.event_id
