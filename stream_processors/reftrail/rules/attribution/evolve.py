"""Evolution of the attribution stage's state by its events."""

from typing import Any, Final, assert_never

import msgspec

from reftrail.contracts.code_spelling import canonical
from reftrail.contracts.decisions import Action, Attributed, Basis, Claimed
from reftrail.contracts.stage_messages import (
    CheckRequested,
    Forwarded,
    OrderAsked,
    ReferralVoided,
    UserSeen,
    UsersKnown,
)
from reftrail.rules.attribution.claims import Decision, Open, may_have_earned
from reftrail.rules.attribution.state import AttributionState, state_of, user_key
from reftrail.rules.attribution.state_events import (
    ActionKept,
    BrowserShared,
    BuyerSeen,
    ClaimRefused,
    Decided,
    Event,
    FirstPurchaseSeen,
    ForgottenRefundsDropped,
    HistoryChanged,
    LeftOpen,
    Postponed,
    ReferralsEnded,
    RefundForgotten,
    SignedUp,
    TouchesDropped,
    TouchKept,
    TouchRefused,
    WaitingEnded,
)
from reftrail.rules.attribution.waiting import (
    EndedReferral,
    ForgottenRefunds,
    KeptAction,
    WaitingAction,
    WaitingTouch,
    ended_key,
    forgotten_key,
    kept_key,
    touch_key,
    waiting_key,
)
from reftrail.rules.cells import Cells
from reftrail.rules.decider import Refused, fingerprint

_TAKES_BACK: Final = frozenset({Action.REFUND, Action.DISPUTE_LOST})


def evolve(cells: Cells, event: Event) -> None:  # noqa: C901, PLR0912, PLR0915 - a table
    """Apply an event to the cells. The most frequent types come first."""
    match event:
        case Decided():
            _decide(cells, event.user_id, event.decision)
        case Claimed() if may_have_earned(event):
            _leave_open(cells, event.user_id, event.code, None)
        case Claimed(order_id=str(order_id)) if event.action in _TAKES_BACK:
            _known_under(cells, forgotten_key(event.user_id, order_id), event)
        case Claimed():
            pass
        case Attributed(decisive=True) | Attributed(basis=Basis.MERGED):
            pass
        case Attributed():
            _change(cells, event.user_id, late_touch_time=event.touch_time)
        case CheckRequested() | UserSeen() | OrderAsked():
            pass
        case BuyerSeen():
            _change(cells, event.user_id, visitor=event.visitor, visitor_day=event.day)
        case BrowserShared():
            _change(cells, event.user_id, shared=event.shared)
        case Postponed():
            cells.put(waiting_key(event.user_id, event.action_id), event.waiting)
        case FirstPurchaseSeen():
            _change(cells, event.user_id, first_purchase_at=event.event_time)
        case ActionKept():
            key = kept_key(event.user_id, event.action_id)
            is_refused = cells.get(key, KeptAction).is_refused
            cells.put(key, msgspec.structs.replace(event.kept, is_refused=is_refused))
        case SignedUp():
            _change(cells, event.user_id, signup=event.signup)
        case ReferralVoided() | UsersKnown() | Forwarded() | Refused():
            pass
        case LeftOpen():
            _leave_open(cells, event.user_id, event.code, event.open)
        case ClaimRefused():
            key = kept_key(event.user_id, event.action_id)
            kept = cells.get(key, KeptAction)
            cells.put(key, msgspec.structs.replace(kept, is_refused=event.is_refused))
        case TouchRefused():
            cells.put(touch_key(event.user_id, ""), WaitingTouch(due_at=event.due_at))
        case HistoryChanged():
            cells.put(user_key(event.user_id), event.state)
            for event_id in event.dropped:
                cells.put(kept_key(event.user_id, event_id), KeptAction())
            for referral in event.left:
                cells.put(ended_key(event.user_id, referral), EndedReferral())
        case ReferralsEnded():
            for referral in event.referrals:
                cells.put(ended_key(event.user_id, referral), EndedReferral(is_ended=True))
        case TouchKept():
            visitor_id = event.record.visitor_id or ""
            waiting = WaitingTouch(event.record, event.due_at)
            cells.put(touch_key(event.user_id, visitor_id), waiting)
        case TouchesDropped():
            for visitor_id in event.visitors:
                cells.put(touch_key(event.user_id, visitor_id), WaitingTouch())
        case WaitingEnded():
            for event_id in event.ended:
                cells.put(waiting_key(event.user_id, event_id), WaitingAction())
        case RefundForgotten():
            _forget(cells, event)
        case ForgottenRefundsDropped():
            cells.put(forgotten_key(event.user_id, event.order_id), ForgottenRefunds())
        case _:
            assert_never(event)


def _forget(cells: Cells, event: RefundForgotten) -> None:
    """Remember a refund under the codes of all decisions: under each of them it has claimed."""
    key = forgotten_key(event.user_id, event.order_id)
    cell = cells.get(key, ForgottenRefunds)
    refund = fingerprint(event.refund_event_id)
    others = (known for known in cell.refunds if known[0] != refund)
    codes = tuple(canonical(decision.code) for decision in state_of(cells, event.user_id).decisions)
    refunds = (*others, (refund, codes))
    cells.put(key, ForgottenRefunds(refunds, max(cell.due_at, event.due_at)))


def _known_under(cells: Cells, key: str, claimed: Claimed) -> None:
    """A refund that waited in vain came again, and claims under one more code."""
    cell = cells.get(key, ForgottenRefunds)
    if not cell.refunds:
        return
    refund, code = fingerprint(claimed.action_event_id), canonical(claimed.code)
    refunds = tuple(
        (known, (*codes, code) if known == refund and code not in codes else codes)
        for known, codes in cell.refunds
    )
    cells.put(key, msgspec.structs.replace(cell, refunds=refunds))


def _decide(cells: Cells, user_id: str, decision: Decision) -> None:
    """Add a decision, which replaces one for the same signup."""
    known = state_of(cells, user_id).decisions
    others = (other for other in known if other.signup_event_id != decision.signup_event_id)
    _change(cells, user_id, decisions=(*others, decision), signup=None)


def _leave_open(cells: Cells, user_id: str, code: str, still: Open | None) -> None:
    """Leave the decision for a code open to correction, or close it."""
    known = state_of(cells, user_id).decisions
    if all(decision.open == still or not _is_same(decision.code, code) for decision in known):
        return
    decisions = tuple(
        msgspec.structs.replace(decision, open=still) if _is_same(decision.code, code) else decision
        for decision in known
    )
    _change(cells, user_id, decisions=decisions)


def _change(cells: Cells, user_id: str, **fields: Any) -> None:
    """Change some fields of a user's state."""
    key = user_key(user_id)
    cells.put(key, msgspec.structs.replace(cells.get(key, AttributionState), **fields))


def _is_same(code: str, other: str) -> bool:
    return code == other or canonical(code) == canonical(other)
