"""How a reward's status may change: one table. Whatever isn't in it is refused."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from reftrail.contracts.decisions import RewardDecided, RewardStatus
from reftrail.contracts.record import Micros


class What(StrEnum):
    """What happens to a reward."""

    GRANT = "grant"
    HOLD = "hold"
    REJECT = "reject"
    APPROVE = "approve"
    DECLINE = "decline"
    REVERSE = "reverse"
    RELEASE = "release"
    LAPSE = "lapse"
    EXPIRE = "expire"
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

TRANSITIONS: Final[Mapping[tuple[RewardStatus | None, What], RewardStatus]] = {
    # A claim, or a milestone, is decided on.
    (None, What.GRANT): _GRANTED,
    (None, What.HOLD): _HELD,
    (None, What.REJECT): _REJECTED,
    # A review, or the end of the hold.
    (_HELD, What.APPROVE): _GRANTED,
    (_HELD, What.DECLINE): _REJECTED,
    (_HELD, What.RELEASE): _GRANTED,
    (_HELD, What.LAPSE): _REJECTED,
    # What the reward rests on goes before it is granted.
    (_HELD, What.REFUND): _REJECTED,
    (_HELD, What.REFUND_PART): _HELD,
    (_HELD, What.LOSE): _REJECTED,
    # Fulfilment; what failed is tried again if a review says so.
    (_GRANTED, What.DELIVER): _FULFILLED,
    (_GRANTED, What.FAIL): _FAILED,
    (_FAILED, What.APPROVE): _GRANTED,
    # It is good for a while.
    (_GRANTED, What.EXPIRE): _EXPIRED,
    # What it rests on goes afterwards, or fraud is found. From fulfilled it is a clawback.
    (_GRANTED, What.REFUND): _REVERSED,
    (_GRANTED, What.REFUND_PART): _GRANTED,
    (_GRANTED, What.LOSE): _REVERSED,
    (_GRANTED, What.REVERSE): _REVERSED,
    (_FULFILLED, What.REFUND): _REVERSED,
    (_FULFILLED, What.REFUND_PART): _FULFILLED,
    (_FULFILLED, What.LOSE): _REVERSED,
    (_FULFILLED, What.REVERSE): _REVERSED,
    # Nothing is left to take back, but the reward counts no longer, nor is it tried again.
    (_FAILED, What.REFUND): _REVERSED,
    (_FAILED, What.REFUND_PART): _FAILED,
    (_FAILED, What.LOSE): _REVERSED,
    (_FAILED, What.REVERSE): _REVERSED,
    (_EXPIRED, What.REFUND): _REVERSED,
    (_EXPIRED, What.REFUND_PART): _EXPIRED,
    (_EXPIRED, What.LOSE): _REVERSED,
    (_EXPIRED, What.REVERSE): _REVERSED,
}

STANDING: Final = frozenset({_GRANTED, _FULFILLED})
"""The statuses in which a reward is worth something to its beneficiary."""

ENDED: Final = frozenset({_REJECTED, _REVERSED})
"""The statuses that nothing leads out of."""

_EFFECTS: Final[Mapping[str, int]] = {
    _GRANTED: 1,
    _REVERSED: -1,
    _FAILED: -1,
    _EXPIRED: -1,
}


def allowed(status: str | None, what: What) -> RewardStatus | None:
    """To which status this leads from there; None where it is not allowed."""
    return TRANSITIONS.get((RewardStatus(status) if status else None, what))


def effect(entry: RewardDecided) -> Micros:
    """What a ledger entry adds to its beneficiary's balance in its currency.

    A balance is the sum of these: granted adds; reversed, failed and expired take away what was
    left; held, rejected and fulfilled change nothing.
    """
    return effect_of(entry.status, entry.value_micros)


def effect_of(status: str, value_micros: Micros) -> Micros:
    """The same, of an entry's status and value."""
    return _EFFECTS.get(status, 0) * value_micros
