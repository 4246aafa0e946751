"""What happens to rewards after they were decided, and what stages tell each other for it."""

from enum import StrEnum

from reftrail.contracts.record import Derived, Micros, Millis, Record


class Ticked(Record, frozen=True, kw_only=True):
    """Time as an event: in this partition, of so many, it is event_time now. Never goes back."""

    partition: int
    partitions: int


class ReviewDecision(StrEnum):
    """What an analyst decides: about a held reward, or later about a granted one."""

    APPROVE = "approve"
    DECLINE = "decline"
    REVERSE = "reverse"


class Reviewed(Record, frozen=True, kw_only=True):
    """A decision on the rewards of a user under a code, or on the one with reward_id.

    action is that of the reward, where the reviewer knows it: it saves looking for the reward.
    reason is a word such as fraud, chargeback or goodwill; note is free text.
    """

    code: str
    user_id: str
    reward_id: str | None = None
    decision: str
    reviewer: str
    reason: str | None = None
    note: str | None = None
    action: str | None = None


class FulfilmentOutcome(StrEnum):
    """What became of an order to fulfil."""

    DELIVERED = "delivered"
    FAILED = "failed"


class FulfilmentReported(Record, frozen=True, kw_only=True):
    """The outcome of fulfilling one reward, told by whoever fulfils.

    event_id follows from reward_id and outcome, so that a repeated report is the same. reference is
    what the fulfiller calls it, such as the credit's id or the code given out; tracking_number is a
    carrier's. action is that of the order to fulfil; without it the reward is looked for.
    value_micros is what was delivered; without it, what was ordered last.
    """

    code: str
    user_id: str
    reward_id: str
    role: str
    outcome: str
    kind: str
    attempts: int
    reference: str | None = None
    carrier: str | None = None
    tracking_number: str | None = None
    detail: str | None = None
    action: str | None = None
    value_micros: Micros | None = None


class Listing(StrEnum):
    """What a list does with whom it names."""

    ALLOW = "allow"
    BLOCK = "block"


class Listed(Record, frozen=True, kw_only=True):
    """An entry of the allow and block lists, as it stands since event_time.

    subject is what value is: code, user, ip, network, device or email (the last four by their keyed
    hash, under the key hash_key_id, where that is known). listing None takes the entry back. From
    expires_at on it doesn't count.
    """

    subject: str
    value: str
    listing: str | None = None
    expires_at: Millis | None = None
    reason: str | None = None
    actor: str
    hash_key_id: str | None = None


class CheckRequested(Derived, frozen=True, kw_only=True):
    """A claim asks how often its signal was seen. signal is `kind:value`, such as `ip:<hash>`.

    claim_id is the claim's event_id. owner_user_id is the code's owner, as far as that is known.
    """

    signal: str
    code: str
    user_id: str
    claim_id: str
    owner_user_id: str | None = None


class SignalChecked(Derived, frozen=True, kw_only=True):
    """How many distinct users claimed from a signal, this one included, up to the claim's time.

    kind is that of the signal. codes_30d counts the distinct codes that they claimed under,
    insiders_30d those of them under whose own codes others of them claimed. users_365d is counted
    for e-mail addresses alone, and 0 for other kinds.
    """

    code: str
    user_id: str
    claim_id: str
    kind: str
    users_24h: int
    users_30d: int
    codes_30d: int
    insiders_30d: int = 0
    users_365d: int = 0


class LimitRequested(Derived, frozen=True, kw_only=True):
    """A reward asks for its place under limits that codes share, one after the other.

    limits has those still to pass, as texts `key|amount|most`; the first one's key is the message
    key. passed has those passed before. releasing True: places are given back, since a later limit
    had none.
    """

    limits: list[str]
    passed: list[str]
    releasing: bool = False
    code: str
    user_id: str
    claim_id: str


class LimitAnswered(Derived, frozen=True, kw_only=True):
    """Whether a reward has its place; refused_by is the key of the limit that had none."""

    code: str
    user_id: str
    claim_id: str
    refused_by: str | None = None


class MilestoneChanged(Derived, frozen=True, kw_only=True):
    """A referrer reached a milestone, or lost it because a reward was reversed.

    code and user_id are those of the grant that was the grants-th, also where that is lost (reached
    False). times says how often it was reached by now. value and reward_kind are those of a bonus.
    """

    beneficiary: str
    campaign_id: str
    campaign_version: int
    code: str
    user_id: str
    name: str
    kind: str
    grants: int
    reached: bool
    times: int = 1
    value_micros: Micros = 0
    currency: str | None = None
    reward_kind: str | None = None
    item: str | None = None
