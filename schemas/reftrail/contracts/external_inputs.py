"""Records that reach the stages from outside: time, reviews, reports of fulfilment, lists."""

from enum import StrEnum
from typing import final

from reftrail.contracts.record import Micros, Millis, Record


@final
class Ticked(Record, frozen=True, kw_only=True):
    """Time as an event: in this partition, of so many, it is event_time now. Never goes back."""

    partition: int
    partitions: int


class ReviewDecision(StrEnum):
    """An analyst's decision about a reward: while it is held, or later."""

    APPROVE = "approve"
    DECLINE = "decline"
    REVERSE = "reverse"
    REINSTATE = "reinstate"


class Reviewed(Record, frozen=True, kw_only=True):
    """A decision on the rewards of a user under a code, or on the one with reward_id.

    action is that of the reward, where the reviewer knows it: it saves looking for the reward.
    reason is a word such as fraud, chargeback or goodwill; a reinstatement needs one. note is free
    text.
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
    """The outcome of an order to fulfil."""

    DELIVERED = "delivered"
    FAILED = "failed"


class FulfilmentReported(Record, frozen=True, kw_only=True):
    """The outcome of fulfilling one reward, as its partner reports it.

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
    """The effect of a list on those whom it names."""

    ALLOW = "allow"
    BLOCK = "block"


class Listed(Record, frozen=True, kw_only=True):
    """An entry of the allow and block lists since event_time.

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
