"""Evolution of the reward stage's state by its events."""

from typing import assert_never

import msgspec

from reftrail.contracts.decisions import (
    RewardDecided,
    RewardGranted,
    RewardStatus,
    RewardWithdrawn,
    Role,
)
from reftrail.contracts.reward_reasons import is_part
from reftrail.contracts.stage_messages import LimitRequested
from reftrail.rules.cells import Cells
from reftrail.rules.decider import Refused, fingerprint
from reftrail.rules.limits import Place
from reftrail.rules.reward.actions import first_attempt, of_order
from reftrail.rules.reward.budgets import reserved_after
from reftrail.rules.reward.counting import count_reward, count_usage
from reftrail.rules.reward.keys import day_key, referral_key
from reftrail.rules.reward.skipped import with_skipped, without_first
from reftrail.rules.reward.state import (
    ActionCell,
    AssessedReward,
    Command,
    CountCell,
    EndedSide,
    ReferralCell,
    RewardCase,
    SideReward,
    WaitingCell,
)
from reftrail.rules.reward.state_events import (
    CommandNoted,
    DayForgotten,
    Earned,
    Event,
    EvidenceKept,
    LimitsReleased,
    LimitsRequested,
    LimitsSettled,
    OrderRecorded,
    PartialRefundDeferred,
    PendingClaimResumed,
    ProgressMade,
    Queued,
    SignalNoted,
    SignupShown,
    SkippedOrderTaken,
    SlotFreed,
)
from reftrail.rules.reward.transitions import ENDED_BY_REVIEW, QUALIFIED, is_order

_replace = msgspec.structs.replace


def evolve(cells: Cells, event: Event) -> None:  # noqa: C901, PLR0912, PLR0915 - a table
    """Apply an event to the cells."""
    match event:
        case RewardGranted() | RewardWithdrawn() | LimitRequested() | Refused():
            return
    key = referral_key(event.code, event.user_id)
    referral = cells.get(key, ReferralCell)
    match event:
        case RewardDecided():
            _entry(cells, key, referral, event)
        case Earned():
            _earned(cells, key, referral, event.assessed)
        case SignupShown():
            now = _replace(
                referral,
                signals=event.signals,
                signup_received_at=event.signup_received_at,
                touch_received_at=event.touch_received_at,
                touch_key_kind=event.touch_key_kind,
            )
            cells.put(key, now)
        case EvidenceKept():
            cells.put(key, _replace(referral, seen=event.seen))
        case Queued():
            _queued(cells, key, referral, event)
        case SignalNoted():
            _noted(cells, key, event)
        case PendingClaimResumed():
            first = f"{key}:w:{referral.first}"
            next_id = cells.get(first, WaitingCell).next_id
            cells.put(first, WaitingCell())
            last = referral.last if next_id else ""
            cells.put(key, _replace(referral, first=next_id, last=last))
        case LimitsRequested():
            cells.put(key, _replace(referral, asking=event.assessed))
            count_reward(cells, key, event.code, event.assessed.case, by=1)
            _rest(cells, key, event.assessed.case, by=1)
        case LimitsSettled():
            assert referral.asking is not None
            case = referral.asking.case
            cells.put(key, _replace(referral, asking=None))
            count_reward(cells, key, event.code, case, by=-1)
            _rest(cells, key, case, by=-1)
        case LimitsReleased():
            for text in event.places:
                cells.put(f"{key}:l:{Place.parse(text).key}", CountCell())
        case OrderRecorded():
            _order(cells, key, referral, event)
        case SkippedOrderTaken():
            _skipped_taken(cells, key, referral, event)
        case ProgressMade(progress=now):
            same = (now.trigger, now.currency)
            others = (p for p in referral.progress if (p.trigger, p.currency) != same)
            cells.put(key, _replace(referral, progress=(*others, now)))
        case SlotFreed():
            skipped = "" if event.is_for_later else referral.skipped
            cells.put(key, _replace(referral, used=referral.used - 1, skipped=skipped))
        case CommandNoted():
            cells.put(f"{key}:c:{fingerprint(event.command_id):x}", Command(is_done=True))
        case DayForgotten():
            cells.put(day_key(event.code, event.day), CountCell())
        case PartialRefundDeferred():
            _part_deferred(cells, key, event)
        case _:
            assert_never(event)


def _rest(cells: Cells, key: str, case: RewardCase | None, *, by: int) -> None:
    """Let one reward more (or less) rest on its places under limits that count users.

    A reward that asks for places rests on them like one that is decided, so that a review of
    another reward doesn't release them meanwhile.
    """
    for text in () if case is None else case.user_places:
        place_key = f"{key}:l:{Place.parse(text).key}"
        held = cells.get(place_key, CountCell)
        cells.put(place_key, CountCell(held.count + by, text))


def _queued(cells: Cells, key: str, referral: ReferralCell, event: Queued) -> None:
    event_id = event.waiting.event_id
    cells.put(f"{key}:w:{event_id}", WaitingCell(event.waiting, event.unanswered))
    if referral.last:
        last = f"{key}:w:{referral.last}"
        cells.put(last, _replace(cells.get(last, WaitingCell), next_id=event_id))
    cells.put(key, _replace(referral, first=referral.first or event_id, last=event_id))


def _noted(cells: Cells, key: str, event: SignalNoted) -> None:
    waiting_key = f"{key}:w:{event.seen.claim_id}"
    cell = cells.get(waiting_key, WaitingCell)
    assert cell.waiting is not None
    unanswered = tuple(kind for kind in cell.unanswered if kind != event.seen.kind)
    waiting = _replace(cell.waiting, seen=(*cell.waiting.seen, event.seen))
    cells.put(waiting_key, _replace(cell, waiting=waiting, unanswered=unanswered))


