"""State of the attribution stage, in cells under a user, and its changes by events.

user      the decisions, the signup, the first purchase
user:...  a purchase or refund that waits, or refunds that waited in vain (`waiting.py`)
"""

from collections.abc import Iterator
from typing import Any, TypeAlias, assert_never

import msgspec

from reftrail.contracts.code_spelling import canonical
from reftrail.contracts.decisions import Action, Attributed, Claimed
from reftrail.contracts.events import CodeEvidence
from reftrail.contracts.record import Derived, Millis
from reftrail.contracts.stage_messages import CheckRequested
from reftrail.rules.attribution.claims import Decision, Deed, Open, decision_of
from reftrail.rules.attribution.waiting import (
    NEVER,
    ForgottenRefunds,
    WaitingDeed,
    forgotten_key,
    parts_of_timed_key,
    waiting_key,
)
from reftrail.rules.cells import Cells, escaped
from reftrail.rules.decider import Refused, fingerprint


class AttributionState(msgspec.Struct, frozen=True, array_like=True):
    """The state of a user.

    first_purchase_at is the time of the user's first purchase. signup is set while the user has
    signed up and isn't attributed. decisions has one entry for each campaign that refers users once
    in the campaign, otherwise one. late_touch_time is the time of the earliest touch that was
    recorded without effect.
    """

    first_purchase_at: Millis = NEVER
    decisions: tuple[Decision, ...] = ()
    signup: Deed | None = None
    late_touch_time: Millis | None = None

    def by_signup(self, event_id: str) -> Decision | None:
        """The decision that a signup led to."""
        return next((known for known in self.decisions if known.signup_event_id == event_id), None)


class SignedUp(Derived, frozen=True, kw_only=True):
    """A user signed up without a referrer. A state event."""

    user_id: str
    signup: Deed


class Postponed(Derived, frozen=True, kw_only=True):
    """A purchase or refund waits for a decision or its correction. A state event."""

    user_id: str
    deed_id: str
    waiting: WaitingDeed


class FirstPurchaseSeen(Derived, frozen=True, kw_only=True):
    """A user bought at event_time, before any other known purchase. A state event."""

    user_id: str


class WaitingEnded(Derived, frozen=True, kw_only=True):
    """Purchases or refunds wait no longer. ended are their event_ids. A state event."""

    user_id: str
    ended: tuple[str, ...]


class RefundForgotten(Derived, frozen=True, kw_only=True):
    """A refund waits no longer, and is remembered until due_at. A state event."""

    user_id: str
    order_id: str
    refund_event_id: str
    due_at: Millis


class ForgottenRefundsDropped(Derived, frozen=True, kw_only=True):
    """The refunds of an order are no longer remembered. A state event."""

    user_id: str
    order_id: str


class LeftOpen(Derived, frozen=True, kw_only=True):
    """A decision may still be corrected. A state event."""

    user_id: str
    code: str
    open: Open


Event: TypeAlias = (
    Attributed
    | Claimed
    | CheckRequested
    | SignedUp
    | Postponed
    | FirstPurchaseSeen
    | WaitingEnded
    | RefundForgotten
    | ForgottenRefundsDropped
    | LeftOpen
    | Refused
)
STATE_EVENTS = (
    SignedUp,
    Postponed,
    FirstPurchaseSeen,
    WaitingEnded,
    RefundForgotten,
    ForgottenRefundsDropped,
    LeftOpen,
)
"""The types of what goes to no topic."""


def kind_of(key: str) -> type[AttributionState | WaitingDeed | ForgottenRefunds]:
    """The type of the cell under a key."""
    if ":" not in key:
        return AttributionState
    return ForgottenRefunds if key.split(":", 2)[1] == "r" else WaitingDeed


def user_key(user_id: str) -> str:
    """The key of a user's cell."""
    return escaped(user_id)


def state_of(cells: Cells, user_id: str) -> AttributionState:
    """The state of a user."""
    return cells.get(user_key(user_id), AttributionState)


def waiting_of(cells: Cells, key: str) -> Iterator[tuple[str, WaitingDeed]]:
    """The cells of what waits for a user with a key, by event_id."""
    for name in cells.under(key):
        if kind_of(name) is WaitingDeed and not (cell := cells.get(name, WaitingDeed)).is_empty:
            yield parts_of_timed_key(name)[1].removeprefix("w:"), cell


def evolve(cells: Cells, event: Event) -> None:  # noqa: C901, PLR0912 - a table
    """Apply an event to the cells."""
    match event:
        case CheckRequested() | Refused():
            pass
        case Claimed(action=Action.PURCHASE) if _may_have_earned(event):
            _leave_open(cells, event.user_id, event.code, None)
        case Claimed(action=Action.REFUND, order_id=str(order_id)):
            _known_under(cells, forgotten_key(event.user_id, order_id), event)
        case Claimed():
            pass
        case Attributed(decisive=True):
            _decide(cells, event)
        case Attributed():
            _change(cells, event.user_id, late_touch_time=event.touch_time)
        case LeftOpen():
            _leave_open(cells, event.user_id, event.code, event.open)
        case SignedUp():
            _change(cells, event.user_id, signup=event.signup)
        case FirstPurchaseSeen():
            _change(cells, event.user_id, first_purchase_at=event.event_time)
        case Postponed():
            cells.put(waiting_key(event.user_id, event.deed_id), event.waiting)
        case WaitingEnded():
            for event_id in event.ended:
                cells.put(waiting_key(event.user_id, event_id), WaitingDeed())
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


def _decide(cells: Cells, attributed: Attributed) -> None:
    """Add a decision, which replaces one for the same signup."""
    signup = attributed.signup_event_id
    known = state_of(cells, attributed.user_id).decisions
    others = (decision for decision in known if decision.signup_event_id != signup)
    decisions = (*others, decision_of(attributed))
    _change(cells, attributed.user_id, decisions=decisions, signup=None)


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


def _may_have_earned(claimed: Claimed) -> bool:
    """Whether a claim has a code that there is: one that was mistyped or forged earns nothing."""
    return claimed.campaign_id is not None and claimed.code_evidence != CodeEvidence.FORGED


def _is_same(code: str, other: str) -> bool:
    return code == other or canonical(code) == canonical(other)
