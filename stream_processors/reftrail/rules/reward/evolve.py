"""Evolution of the reward stage's state by its events."""

from typing import Final, TypeGuard, assert_never, get_args

import msgspec

from reftrail.contracts.adjustments import is_adjustment
from reftrail.contracts.decisions import (
    Action,
    Claimed,
    RewardDecided,
    RewardGranted,
    RewardWithdrawn,
)
from reftrail.contracts.stage_messages import (
    CheckRequested,
    LimitRequested,
    OrderAsked,
    PersonKnown,
    ReferralVoided,
    ReviewsCarried,
)
from reftrail.rules.cells import Cells
from reftrail.rules.decider import Refused, fingerprint
from reftrail.rules.fraud.persons import rests_on_users
from reftrail.rules.limit_names import LimitReservation
from reftrail.rules.reward.actions import first_attempt, of_order
from reftrail.rules.reward.case import RewardCase
from reftrail.rules.reward.counting import (
    carry_places,
    count_reservations,
    count_reward,
    count_usage,
)
from reftrail.rules.reward.entry_effects import apply_entry
from reftrail.rules.reward.keys import day_key, referral_key
from reftrail.rules.reward.known_users import add_users
from reftrail.rules.reward.queue import AssessedReward, Waiting, WaitingCell
from reftrail.rules.reward.reopening import lose, reopen
from reftrail.rules.reward.reservations import is_of_another
from reftrail.rules.reward.skipped import with_skipped, without_first
from reftrail.rules.reward.state import (
    ActionCell,
    AdjustmentCell,
    Begun,
    Command,
    CountCell,
    ReferralCell,
)
from reftrail.rules.reward.state_events import (
    AdjustmentAsked,
    CommandNoted,
    DayForgotten,
    DisputeRecorded,
    EarlyDecisionKept,
    Earned,
    Event,
    EvidenceKept,
    LimitsReleased,
    LimitsRequested,
    LimitsSettled,
    MilestoneGone,
    OrderEvidenceKept,
    OrderRecorded,
    PartialRefundDeferred,
    PendingClaimResumed,
    PlaceCarried,
    PlacesLeft,
    ProgressMade,
    Queued,
    ReferralEnded,
    RefundCounted,
    Reinstated,
    ReviewsKept,
    RewardUncounted,
    SignalNoted,
    SignupShown,
    SkippedOrderTaken,
    SlotFreed,
    StateEvent,
    UsersNoted,
)

_replace = msgspec.structs.replace


_ON_TOPICS = (
    RewardGranted | RewardWithdrawn | LimitRequested | OrderAsked | CheckRequested | Claimed
)
_OF_MERGES = PersonKnown | ReviewsCarried | ReferralVoided
_WITHOUT_CELLS: Final = frozenset(get_args(_ON_TOPICS | _OF_MERGES | Refused))


def _changes_cells(event: Event) -> TypeGuard[RewardDecided | StateEvent]:
    return type(event) not in _WITHOUT_CELLS


def evolve(cells: Cells, event: Event) -> None:  # noqa: C901, PLR0912, PLR0915 - a table
    """Apply an event to the cells. The most frequent types come first."""
    if not _changes_cells(event):
        return
    key = referral_key(event.code, event.user_id)
    referral = cells.get(key, ReferralCell)
    match event:
        case RewardDecided():
            _decided(cells, key, referral, event)
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
            _resumed(cells, key, referral)
        case UsersNoted():
            add_users(cells, key, event.users)
        case LimitsRequested():
            cells.put(key, _replace(referral, requested=event.assessed))
            count_reward(cells, key, event.code, event.assessed.case, by=1)
            count_reservations(cells, key, event.assessed.case, by=1)
        case LimitsSettled():
            assert referral.requested is not None
            case = referral.requested.case
            cells.put(key, _replace(referral, requested=None))
            count_reward(cells, key, event.code, case, by=-1)
            count_reservations(cells, key, case, by=-1)
        case LimitsReleased():
            for text in event.reservations:
                cells.put(f"{key}:l:{LimitReservation.parse(text).key}", CountCell())
        case OrderRecorded():
            _order(cells, key, referral, event)
        case RefundCounted():
            cells.put(f"{key}:f:{event.name}", event.refund)
        case DisputeRecorded():
            cells.put(f"{key}:g:{event.name}", event.dispute)
        case SkippedOrderTaken():
            _skipped_taken(cells, key, referral, event)
        case ReferralEnded():
            cells.put(key, _replace(referral, skipped="", is_merged=event.is_merged))
        case RewardUncounted():
            case = cells.get(f"{key}:a:{event.action}", ActionCell).case
            count_reward(cells, key, event.code, case, by=-1)
            count_reservations(cells, key, case, by=-1)
        case ProgressMade(progress=now):
            same = (now.trigger, now.currency)
            others = (p for p in referral.progress if (p.trigger, p.currency) != same)
            cells.put(key, _replace(referral, progress=(*others, now)))
        case SlotFreed():
            skipped = "" if event.is_for_later else referral.skipped
            cells.put(key, _replace(referral, used=referral.used - 1, skipped=skipped))
        case AdjustmentAsked(asked=asked):
            cell = AdjustmentCell(asked, prepared=event.prepared)
            cells.put(f"{key}:m:{asked.adjustment_id}", cell)
        case EarlyDecisionKept(early=early):
            cell_key = f"{key}:m:{early.decided.adjustment_id}"
            cells.put(cell_key, _replace(cells.get(cell_key, AdjustmentCell), early=early))
        case ReviewsKept():
            _reviews_kept(cells, key, event)
        case OrderEvidenceKept(action=action):
            cell_key = f"{key}:a:{action}"
            cells.put(cell_key, _replace(cells.get(cell_key, ActionCell), seen=event.seen))
        case PlaceCarried() | PlacesLeft():
            carry_places(cells, key, event)
        case CommandNoted():
            cells.put(f"{key}:c:{fingerprint(event.command_id):x}", Command(is_done=True))
        case DayForgotten():
            cells.put(day_key(event.code, event.day), CountCell())
        case PartialRefundDeferred():
            _part_deferred(cells, key, event)
        case Reinstated():
            reopen(cells, key, referral, event)
        case MilestoneGone():
            lose(cells, key, event)
        case _:
            assert_never(event)


