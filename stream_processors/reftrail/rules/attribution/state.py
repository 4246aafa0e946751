"""State of the attribution stage, in cells under a user, and its changes by events.

user          the decisions, and how much waits
user:w:event  a purchase or refund that waits
user:r:order  refunds of an order that waited in vain
"""

from collections.abc import Iterator
from typing import TypeAlias, assert_never

import msgspec

from reftrail.contracts.code_spelling import canonical
from reftrail.contracts.decisions import Action, Attributed, Claimed
from reftrail.contracts.record import Derived, Millis
from reftrail.contracts.stage_messages import CheckRequested
from reftrail.rules.attribution.claims import Decision, Deed, Open, decision_of
from reftrail.rules.cells import Cells, escaped, unescaped
from reftrail.rules.decider import Refused, fingerprint

NEVER: Millis = -1
"""In place of a time that there is none of. Real times are not negative."""


class AttributionState(msgspec.Struct, frozen=True, array_like=True):
    """The state of a user.

    signup is set while the user has signed up and isn't attributed. decisions has one entry for
    each campaign that refers users once in the campaign, otherwise one. late_touch_time is the time
    of the earliest touch that was recorded without effect. waiting is the number of purchases and
    refunds that wait, latest the event_id of the last of them, from which the others are linked.
    first_purchase_at is the time of the user's first purchase.
    """

    decisions: tuple[Decision, ...] = ()
    signup: Deed | None = None
    late_touch_time: Millis | None = None
    waiting: int = 0
    latest: str = ""
    first_purchase_at: Millis = NEVER

    def by_signup(self, event_id: str) -> Decision | None:
        """The decision that a signup led to."""
        return next((known for known in self.decisions if known.signup_event_id == event_id), None)


class WaitingDeed(msgspec.Struct, frozen=True, array_like=True):
    """A purchase or refund that waits until due_at, with its place in the log.

    previous is the event_id of the one that came before it. Without a deed the cell is only a link.
    """

    deed: Deed | None = None
    due_at: Millis = NEVER
    topic: str = ""
    partition: int = 0
    offset: int = 0
    previous: str = ""


class ForgottenRefunds(msgspec.Struct, frozen=True, array_like=True):
    """The refunds of an order that wait no longer. They are remembered until due_at.

    Each has the fingerprint of its event, and the codes under which it has claimed: a referral
    under another code doesn't know of the refund.
    """

    refunds: tuple[tuple[int, tuple[str, ...]], ...] = ()
    due_at: Millis = NEVER


class SignedUp(Derived, frozen=True, kw_only=True):
    """A user signed up without a referrer. A state event."""

    user_id: str
    signup: Deed


class Postponed(Derived, frozen=True, kw_only=True):
    """A purchase or refund waits for a decision or its correction. A state event."""

    user_id: str
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
    return WaitingDeed if key.split(":", 2)[1] == "w" else ForgottenRefunds


def user_key(user_id: str) -> str:
    """The key of a user's cell."""
    return escaped(user_id)


def waiting_key(user_id: str, event_id: str) -> str:
    """The key of a purchase or refund that waits."""
    return f"{escaped(user_id)}:w:{event_id}"


def forgotten_key(user_id: str, order_id: str) -> str:
    """The key of an order's refunds that wait no longer."""
    return f"{escaped(user_id)}:r:{order_id}"


def parts_of_timed_key(key: str) -> tuple[str, str]:
    """The user of a key with a timer, and the rest of it, such as `w:event`."""
    user_id, _, rest = key.partition(":")
    return unescaped(user_id), rest


def state_of(cells: Cells, user_id: str) -> AttributionState:
    """The state of a user."""
    return cells.get(user_key(user_id), AttributionState)


def waiting_of(cells: Cells, user_id: str) -> Iterator[tuple[str, WaitingDeed]]:
    """The cells of what waits, by event_id, the newest first; links too.

    A predecessor stands earlier in the log. A cell that ended and came again is no predecessor.
    """
    event_id, end = state_of(cells, user_id).latest, None
    while event_id:
        waiting = cells.get(waiting_key(user_id, event_id), WaitingDeed)
        if end is not None and waiting.offset >= end:
            return
        yield event_id, waiting
        event_id, end = waiting.previous, waiting.offset


