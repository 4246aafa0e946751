"""Transitions of a reward's status. Whatever isn't in the table is refused."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from reftrail.contracts.decisions import RewardDecided, RewardStatus
from reftrail.contracts.record import Micros
from reftrail.contracts.reward_reasons import Reason


class Transition(StrEnum):
    """Changes of a reward."""

    GRANT = "grant"
    HOLD = "hold"
    REJECT = "reject"
    APPROVE = "approve"
    DECLINE = "decline"
    REVERSE = "reverse"
    RELEASE = "release"
    LAPSE = "lapse"
    EXPIRE = "expire"
    CORRECT = "correct"
    REINSTATE = "reinstate"
    DISPUTE = "dispute"
    SUSPEND = "suspend"
    RESTORE = "restore"
    RESUME = "resume"
    CLEAR = "clear"
    DELIVER = "deliver"
    FAIL = "fail"
    REFUND = "refund"
    REFUND_PART = "refund_part"
    LOSE = "lose"
    VOID = "void"
    ADJUST = "adjust"


_HELD: Final = RewardStatus.HELD
_GRANTED: Final = RewardStatus.GRANTED
_REJECTED: Final = RewardStatus.REJECTED
_REVERSED: Final = RewardStatus.REVERSED
_FULFILLED: Final = RewardStatus.FULFILLED
_FAILED: Final = RewardStatus.FAILED
_EXPIRED: Final = RewardStatus.EXPIRED
_ADJUSTED: Final = RewardStatus.ADJUSTED

TRANSITIONS: Final[Mapping[tuple[RewardStatus | None, Transition], RewardStatus]] = {
    # A claim, or a milestone, is decided on.
    (None, Transition.GRANT): _GRANTED,
    (None, Transition.HOLD): _HELD,
    (None, Transition.REJECT): _REJECTED,
    # A review, or the end of the hold.
    (_HELD, Transition.APPROVE): _GRANTED,
    (_HELD, Transition.CLEAR): _HELD,
    (_HELD, Transition.DECLINE): _REJECTED,
    (_HELD, Transition.RELEASE): _GRANTED,
    (_HELD, Transition.LAPSE): _REJECTED,
    # What the reward rests on goes before it is granted.
    (_HELD, Transition.REFUND): _REJECTED,
    (_HELD, Transition.REFUND_PART): _HELD,
    (_HELD, Transition.LOSE): _REJECTED,
    (_HELD, Transition.VOID): _REJECTED,
    # Fulfilment; what failed is tried again if a review says so.
    (_GRANTED, Transition.DELIVER): _FULFILLED,
    (_GRANTED, Transition.FAIL): _FAILED,
    (_FAILED, Transition.APPROVE): _GRANTED,
    # It is good for a while.
    (_GRANTED, Transition.EXPIRE): _EXPIRED,
    # It was delivered, although it was reported as failed; or in time, and reported after that.
    (_FAILED, Transition.CORRECT): _GRANTED,
    (_EXPIRED, Transition.CORRECT): _GRANTED,
    # What it rests on goes afterwards, or fraud is found. From fulfilled it is a clawback.
    (_GRANTED, Transition.REFUND): _REVERSED,
    (_GRANTED, Transition.REFUND_PART): _GRANTED,
    (_GRANTED, Transition.LOSE): _REVERSED,
    (_GRANTED, Transition.VOID): _REVERSED,
    (_GRANTED, Transition.REVERSE): _REVERSED,
    (_FULFILLED, Transition.REFUND): _REVERSED,
    (_FULFILLED, Transition.REFUND_PART): _FULFILLED,
    (_FULFILLED, Transition.LOSE): _REVERSED,
    (_FULFILLED, Transition.VOID): _REVERSED,
    (_FULFILLED, Transition.REVERSE): _REVERSED,
    # Nothing is left to take back, but the reward counts no longer, nor is it tried again.
    (_FAILED, Transition.REFUND): _REVERSED,
    (_FAILED, Transition.REFUND_PART): _FAILED,
    (_FAILED, Transition.LOSE): _REVERSED,
    (_FAILED, Transition.VOID): _REVERSED,
    (_FAILED, Transition.REVERSE): _REVERSED,
    (_EXPIRED, Transition.REFUND): _REVERSED,
    (_EXPIRED, Transition.REFUND_PART): _EXPIRED,
    (_EXPIRED, Transition.LOSE): _REVERSED,
    (_EXPIRED, Transition.VOID): _REVERSED,
    (_EXPIRED, Transition.REVERSE): _REVERSED,
    # The reversal and the delivery crossed: it stays reversed, and what was delivered is owed.
    (_REVERSED, Transition.DELIVER): _REVERSED,
    # So did a dispute: what it held had been ordered, and was rejected meanwhile.
    (_REJECTED, Transition.DELIVER): _REJECTED,
    # An order is disputed: what is granted leaves the balance, and is held with what was held.
    (_GRANTED, Transition.DISPUTE): _REVERSED,
    (_REVERSED, Transition.SUSPEND): _HELD,
    (_HELD, Transition.SUSPEND): _HELD,
    (_HELD, Transition.RESTORE): _GRANTED,
    (_HELD, Transition.RESUME): _HELD,
    # It was refused as another user's, and these are one by now.
    (_REJECTED, Transition.GRANT): _GRANTED,
    (_REJECTED, Transition.HOLD): _HELD,
    # A review gives back what was refused, taken back or lost by time.
    (_REJECTED, Transition.REINSTATE): _GRANTED,
    (_REVERSED, Transition.REINSTATE): _GRANTED,
    (_EXPIRED, Transition.REINSTATE): _GRANTED,
    # An adjustment by hand, at once or after a second person's approval.
    (None, Transition.ADJUST): _ADJUSTED,
    (_HELD, Transition.ADJUST): _ADJUSTED,
    (_ADJUSTED, Transition.DELIVER): _FULFILLED,
    (_ADJUSTED, Transition.FAIL): _FAILED,
    # It is tried again, or was delivered after all.
    (_FAILED, Transition.ADJUST): _ADJUSTED,
}

STANDING: Final = frozenset({_GRANTED, _FULFILLED})
"""The statuses in which a reward is worth something to its beneficiary."""

ENDED: Final = frozenset({_REJECTED, _REVERSED})
"""The statuses that only a reinstatement leads out of, or a merge. A delivery of what was ordered
before is a clawback."""

_NOT_ORDERED: Final = frozenset({Reason.DELIVERED_IN_TIME, Reason.ALREADY_DELIVERED})
"""The reasons of grants of what was delivered before."""

_ARTICLES: Final = frozenset({"code", "shipment"})
"""Kinds of rewards that are articles: a credit of one is booked, since it can't be sent in part."""

