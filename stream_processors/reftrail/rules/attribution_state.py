"""What the attribution stage keeps of a user, and how that follows from what it concludes."""

from typing import Final, TypeAlias, assert_never

import msgspec

from reftrail.contracts.decisions import Action, Attributed, Claimed
from reftrail.contracts.life import CheckRequested
from reftrail.contracts.record import Derived, Millis
from reftrail.rules.claims import Decision, Deed, Open, decision_of, when_done

MOST_WAITING: Final = 64
"""How many purchases and refunds wait for a user's attribution: the earliest ones."""

MOST_REMEMBERED: Final = 256
"""How many orders, and how many refunds, of a user are known again when they come twice: the
latest ones. A repetition of an older one claims again, under the same event_id."""


class AttributionState(msgspec.Struct, frozen=True, array_like=True):
    """What is kept of a user.

    signup is there while the user has signed up and isn't attributed; decisions once they are, one
    for each campaign that refers users once in the campaign. late_touch_time is that of the
    earliest touch recorded as too late, None if there was none. waiting are the deeds from before
    the first decision by time, orders and refunds those claimed since.
    """

    decisions: tuple[Decision, ...] = ()
    signup: Deed | None = None
    late_touch_time: Millis | None = None
    waiting: tuple[Deed, ...] = ()
    orders: tuple[str, ...] = ()
    refunds: tuple[str, ...] = ()

    def by_signup(self, event_id: str) -> Decision | None:
        """The decision that a signup led to."""
        return next((one for one in self.decisions if one.signup_event_id == event_id), None)


class SignedUp(Derived, frozen=True, kw_only=True):
    """A user signed up and nothing says who referred them. Concluded for the state alone."""

    signup: Deed


class Postponed(Derived, frozen=True, kw_only=True):
    """A deed waits for the user's attribution. Concluded for the state alone."""

    deed: Deed


class LeftOpen(Derived, frozen=True, kw_only=True):
    """A decision may still be corrected. Concluded for the state alone."""

    code: str
    open: Open


Conclusion: TypeAlias = Attributed | Claimed | CheckRequested | SignedUp | Postponed | LeftOpen


def remember(state: AttributionState, record: Conclusion) -> AttributionState:
    """The state after a conclusion: the decisions, what waits for one, and what was claimed."""
    replace = msgspec.structs.replace
    match record:
        case Attributed(decisive=True):
            return _with_decision(state, record)
        case Attributed():
            return replace(state, late_touch_time=record.touch_time)
        case LeftOpen():
            return _with_open(state, record.code, record.open)
        case Claimed():
            return _with_claim(state, record)
        case SignedUp() | Postponed():
            return _with_waiting(state, record)
        case CheckRequested():
            return state
        case _:
            assert_never(record)


def _with_decision(state: AttributionState, attributed: Attributed) -> AttributionState:
    """One more decision, or in place of the one for the same signup."""
    signup = attributed.signup_event_id
    others = (one for one in state.decisions if one.signup_event_id != signup)
    decisions = (*others, decision_of(attributed))
    return msgspec.structs.replace(state, decisions=decisions, signup=None, waiting=())


def _with_waiting(state: AttributionState, record: SignedUp | Postponed) -> AttributionState:
    if isinstance(record, SignedUp):
        return msgspec.structs.replace(state, signup=record.signup)
    waiting = sorted((*state.waiting, record.deed), key=when_done)
    return msgspec.structs.replace(state, waiting=tuple(waiting[:MOST_WAITING]))


def has_claimed(deed: Deed, state: AttributionState) -> bool:
    """A purchase is known by its order, a refund by its event: an order may have several."""
    if deed.action == Action.PURCHASE:
        return deed.order_id in state.orders
    return deed.event_id in state.refunds


def _with_claim(state: AttributionState, claimed: Claimed) -> AttributionState:
    replace = msgspec.structs.replace
    match claimed:
        case Claimed(action=Action.PURCHASE, order_id=str(order_id)):
            now = _with_open(state, claimed.code, None)
            if order_id in now.orders:
                return now
            return replace(now, orders=(*now.orders, order_id)[-MOST_REMEMBERED:])
        case Claimed(action=Action.REFUND, action_event_id=event_id):
            if event_id in state.refunds:
                return state
            return replace(state, refunds=(*state.refunds, event_id)[-MOST_REMEMBERED:])
        case _:
            return state


def _with_open(state: AttributionState, code: str, still: Open | None) -> AttributionState:
    """With the decision for a code left open to correction, or no longer."""
    decisions = tuple(
        msgspec.structs.replace(one, open=still) if one.code == code and one.open != still else one
        for one in state.decisions
    )
    return msgspec.structs.replace(state, decisions=decisions)
