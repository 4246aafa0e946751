"""Touches and conversions: the records that the touch stage derives from events of clients."""

from enum import StrEnum

from reftrail.contracts.record import Derived, Micros, Millis


class Touched(Derived, frozen=True, kw_only=True):
    """The first touch of a visitor, as known now. event_time is the time of the touch itself.

    A later record for the same visitor replaces it: an earlier touch that came in late, or the
    next one after this one had run out. It counts for conversions up to expires_at, included.
    key_kind is a value of `events.KeyKind`: that of the key the touch came under. arm is the arm of
    the campaign's experiment that the visitor or code is in. utm_source is that of the event.
    """

    visitor_id: str
    type: str
    code: str
    campaign_id: str | None = None
    category: str | None = None
    channel: str | None = None
    code_evidence: str | None = None
    touch_event_id: str
    expires_at: Millis
    device_hash: str | None = None
    ip_hash: str | None = None
    network_hash: str | None = None
    key_kind: str | None = None
    arm: str | None = None
    utm_source: str | None = None


class ConversionKind(StrEnum):
    """The kind of event that a `Converted` reports."""

    SIGNUP = "signup"
    PURCHASE = "purchase"
    REFUND = "refund"
    DISPUTE_OPENED = "dispute_opened"
    DISPUTE_WON = "dispute_won"
    DISPUTE_LOST = "dispute_lost"
    LATE_TOUCH = "late_touch"
    IDENTIFIED = "identified"
    IDENTIFIED_BY_PAGE = "identified_by_page"
    USERS_MERGED = "users_merged"


class Converted(Derived, frozen=True, kw_only=True):
    """A signup, purchase or refund, joined to the visitor's first touch where one counts.

    touch_received_at, touch_key_kind, touch_*_hash, touch_arm and touch_utm_source are those of
    the touch's own event; the other signals are the conversion's. net_amount_micros is the part of
    the order that rewards in percent are computed of; refund_id, amount_refunded_micros, dispute_id
    and merged_into are the event's.

    kind identified or identified_by_page: no conversion happened; the visitor with this touch is
    the user, as an event under a secret or a publishable key says. arrived_at is when the later of
    touch and event was received; device_hash, ip_hash and network_hash are the event's.

    kind users_merged: no conversion happened; the user is merged into merged_into.

    kind late_touch: no conversion happened; a touch from before this user's signup came in after
    it. Then event_time is the signup's, arrived_at is when the touch was received and signed_up_at
    when the signup was.
    """

    kind: str
    user_id: str
    visitor_id: str | None = None
    conversion_event_id: str
    order_id: str | None = None
    amount_micros: Micros | None = None
    currency: str | None = None
    typed_code: str | None = None
    typed_code_known: bool | None = None
    typed_code_evidence: str | None = None
    typed_campaign_id: str | None = None
    typed_category: str | None = None
    touch_event_id: str | None = None
    touch_time: Millis | None = None
    touch_type: str | None = None
    touch_code: str | None = None
    touch_code_evidence: str | None = None
    touch_campaign_id: str | None = None
    touch_category: str | None = None
    touch_channel: str | None = None
    arrived_at: Millis | None = None
    signed_up_at: Millis | None = None
    country: str | None = None
    channel: str | None = None
    source: str | None = None
    device_hash: str | None = None
    ip_hash: str | None = None
    network_hash: str | None = None
    email_hash: str | None = None
    email_disposable: bool | None = None
    hash_key_id: str | None = None
    touch_received_at: Millis | None = None
    touch_key_kind: str | None = None
    touch_device_hash: str | None = None
    touch_ip_hash: str | None = None
    touch_network_hash: str | None = None
    net_amount_micros: Micros | None = None
    refund_id: str | None = None
    amount_refunded_micros: Micros | None = None
    dispute_id: str | None = None
    merged_into: str | None = None
    touch_arm: str | None = None
    utm_source: str | None = None
    touch_utm_source: str | None = None