ENDED_BY_REVIEW: Final = frozenset({Reason.DECLINED, Reason.TAKEN_BACK})
"""The reasons of entries with which a review ends a reward."""

QUALIFIED: Final = frozenset({_GRANTED, _FULFILLED, _FAILED, _EXPIRED})
"""The statuses in which a referrer's reward makes the referral count for milestones."""

_EFFECTS: Final[Mapping[str, int]] = {
    _GRANTED: 1,
    _REVERSED: -1,
    _FAILED: -1,
    _EXPIRED: -1,
    _ADJUSTED: 1,
}


def allowed(status: str | None, change: Transition) -> RewardStatus | None:
    """The status after a transition; None where it isn't allowed."""
    return TRANSITIONS.get((RewardStatus(status) if status else None, change))


def is_order(entry: RewardDecided) -> bool:
    """Whether a ledger entry orders its reward, or its credit by hand, to be fulfilled."""
    if entry.value_micros <= 0 or not _NOT_ORDERED.isdisjoint(entry.reasons):
        return False
    if entry.status == _ADJUSTED:
        return entry.kind not in _ARTICLES
    return entry.status == _GRANTED


def effect(entry: RewardDecided) -> Micros:
    """The change of the beneficiary's balance by a ledger entry.

    A balance is the sum of these: a grant adds its value; a reversal, failure or expiry subtracts
    what was left; an adjustment adds its value, which is negative for a debit; a hold, a rejection
    and a delivery change nothing.
    """
    return effect_of(entry.status, entry.value_micros)


def effect_of(status: str, value_micros: Micros) -> Micros:
    """The change of the balance by an entry with this status and value."""
    return _EFFECTS.get(status, 0) * value_micros