def _decided(cells: Cells, key: str, referral: ReferralCell, entry: RewardDecided) -> None:
    if is_adjustment(entry.action):
        _adjusted(cells, key, entry)
    else:
        apply_entry(cells, key, referral, entry)


def _queued(cells: Cells, key: str, referral: ReferralCell, event: Queued) -> None:
    event_id = event.waiting.event_id
    cells.put(f"{key}:w:{event_id}", WaitingCell(event.waiting, event.unanswered))
    if referral.last:
        last = f"{key}:w:{referral.last}"
        cells.put(last, _replace(cells.get(last, WaitingCell), next_id=event_id))
    turns = referral.turns + event.waiting.is_again
    first = referral.first or event_id
    cells.put(key, _replace(referral, first=first, last=event_id, turns=turns))


def _resumed(cells: Cells, key: str, referral: ReferralCell) -> None:
    first = f"{key}:w:{referral.first}"
    cell = cells.get(first, WaitingCell)
    assert cell.waiting is not None
    cells.put(first, WaitingCell())
    last = referral.last if cell.next_id else ""
    turns = referral.turns - cell.waiting.is_again
    cells.put(key, _replace(referral, first=cell.next_id, last=last, turns=turns))


def _noted(cells: Cells, key: str, event: SignalNoted) -> None:
    waiting_key = f"{key}:w:{event.seen.claim_id}"
    cell = cells.get(waiting_key, WaitingCell)
    assert cell.waiting is not None
    unanswered = list(cell.unanswered)
    unanswered.remove(event.seen.kind)  # once: a claim may ask about several browsers
    waiting = _replace(cell.waiting, seen=(*cell.waiting.seen, event.seen))
    cells.put(waiting_key, _replace(cell, waiting=waiting, unanswered=tuple(unanswered)))


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
    """Add a reward at the head of the referral's list, where it rests on its reservations."""
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
            refused=_refused(case, earned),
        ),
    )
    is_used = case.verdict != "reject" and not case.is_bonus
    cells.put(
        key,
        _replace(
            referral,
            latest=case.action if is_new else referral.latest,
            used=referral.used + is_used,
            begun=_begun(referral, earned) if is_used else referral.begun,
        ),
    )
    if earned.threshold:
        first_key = f"{key}:a:{first_attempt(case.action)}"
        first = cells.get(first_key, ActionCell)
        cells.put(first_key, _replace(first, times=first.times + 1))
    count_reservations(cells, key, case, by=1)


def _refused(case: RewardCase, earned: AssessedReward) -> Waiting | None:
    """The claim, or the answers about it, for a decision after its refusal as another user's."""
    if case.action == Action.SIGNUP and (is_of_another(case) or _may_be_of_one_person(case)):
        return earned.waiting
    if not is_of_another(case):
        return None
    return Waiting(0, seen=earned.seen) if earned.seen else None


def _may_be_of_one_person(case: RewardCase) -> bool:
    return case.verdict == "reject" and rests_on_users(case.evidence)


def _begun(referral: ReferralCell, earned: AssessedReward) -> tuple[Begun, ...]:
    """The first rewards of the referral, with one that it has earned."""
    case = earned.case
    assert case is not None
    before = referral.begun_in(case.campaign_id)
    is_order = case.order_id is not None and case.action == of_order(case.order_id)
    now = _replace(
        before,
        number=before.number or earned.number,
        first_order=before.first_order or (fingerprint(case.action) if is_order else 0),
    )
    return (*(begun for begun in referral.begun if begun.campaign_id != case.campaign_id), now)


def _adjusted(cells: Cells, key: str, entry: RewardDecided) -> None:
    cell_key = f"{key}:m:{entry.action.partition(':')[2]}"
    cell = cells.get(cell_key, AdjustmentCell)
    cells.put(cell_key, _replace(cell, entry=entry, prepared=None, early=None))


def _reviews_kept(cells: Cells, key: str, event: ReviewsKept) -> None:
    for action, side in event.ended:
        cell_key = f"{key}:a:{action}"
        cell = cells.get(cell_key, ActionCell)
        cells.put(cell_key, _replace(cell, ended_by_review=(*cell.ended_by_review, side)))
        cells.put(f"{key}:c:{side.carried}", Command(is_done=True))


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
