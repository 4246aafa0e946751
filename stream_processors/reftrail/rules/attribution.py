"""Who referred a user, decided once; and which of the user's deeds may earn a reward from then on.

The first signup decides: the touch it came with, or the code typed in. Nothing overwrites that. A
user who signed up without either can still be attributed by a touch from before the signup that
comes in within the campaign's grace. Purchases and refunds that arrive before the decision wait.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias, assert_never

import msgspec

from reftrail.contracts.decisions import (
    Action,
    Attributed,
    Basis,
    Claimed,
    ConversionKind,
    Converted,
)
from reftrail.contracts.record import Derived, Millis
from reftrail.rules.claims import Decision, Deed, claim, decision_of, deed_of, when_done
from reftrail.rules.decider import Cause, Reference, because
from reftrail.rules.policy import policy_at

MOST_WAITING: Final = 64
"""How many purchases and refunds wait for a user's attribution: the earliest ones."""

MOST_REMEMBERED: Final = 256
"""How many orders, and how many refunds, of a user are known again when they come twice: the
latest ones. A repetition of an older one claims again, under the same event_id."""


class AttributionState(msgspec.Struct, frozen=True, array_like=True):
    """What is kept of a user.

    signup is there while the user has signed up and isn't attributed, decision once they are.
    late_touch_time is that of the earliest touch recorded as too late, None if there was none.
    waiting are the deeds from before the decision by time, orders and refunds those claimed since.
    """

    decision: Decision | None = None
    signup: Deed | None = None
    late_touch_time: Millis | None = None
    waiting: tuple[Deed, ...] = ()
    orders: tuple[str, ...] = ()
    refunds: tuple[str, ...] = ()


class SignedUp(Derived, frozen=True, kw_only=True):
    """A user signed up and nothing says who referred them. Concluded for the state alone."""

    signup: Deed


class Postponed(Derived, frozen=True, kw_only=True):
    """A deed waits for the user's attribution. Concluded for the state alone."""

    deed: Deed


Conclusion: TypeAlias = Attributed | Claimed | SignedUp | Postponed


class AttributionDecider:
    """The rule of the attribution stage; its key is the user."""

    def decide(
        self, state: AttributionState, record: Converted, cause: Cause, reference: Reference
    ) -> Sequence[Conclusion]:
        """What a user's conversion means for who referred them."""
        match ConversionKind(record.kind):
            case ConversionKind.SIGNUP:
                return _signup(state, record, cause, reference)
            case ConversionKind.LATE_TOUCH:
                return _late_touch(state, record, cause, reference)
            case ConversionKind.PURCHASE | ConversionKind.REFUND:
                return _deed(state, record, cause)
            case kind:
                assert_never(kind)

    def evolve(self, state: AttributionState, record: Conclusion) -> AttributionState:
        """The decision, what waits for it, and what was claimed are remembered."""
        replace = msgspec.structs.replace
        match record:
            case Attributed(decisive=True):
                return replace(state, decision=decision_of(record), signup=None, waiting=())
            case Attributed():
                return replace(state, late_touch_time=record.touch_time)
            case Claimed():
                return _remember(state, record)
            case SignedUp():
                return replace(state, signup=record.signup)
            case Postponed():
                waiting = sorted((*state.waiting, record.deed), key=when_done)
                return replace(state, waiting=tuple(waiting[:MOST_WAITING]))
            case _:
                assert_never(record)


def _signup(
    state: AttributionState, record: Converted, cause: Cause, reference: Reference
) -> Sequence[Conclusion]:
    if state.decision is not None or state.signup is not None:
        return []
    signup = deed_of(record)
    if _typed_code_decides(record, reference):
        return _attribute(state, _by_typed_code(record, cause), signup, cause)
    if record.touch_code is not None:
        attributed = _by_touch(record, cause, Basis.FIRST_TOUCH)
        return _attribute(state, attributed, signup, cause)
    return [SignedUp(**because(record, cause, "signed_up"), signup=signup)]


def _typed_code_decides(signup: Converted, reference: Reference) -> bool:
    """Without a touch always; over a touch if its campaign says so and the code isn't unknown."""
    if signup.typed_code is None:
        return False
    if signup.touch_code is None:
        return True
    policy = policy_at(reference, signup.typed_campaign_id, signup.event_time)
    return policy.typed_code_wins and signup.typed_code_known is not False


