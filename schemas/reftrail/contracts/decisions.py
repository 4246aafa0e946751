"""Derived records: the decisions of the stages, each with its cause."""

from enum import StrEnum
from typing import Final

from reftrail.contracts.record import Derived, Micros, Millis, Record


class Basis(StrEnum):
    """The ground on which a user was attributed to a code.

    identified: by a touch on another device of the user, as a server says; identified_by_page: as
    a page or app says, under a publishable key. merged: no more, since the user was merged with
    another, whose earlier signup decides; code is that of the attribution that ends.
    """

    FIRST_TOUCH = "first_touch"
    TYPED_CODE = "typed_code"
    LATE_TOUCH = "late_touch"
    IDENTIFIED = "identified"
    IDENTIFIED_BY_PAGE = "identified_by_page"
    MERGED = "merged"


class Attributed(Derived, frozen=True, kw_only=True):
    """The attribution of a user to a referrer's code: decided once.

    decisive False: a touch earlier than the one decided on, that came in too late to change
    anything; kept for reports. corrects is the event_id of the decision that this one replaces: a
    touch from before the one decided on came in before anything could be earned by that. arm is the
    arm of the campaign's experiment, utm_source that of the touch or of the signup with the code.
    """

    user_id: str
    visitor_id: str | None = None
    code: str
    campaign_id: str | None = None
    code_evidence: str | None = None
    basis: str
    decisive: bool = True
    touch_event_id: str | None = None
    touch_time: Millis
    signup_event_id: str
    category: str | None = None
    channel: str | None = None
    corrects: str | None = None
    arm: str | None = None
    utm_source: str | None = None


class Action(StrEnum):
    """An action of an attributed user."""

    SIGNUP = "signup"
    PURCHASE = "purchase"
    REFUND = "refund"
    DISPUTE_OPENED = "dispute_opened"
    DISPUTE_WON = "dispute_won"
    DISPUTE_LOST = "dispute_lost"


DISPUTES: Final = frozenset({Action.DISPUTE_OPENED, Action.DISPUTE_WON, Action.DISPUTE_LOST})
"""The actions that give the status of a dispute about an order."""

TAKE_BACK: Final = frozenset({Action.REFUND, Action.DISPUTE_LOST})
"""The actions by which an order was paid back."""


class Claimed(Derived, frozen=True, kw_only=True):
    """An attributed user did something that may earn, or undo, a reward under a code.

    event_time is the time of the action, action_event_id the client's event of it. campaign_id and
    code_evidence are what was known of the code when it was touched or typed in. checks are the
    kinds of signals (ip, network, device, email, pair) about which a `SignalChecked` will follow.
    root_reference is the touch, else the signup. The claim of a signup says what the touch showed:
    touch_received_at and touch_key_kind (by which key it was sent), and its hashed signals.
    net_amount_micros, refund_id, amount_refunded_micros and dispute_id are those of the conversion.
    first_purchase_at is the time of the user's first purchase as known then; arm is the arm of the
    campaign's experiment, utm_source that of the attribution.
    """

    code: str
    code_evidence: str | None = None
    campaign_id: str | None = None
    user_id: str
    visitor_id: str | None = None
    action: str
    action_event_id: str
    basis: str
    touch_event_id: str | None = None
    touch_time: Millis
    signed_up_at: Millis
    order_id: str | None = None
    amount_micros: Micros | None = None
    currency: str | None = None
    country: str | None = None
    channel: str | None = None
    source: str | None = None
    device_hash: str | None = None
    ip_hash: str | None = None
    network_hash: str | None = None
    email_hash: str | None = None
    email_disposable: bool | None = None
    hash_key_id: str | None = None
    checks: list[str] = []  # noqa: RUF012  (every record gets its own)
    root_reference: str | None = None
    touch_received_at: Millis | None = None
    touch_key_kind: str | None = None
    touch_device_hash: str | None = None
    touch_ip_hash: str | None = None
    touch_network_hash: str | None = None
    net_amount_micros: Micros | None = None
    refund_id: str | None = None
    amount_refunded_micros: Micros | None = None
    dispute_id: str | None = None
    first_purchase_at: Millis | None = None
    arm: str | None = None
    utm_source: str | None = None


class Role(StrEnum):
    """Roles in which somebody earns."""

    REFERRER = "referrer"
    REFEREE = "referee"
    MILESTONE = "milestone"


