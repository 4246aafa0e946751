"""Effects of a ledger entry on its reward, and on the counts of its referral and code."""

from typing import Final

import msgspec

from reftrail.contracts.decisions import (
    RewardDecided,
    RewardStatus,
    Role,
)
from reftrail.contracts.reward_reasons import Reason, is_part
from reftrail.rules.cells import Cells
from reftrail.rules.fraud.persons import rests_on_users
from reftrail.rules.fraud.scoring import Verdict
from reftrail.rules.reward.actions import first_attempt, of_order
from reftrail.rules.reward.budgets import reserved_after
from reftrail.rules.reward.case import RewardCase, SideReward
from reftrail.rules.reward.counting import (
    count_qualified,
    count_reservations,
    count_reward,
)
from reftrail.rules.reward.order_evidence import APPROVED
from reftrail.rules.reward.state import (
    ActionCell,
    EndedSide,
    ReferralCell,
)
from reftrail.rules.reward.transitions import ENDED, ENDED_BY_REVIEW, is_order

_replace = msgspec.structs.replace

# In Python 3.11, to look a member of an enum up takes ten times as long as a name of the module.
_HELD: Final = RewardStatus.HELD
_EXPIRED: Final = RewardStatus.EXPIRED
_REVERSED: Final = RewardStatus.REVERSED
_REJECTED: Final = RewardStatus.REJECTED
_DISPUTED: Final = Reason.DISPUTED
_MILESTONE_LOST: Final = Reason.MILESTONE_LOST
_REFERRER: Final = Role.REFERRER
_BY_REVIEW: Final = frozenset({Reason.APPROVED, Reason.REINSTATED})
_UNDECIDED: Final = frozenset({"", RewardStatus.HELD})
_SUPERSEDED_LATER: Final = frozenset({RewardStatus.HELD, RewardStatus.GRANTED, RewardStatus.FAILED})


def apply_entry(cells: Cells, key: str, referral: ReferralCell, entry: RewardDecided) -> None:
    """Apply a ledger entry to the reward's cell, and to the counts that it changes."""
    cell_key = f"{key}:a:{entry.action}"
    cell = cells.get(cell_key, ActionCell)
    before = cell.case
    assert before is not None
    after = _decided(before, entry)
    cells.put(cell_key, _replace(cell, case=after))
    _note_review(cells, key, entry)
    if _is_approved(after, entry):
        _approve(cells, key, after)
    by = _is_qualified(after) - _is_qualified(before)
    if by:
        count_qualified(cells, key, referral, entry, by=by)
    counted, counts = before.counts, after.counts
    if counts != counted:
        count_reward(cells, key, entry.code, after, by=counts - counted)
    if counted and not counts:
        count_reservations(cells, key, after, by=-1)
    if counts and all(side.status and not side.has_earned for side in before.sides):
        count_reservations(cells, key, after, by=1)


def _note_review(cells: Cells, key: str, entry: RewardDecided) -> None:
    """Keep which side a review ended, in the cell of the first attempt."""
    if ENDED_BY_REVIEW.isdisjoint(entry.reasons):
        return
    first_key = f"{key}:a:{first_attempt(entry.action)}"
    cell = cells.get(first_key, ActionCell)
    ended = (*cell.ended_by_review, EndedSide(entry.role, entry.currency))
    cells.put(first_key, _replace(cell, ended_by_review=ended))


def _is_approved(case: RewardCase, entry: RewardDecided) -> bool:
    """Whether reviews have approved an action by now, on all its sides, or given it back."""
    if _BY_REVIEW.isdisjoint(entry.reasons) or Reason.USERS_MERGED in entry.reasons:
        return False
    waits = any(side.status == RewardStatus.HELD and side.hold_until is None for side in case.sides)
    return not waits and all(side.status not in ENDED for side in case.sides)


def _approve(cells: Cells, key: str, case: RewardCase) -> None:
    """Let the signals of an approved order count no longer, under whatever referral it earns."""
    cell_key = f"{key}:a:{of_order(case.order_id)}"
    cell = cells.get(cell_key, ActionCell)
    if case.order_id is not None and cell.seen:
        cells.put(cell_key, _replace(cell, seen=APPROVED))


def _is_qualified(case: RewardCase) -> bool:
    side = case.side(_REFERRER)
    return side is not None and side.is_qualified


def _decided(case: RewardCase, entry: RewardDecided) -> RewardCase:
    sides = tuple(
        _side_now(side, entry) if side.role == entry.role else side for side in case.sides
    )
    waits = any(side.status in _UNDECIDED for side in sides)
    is_kept = waits or (case.verdict == Verdict.REJECT and rests_on_users(case.evidence))
    return _replace(case, sides=sides, evidence=case.evidence if is_kept else ())


def _side_now(side: SideReward, entry: RewardDecided) -> SideReward:
    """A side after an entry.

    A partial refund leaves the status as it is. An expired side keeps the time at which it expired.
    """
    if is_part(entry):
        now = _replace(side, taken_back=side.taken_back + entry.value_micros)
        return _replace(now, reserved=reserved_after(side, now, entry))
    is_superseded_later = entry.status in _SUPERSEDED_LATER
    is_suspended = _DISPUTED in entry.reasons
    is_reversed = entry.status == _REVERSED and not is_suspended
    now = _replace(
        side,
        status=entry.status,
        disputed=_disputed(side, entry) if is_suspended else "",
        hold_until=entry.due_at if _is_cleared(entry) else side.hold_until,
        entry_id=entry.event_id if is_superseded_later else side.entry_id,
        taken_back=side.value_micros if is_reversed else side.taken_back,
        due_at=side.due_at if entry.status == _EXPIRED else entry.due_at,
        ordered=entry.value_micros if is_order(entry) else side.ordered,
        is_lost=side.is_lost or _MILESTONE_LOST in entry.reasons,
        is_taken_back=entry.status == _REJECTED and _was_granted(side),
    )
    return _replace(now, reserved=reserved_after(side, now, entry))


def _was_granted(side: SideReward) -> bool:
    """Whether a side that is rejected was granted before, and held by a dispute since."""
    return side.disputed == RewardStatus.GRANTED or side.is_taken_back


def _is_cleared(entry: RewardDecided) -> bool:
    """Whether a review returns a reward to its holding period."""
    return entry.status == _HELD and Reason.APPROVED in entry.reasons


def _disputed(side: SideReward, entry: RewardDecided) -> str:
    """The status of a side before the dispute that holds it."""
    if entry.status == RewardStatus.REVERSED:
        return RewardStatus.GRANTED
    return side.disputed or RewardStatus.HELD