def evolve(cells: Cells, event: Event) -> None:  # noqa: C901, PLR0912 - a table
    """Apply an event to the cells."""
    match event:
        case CheckRequested() | Refused():
            return
    replace = msgspec.structs.replace
    key = user_key(event.user_id)
    state = cells.get(key, AttributionState)
    match event:
        case Attributed(decisive=True):
            cells.put(key, _with_decision(state, event))
        case Attributed():
            cells.put(key, replace(state, late_touch_time=event.touch_time))
        case LeftOpen():
            cells.put(key, _with_open(state, event.code, event.open))
        case Claimed(action=Action.PURCHASE):
            cells.put(key, _with_open(state, event.code, None))
        case Claimed(action=Action.REFUND, order_id=str(order_id)):
            _known_under(cells, forgotten_key(event.user_id, order_id), event)
        case Claimed():
            pass
        case SignedUp():
            cells.put(key, replace(state, signup=event.signup))
        case FirstPurchaseSeen():
            cells.put(key, replace(state, first_purchase_at=event.event_time))
        case Postponed():
            assert event.waiting.deed is not None
            event_id = event.waiting.deed.event_id
            if cells.get(waiting_key(event.user_id, event_id), WaitingDeed) != WaitingDeed():
                _unlink(cells, event.user_id, event_id)
            waiting = replace(event.waiting, previous=state.latest)
            cells.put(waiting_key(event.user_id, event_id), waiting)
            cells.put(key, replace(state, waiting=state.waiting + 1, latest=event_id))
        case WaitingEnded():
            _end_waiting(cells, key, state, event)
        case RefundForgotten():
            _forget(cells, state, event)
        case ForgottenRefundsDropped():
            cells.put(forgotten_key(event.user_id, event.order_id), ForgottenRefunds())
        case _:
            assert_never(event)


def _unlink(cells: Cells, user_id: str, event_id: str) -> None:
    """Take a cell out of the list, since it comes again and begins the list then."""
    own = cells.get(waiting_key(user_id, event_id), WaitingDeed)
    for later_id, later in list(waiting_of(cells, user_id)):
        if later.previous == event_id:
            now = msgspec.structs.replace(later, previous=own.previous)
            cells.put(waiting_key(user_id, later_id), now)


def _end_waiting(cells: Cells, key: str, state: AttributionState, event: WaitingEnded) -> None:
    """Remove cells from the list. One in between stays as a link to those before it."""
    left = state.waiting - len(event.ended)
    if left <= 0:
        for event_id, _ in list(waiting_of(cells, event.user_id)):
            cells.put(waiting_key(event.user_id, event_id), WaitingDeed())
        cells.put(key, msgspec.structs.replace(state, waiting=0, latest=""))
        return
    for event_id in event.ended:
        ended = waiting_key(event.user_id, event_id)
        cell = cells.get(ended, WaitingDeed)
        previous, offset = cell.previous, cell.offset
        leads_on = (
            previous
            and cells.get(waiting_key(event.user_id, previous), WaitingDeed) != WaitingDeed()
        )
        cells.put(
            ended, WaitingDeed(previous=previous, offset=offset) if leads_on else WaitingDeed()
        )
    cells.put(key, msgspec.structs.replace(state, waiting=left))


def _forget(cells: Cells, state: AttributionState, event: RefundForgotten) -> None:
    """Remember a refund under the codes of all decisions: under each of them it has claimed."""
    key = forgotten_key(event.user_id, event.order_id)
    cell = cells.get(key, ForgottenRefunds)
    refund = fingerprint(event.refund_event_id)
    others = (known for known in cell.refunds if known[0] != refund)
    codes = tuple(canonical(decision.code) for decision in state.decisions)
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


def due_at(cell: WaitingDeed | ForgottenRefunds) -> Millis | None:
    """The time of a cell's timer: the end of its wait, or of its memory."""
    return None if cell.due_at == NEVER else cell.due_at


def _with_decision(state: AttributionState, attributed: Attributed) -> AttributionState:
    """The state with one more decision, which replaces one for the same signup."""
    signup = attributed.signup_event_id
    others = (known for known in state.decisions if known.signup_event_id != signup)
    decisions = (*others, decision_of(attributed))
    return msgspec.structs.replace(state, decisions=decisions, signup=None)


def _with_open(state: AttributionState, code: str, still: Open | None) -> AttributionState:
    """The state with the decision for a code left open to correction, or closed."""
    if all(not _is_same(known.code, code) or known.open == still for known in state.decisions):
        return state
    decisions = tuple(
        msgspec.structs.replace(known, open=still) if _is_same(known.code, code) else known
        for known in state.decisions
    )
    return msgspec.structs.replace(state, decisions=decisions)


def _is_same(code: str, other: str) -> bool:
    return code == other or canonical(code) == canonical(other)
