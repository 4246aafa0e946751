"""The derived records: what the stages concluded, each with its cause."""

from enum import StrEnum

from reftrail.contracts.record import Derived, Micros, Millis, Record


class Touched(Derived, frozen=True, kw_only=True):
    """The first touch of a visitor, as known now. event_time is the time of the touch itself.

    A later record for the same visitor replaces it: an earlier touch that came in late, or the
    next one after this one had run out. It counts for conversions up to expires_at, included.
    key_kind is a value of `events.KeyKind`: that of the key the touch came under.
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


class ConversionKind(StrEnum):
    """What a `Converted` reports."""

    SIGNUP = "signup"
    PURCHASE = "purchase"
    REFUND = "refund"
    LATE_TOUCH = "late_touch"


class Converted(Derived, frozen=True, kw_only=True):
    """A signup, purchase or refund, joined to the visitor's first touch where one counts.

    touch_received_at, touch_key_kind and touch_*_hash are those of the touch's own event; the other
    signals are the conversion's.

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


class Basis(StrEnum):
    """Why a user was attributed to a code."""

    FIRST_TOUCH = "first_touch"
    TYPED_CODE = "typed_code"
    LATE_TOUCH = "late_touch"


class Attributed(Derived, frozen=True, kw_only=True):
    """Who referred this user: decided once. event_time is that of the signup.

    decisive False: a touch earlier than the one decided on, that came in too late to change
    anything; kept for reports. corrects is the event_id of the decision that this one replaces: a
    touch from before the one decided on came in before anything could be earned by that.
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


class Action(StrEnum):
    """What an attributed user did."""

    SIGNUP = "signup"
    PURCHASE = "purchase"
    REFUND = "refund"


class Claimed(Derived, frozen=True, kw_only=True):
    """An attributed user did something that may earn, or undo, a reward under a code.

    event_time is the time of the action, action_event_id the client's event of it. campaign_id and
    code_evidence are what was known of the code when it was touched or typed in. checks are the
    kinds of signals (ip, network, device, email, pair) about which a `SignalChecked` will follow.
    root_reference is the touch, else the signup. The claim of a signup says what the touch showed:
    touch_received_at and touch_key_kind (by which key it was sent), and its hashed signals.
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


class Role(StrEnum):
    """In which role somebody earns."""

    REFERRER = "referrer"
    REFEREE = "referee"
    MILESTONE = "milestone"


class RewardStatus(StrEnum):
    """Where a ledger entry stands."""

    HELD = "held"
    GRANTED = "granted"
    REJECTED = "rejected"
    REVERSED = "reversed"
    FULFILLED = "fulfilled"
    FAILED = "failed"
    EXPIRED = "expired"


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
    decided on, where that is later than the entry's times; a grant is good from then on.
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