class RewardStatus(StrEnum):
    """Status of a ledger entry."""

    HELD = "held"
    GRANTED = "granted"
    REJECTED = "rejected"
    REVERSED = "reversed"
    FULFILLED = "fulfilled"
    FAILED = "failed"
    EXPIRED = "expired"
    ADJUSTED = "adjusted"


class RewardDecided(Derived, frozen=True, kw_only=True):
    """An entry of the reward ledger.

    event_time is when what it reports happened: the action that earned, or the review, refund, tick
    or fulfilment that changed the reward since.

    reward_id is the same for all entries about one (code, user, action, role): a UUIDv5 of them.
    A reversal repeats the grant's value, and supersedes names the grant's event_id. beneficiary
    is None where the code has no owner or isn't known. currency is an ISO 4217 code, or a unit's
    name in lower case such as points. kind is how it is given (credit, code, shipment, cash), item
    what is given where kind doesn't say. value_micros of a partial reversal is what is taken back.

    reasons are stable words; evidence has them with weights and figures, as JSON: a list of
    {"reason", "weight", "figures"}; score is what the weights add up to. action_time is when the
    action happened, origin_source how it reached us (a value of `Source`), root_reference the event
    that everything goes back to: the touch, else the signup. due_at is when a held reward's hold
    ends, or a granted one expires. qualifies is 1 where the entry makes the referral count for the
    referrer's milestones, -1 where it counts no longer, None where it changes nothing about that.
    clawback_micros is what the entry makes the beneficiary owe: a reversal of what was delivered,
    or a delivery of what was reversed; None where it is nothing. decided_at is when the action was
    decided on, where that is later than the entry's times; a grant is good from then on. arm is the
    arm of the campaign's experiment. Where the value is a share of an order, rate_percent is the
    share in percent, such as 12.5, and base_micros the amount that it was taken of. utm_source is
    that of the attribution.
    """

    reward_id: str
    code: str
    user_id: str
    beneficiary: str | None = None
    role: str
    action: str
    status: str
    reasons: list[str] = []  # noqa: RUF012  (every record gets its own)
    value_micros: Micros
    currency: str
    kind: str
    campaign_id: str | None = None
    campaign_version: int | None = None
    category: str | None = None
    channel: str | None = None
    order_id: str | None = None
    basis: str
    touch_event_id: str | None = None
    action_event_id: str
    supersedes: str | None = None
    action_time: Millis | None = None
    score: int | None = None
    evidence: str | None = None
    item: str | None = None
    origin_source: str | None = None
    root_reference: str | None = None
    due_at: Millis | None = None
    qualifies: int | None = None
    clawback_micros: Micros | None = None
    decided_at: Millis | None = None
    arm: str | None = None
    rate_percent: str | None = None
    base_micros: Micros | None = None
    utm_source: str | None = None


class RewardGranted(Derived, frozen=True, kw_only=True):
    """The order to fulfil one reward, which is reward_id. event_id is that of its ledger entry."""

    reward_id: str
    code: str
    user_id: str
    beneficiary: str
    role: str
    action: str
    value_micros: Micros
    currency: str
    kind: str
    campaign_id: str
    campaign_version: int
    category: str | None = None
    order_id: str | None = None
    item: str | None = None
    expires_at: Millis | None = None


class RewardWithdrawn(Derived, frozen=True, kw_only=True):
    """The order to fulfil reward_id is withdrawn: only remaining_micros of it may still be given.

    It follows its order on the same topic, under the same key. event_id is that of the ledger entry
    that took the rest back, and reasons are that entry's. remaining_micros never grows.
    """

    reward_id: str
    code: str
    user_id: str
    beneficiary: str
    role: str
    action: str
    remaining_micros: Micros
    currency: str
    kind: str
    reasons: list[str]


class DeadLettered(Record, frozen=True, kw_only=True):
    """A message that a stage or sink could not take: where it was, why, and its bytes.

    event_id is derived from topic, partition, offset and stage, so that a retry writes the same.
    event_time and received_at are the broker's timestamp of the message. Of a large message only
    the beginning is here; payload_size and payload_sha256 then are those of the whole of it.
    """

    stage: str
    reason: str
    detail: str
    topic: str
    partition: int
    offset: int
    message_key: bytes | None = None
    payload: bytes | None = None
    payload_size: int | None = None
    payload_sha256: str | None = None