def _order(cells: Cells, key: str, referral: ReferralCell, event: OrderRecorded) -> None:
    action = of_order(event.order.order_id)
    cell_key = f"{key}:a:{action}"
    cell = _replace(cells.get(cell_key, ActionCell), order=event.order)
    if event.skipped is not None:
        claim = event.skipped.claim
        assert claim is not None
        cell = _replace(cell, skipped=event.skipped)
        turn = claim.event_time, claim.event_id
        first = with_skipped(cells, key, referral.skipped, action, turn)
        cells.put(key, _replace(referral, skipped=first))
    cells.put(cell_key, cell)


def _skipped_taken(
    cells: Cells, key: str, referral: ReferralCell, event: SkippedOrderTaken
) -> None:
    taken = f"{key}:a:{event.action}"
    cells.put(taken, _replace(cells.get(taken, ActionCell), skipped=None))
    first = without_first(cells, key, event.action)
    cells.put(key, _replace(referral, skipped=first))


def _earned(cells: Cells, key: str, referral: ReferralCell, earned: AssessedReward) -> None:
    """Add a reward to the referral: it begins the referral's list, and rests on its places."""
    case = earned.case
    assert case is not None
    count_usage(cells, key, referral, earned)
    cell_key = f"{key}:a:{case.action}"
    cell = cells.get(cell_key, ActionCell)
    is_new = cell.case is None
    cells.put(
        cell_key,
        _replace(
            cell,
            case=case,
            previous=referral.latest if is_new else cell.previous,
            threshold=earned.threshold,
        ),
    )
    is_used = case.verdict != "reject" and not case.is_bonus
    cells.put(
        key,
        _replace(
            referral,
            latest=case.action if is_new else referral.latest,
            used=referral.used + is_used,
        ),
    )
    if earned.threshold:
        first_key = f"{key}:a:{first_attempt(case.action)}"
        first = cells.get(first_key, ActionCell)
        cells.put(first_key, _replace(first, times=first.times + 1))
    _rest(cells, key, case, by=1)


def _entry(cells: Cells, key: str, referral: ReferralCell, entry: RewardDecided) -> None:
    cell_key = f"{key}:a:{entry.action}"
    cell = cells.get(cell_key, ActionCell)
    before = cell.case
    assert before is not None
    after = _decided(before, entry)
    cells.put(cell_key, _replace(cell, case=after))
    _note_review(cells, key, entry)
    by = _is_qualified(after) - _is_qualified(before)
    if by:
        counts = dict(referral.qualified)
        counts[after.campaign_id] = counts.get(after.campaign_id, 0) + by
        qualified = tuple((campaign, count) for campaign, count in counts.items() if count)
        cells.put(key, _replace(referral, qualified=qualified))
    if after.counts != before.counts:
        count_reward(cells, key, entry.code, after, by=after.counts - before.counts)
    if before.counts and not after.counts:
        _rest(cells, key, after, by=-1)


def _note_review(cells: Cells, key: str, entry: RewardDecided) -> None:
    """Keep which side a review ended, in the cell of the first attempt."""
    first = first_attempt(entry.action)
    if first is None or not ENDED_BY_REVIEW.intersection(entry.reasons):
        return
    first_key = f"{key}:a:{first}"
    cell = cells.get(first_key, ActionCell)
    ended = (*cell.ended_by_review, EndedSide(entry.role, entry.currency))
    cells.put(first_key, _replace(cell, ended_by_review=ended))


def _is_qualified(case: RewardCase) -> bool:
    side = case.side(Role.REFERRER)
    return side is not None and side.status in QUALIFIED


def _decided(case: RewardCase, entry: RewardDecided) -> RewardCase:
    sides = tuple(
        _side_now(side, entry) if side.role == entry.role else side for side in case.sides
    )
    waits = any(side.status in ("", RewardStatus.HELD) for side in sides)
    return _replace(case, sides=sides, evidence=case.evidence if waits else ())


def _side_now(side: SideReward, entry: RewardDecided) -> SideReward:
    """A side after an entry.

    A partial refund leaves the status as it is. An expired side keeps the time at which it expired.
    """
    if is_part(entry):
        now = _replace(side, taken_back=side.taken_back + entry.value_micros)
        return _replace(now, reserved=reserved_after(side, now, entry))
    is_superseded_later = entry.status in (
        RewardStatus.HELD,
        RewardStatus.GRANTED,
        RewardStatus.FAILED,
    )
    now = _replace(
        side,
        status=entry.status,
        entry_id=entry.event_id if is_superseded_later else side.entry_id,
        taken_back=side.value_micros if entry.status == RewardStatus.REVERSED else side.taken_back,
        due_at=side.due_at if entry.status == RewardStatus.EXPIRED else entry.due_at,
        ordered=entry.value_micros if is_order(entry) else side.ordered,
    )
    return _replace(now, reserved=reserved_after(side, now, entry))


def _part_deferred(cells: Cells, key: str, event: PartialRefundDeferred) -> None:
    cell_key = f"{key}:a:{event.action}"
    cell = cells.get(cell_key, ActionCell)
    assert cell.case is not None
    sides = tuple(
        _replace(side, taken_back=side.taken_back + event.value_micros)
        if side.role == event.role
        else side
        for side in cell.case.sides
    )
    cells.put(cell_key, _replace(cell, case=_replace(cell.case, sides=sides)))