def _late_touch(
    state: AttributionState, record: Converted, cause: Cause, reference: Reference
) -> Sequence[Conclusion]:
    assert record.touch_time is not None
    assert record.arrived_at is not None
    if state.signup is not None and record.conversion_event_id == state.signup.event_id:
        policy = policy_at(reference, record.touch_campaign_id, record.touch_time)
        if record.arrived_at <= state.signup.received_at + policy.late_touch_grace_ms:
            attributed = _by_touch(record, cause, Basis.LATE_TOUCH)
            return _attribute(state, attributed, state.signup, cause)
    earliest = _earliest_known(state)
    if earliest is None or record.touch_time >= earliest:
        return []
    return [_by_touch(record, cause, Basis.LATE_TOUCH, decisive=False)]


def _earliest_known(state: AttributionState) -> Millis | None:
    """Before which time a late touch is news; None for a user who isn't known to have signed up."""
    if state.late_touch_time is not None:
        return state.late_touch_time
    if state.decision is not None:
        return state.decision.touch_time
    return None if state.signup is None else state.signup.event_time + 1


def _deed(state: AttributionState, record: Converted, cause: Cause) -> Sequence[Conclusion]:
    deed = deed_of(record)
    if state.decision is None:
        is_known = any(deed.event_id == other.event_id for other in state.waiting)
        return [] if is_known else [Postponed(**because(record, cause, "postponed"), deed=deed)]
    if not _may_claim(deed, state.decision) or _has_claimed(deed, state):
        return []
    return [claim(deed, state.decision, record, cause)]


def _attribute(
    state: AttributionState, attributed: Attributed, signup: Deed, cause: Cause
) -> Sequence[Conclusion]:
    """The decision, then the claims: of the signup, and of what has waited for it."""
    decision = decision_of(attributed)
    claims = [claim(signup, decision, attributed, cause)]
    claimed = state
    for deed in state.waiting:
        if _may_claim(deed, decision) and not _has_claimed(deed, claimed):
            claims.append(claim(deed, decision, attributed, cause))
            claimed = _remember(claimed, claims[-1])
    return [attributed, *claims]


def _has_claimed(deed: Deed, state: AttributionState) -> bool:
    """A purchase is known by its order, a refund by its event: an order may have several."""
    if deed.action == Action.PURCHASE:
        return deed.order_id in state.orders
    return deed.event_id in state.refunds


def _remember(state: AttributionState, claimed: Claimed) -> AttributionState:
    match claimed:
        case Claimed(action=Action.PURCHASE, order_id=str(order_id)):
            orders = (*state.orders, order_id)[-MOST_REMEMBERED:]
            return msgspec.structs.replace(state, orders=orders)
        case Claimed(action=Action.REFUND, action_event_id=event_id):
            refunds = (*state.refunds, event_id)[-MOST_REMEMBERED:]
            return msgspec.structs.replace(state, refunds=refunds)
        case _:
            return state


def _may_claim(deed: Deed, decision: Decision) -> bool:
    """Purchases from before the touch never do: that customer was there without the referrer."""
    return deed.action != Action.PURCHASE or deed.event_time >= decision.touch_time


def _by_touch(
    record: Converted, cause: Cause, basis: Basis, *, decisive: bool = True
) -> Attributed:
    assert record.touch_code is not None
    assert record.touch_time is not None
    return Attributed(
        **because(record, cause, "attributed"),
        user_id=record.user_id,
        visitor_id=record.visitor_id,
        code=record.touch_code,
        campaign_id=record.touch_campaign_id,
        code_evidence=record.touch_code_evidence,
        basis=basis,
        decisive=decisive,
        touch_event_id=record.touch_event_id,
        touch_time=record.touch_time,
        signup_event_id=record.conversion_event_id,
        category=record.touch_category,
        channel=record.touch_channel,
    )


def _by_typed_code(record: Converted, cause: Cause) -> Attributed:
    """The code counts from the moment it was typed in: there is no touch that it goes back to."""
    assert record.typed_code is not None
    return Attributed(
        **because(record, cause, "attributed"),
        user_id=record.user_id,
        visitor_id=record.visitor_id,
        code=record.typed_code,
        campaign_id=record.typed_campaign_id,
        code_evidence=record.typed_code_evidence,
        basis=Basis.TYPED_CODE,
        touch_time=record.event_time,
        signup_event_id=record.conversion_event_id,
        category=record.typed_category,
        channel=record.channel,
    )
