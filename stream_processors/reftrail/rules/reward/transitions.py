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
    REINSTATE = "reinstate"
    DELIVER = "deliver"
    FAIL = "fail"
    REFUND = "refund"
    REFUND_PART = "refund_part"
    LOSE = "lose"


_HELD: Final = RewardStatus.HELD
_GRANTED: Final = RewardStatus.GRANTED
_REJECTED: Final = RewardStatus.REJECTED
_REVERSED: Final = RewardStatus.REVERSED
_FULFILLED: Final = RewardStatus.FULFILLED
_FAILED: Final = RewardStatus.FAILED
_EXPIRED: Final = RewardStatus.EXPIRED

TRANSITIONS: Final[Mapping[tuple[RewardStatus | None, Transition], RewardStatus]] = {
    # A claim, or a milestone, is decided on.
    (None, Transition.GRANT): _GRANTED,
    (None, Transition.HOLD): _HELD,
    (None, Transition.REJECT): _REJECTED,
    # A review, or the end of the hold.
    (_HELD, Transition.APPROVE): _GRANTED,
    (_HELD, Transition.DECLINE): _REJECTED,
    (_HELD, Transition.RELEASE): _GRANTED,
    (_HELD, Transition.LAPSE): _REJECTED,
    # What the reward rests on goes before it is granted.
    (_HELD, Transition.REFUND): _REJECTED,
    (_HELD, Transition.REFUND_PART): _HELD,
    (_HELD, Transition.LOSE): _REJECTED,
    # Fulfilment; what failed is tried again if a review says so.
    (_GRANTED, Transition.DELIVER): _FULFILLED,
    (_GRANTED, Transition.FAIL): _FAILED,
    (_FAILED, Transition.APPROVE): _GRANTED,
    # It is good for a while.
    (_GRANTED, Transition.EXPIRE): _EXPIRED,
    # It was delivered, although it was reported as failed; or in time, and reported after that.
    (_FAILED, Transition.REINSTATE): _GRANTED,
    (_EXPIRED, Transition.REINSTATE): _GRANTED,
    # What it rests on goes afterwards, or fraud is found. From fulfilled it is a clawback.
    (_GRANTED, Transition.REFUND): _REVERSED,
    (_GRANTED, Transition.REFUND_PART): _GRANTED,
    (_GRANTED, Transition.LOSE): _REVERSED,
    (_GRANTED, Transition.REVERSE): _REVERSED,
    (_FULFILLED, Transition.REFUND): _REVERSED,
    (_FULFILLED, Transition.REFUND_PART): _FULFILLED,
    (_FULFILLED, Transition.LOSE): _REVERSED,
    (_FULFILLED, Transition.REVERSE): _REVERSED,
    # Nothing is left to take back, but the reward counts no longer, nor is it tried again.
    (_FAILED, Transition.REFUND): _REVERSED,
    (_FAILED, Transition.REFUND_PART): _FAILED,
    (_FAILED, Transition.LOSE): _REVERSED,
    (_FAILED, Transition.REVERSE): _REVERSED,
    (_EXPIRED, Transition.REFUND): _REVERSED,
    (_EXPIRED, Transition.REFUND_PART): _EXPIRED,
    (_EXPIRED, Transition.LOSE): _REVERSED,
    (_EXPIRED, Transition.REVERSE): _REVERSED,
    # The reversal and the delivery crossed: it stays reversed, and what was delivered is owed.
    (_REVERSED, Transition.DELIVER): _REVERSED,
}

STANDING: Final = frozenset({_GRANTED, _FULFILLED})
"""The statuses in which a reward is worth something to its beneficiary."""

ENDED: Final = frozenset({_REJECTED, _REVERSED})
"""The statuses that nothing leads out of; a delivery of what was reversed is a clawback."""

ENDED_BY_REVIEW: Final = frozenset({Reason.DECLINED, Reason.TAKEN_BACK})
"""The reasons of entries with which a review ends a reward."""

QUALIFIED: Final = frozenset({_GRANTED, _FULFILLED, _FAILED, _EXPIRED})
"""The statuses in which a referrer's reward makes the referral count for milestones."""

_EFFECTS: Final[Mapping[str, int]] = {
    _GRANTED: 1,
    _REVERSED: -1,
    _FAILED: -1,
    _EXPIRED: -1,
}


def allowed(status: str | None, change: Transition) -> RewardStatus | None:
    """The status after a transition; None where it isn't allowed."""
    return TRANSITIONS.get((RewardStatus(status) if status else None, change))


def is_order(entry: RewardDecided) -> bool:
    """Whether a ledger entry orders its reward to be fulfilled."""
    return (
        entry.status == _GRANTED
        and entry.value_micros > 0
        and Reason.DELIVERED_IN_TIME not in entry.reasons
    )


def effect(entry: RewardDecided) -> Micros:
    """The change of the beneficiary's balance by a ledger entry.

    A balance is the sum of these: a grant adds its value; a reversal, failure or expiry subtracts
    what was left; a hold, a rejection and a delivery change nothing.
    """
    return effect_of(entry.status, entry.value_micros)


def effect_of(status: str, value_micros: Micros) -> Micros:
    """The change of the balance by an entry with this status and value."""
    return _EFFECTS.get(status, 0) * value_micros
