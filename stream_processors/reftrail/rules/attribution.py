"""Who referred a user, decided once; and which of the user's deeds may earn a reward from then on.

The first signup decides: the touch it came with, or the code typed in. Where a campaign refers
users once in the campaign rather than once ever, a later signup may decide again for that campaign.
A user who signed up without either can still be attributed by a touch from before the signup that
comes in within the campaign's grace. A touch earlier than the one decided on corrects the decision
within the grace, and only while nothing that may earn was claimed: what became of a claim isn't
known here. Otherwise it is kept as a late touch. Purchases and refunds that arrive before the
decision wait.
"""

from collections.abc import Sequence
from typing import assert_never

import msgspec

from reftrail.contracts.decisions import Action, Attributed, Basis, ConversionKind, Converted
from reftrail.contracts.policy import Scope, policy_in
from reftrail.contracts.record import Millis
from reftrail.rules.attribution_state import (
    AttributionState,
    Conclusion,
    LeftOpen,
    Postponed,
    SignedUp,
    has_claimed,
    remember,
)
from reftrail.rules.claims import (
    Decision,
    Deed,
    Open,
    claims_of,
    decision_of,
    deed_of,
    may_claim,
    may_earn,
)
from reftrail.rules.decider import Cause, Reference, because
from reftrail.rules.policy import policy_at


class AttributionDecider:
    """The rule of the attribution stage; its key is the user."""

    def decide(
        self, state: AttributionState, record: Converted, cause: Cause, reference: Reference
    ) -> Sequence[Conclusion]:
        """What a user's conversion means for who referred them."""
        question = _Question(state, record, cause, reference)
        match ConversionKind(record.kind):
            case ConversionKind.SIGNUP:
                return _signup(question)
            case ConversionKind.LATE_TOUCH:
                return _late_touch(question)
            case ConversionKind.PURCHASE | ConversionKind.REFUND:
                return _deed(question)
            case kind:
                assert_never(kind)

    def evolve(self, state: AttributionState, record: Conclusion) -> AttributionState:
        """The decisions, what waits for one, and what was claimed."""
        return remember(state, record)


class _Question(msgspec.Struct, frozen=True):
    """What a decision is made from."""

    state: AttributionState
    record: Converted
    cause: Cause
    reference: Reference


def _signup(on: _Question) -> Sequence[Conclusion]:
    state, record = on.state, on.record
    attributed = _attributed_by_signup(on)
    if attributed is None:
        is_first = not state.decisions and state.signup is None
        signed_up = SignedUp(**because(record, on.cause, "signed_up"), signup=deed_of(record))
        return [signed_up] if is_first else []
    if state.by_signup(record.conversion_event_id) or not _may_be_attributed(on, attributed):
        return []
    return _attribute(on, attributed, deed_of(record))


def _attributed_by_signup(on: _Question) -> Attributed | None:
    if _typed_code_decides(on.record, on.reference):
        return _by_typed_code(on.record, on.cause)
    if on.record.touch_code is not None:
        return _by_touch(on.record, on.cause, Basis.FIRST_TOUCH)
    return None


def _may_be_attributed(on: _Question, attributed: Attributed) -> bool:
    """Once ever, by the first signup; or once in the campaign, if it says so."""
    policy = policy_at(on.reference, attributed.campaign_id, attributed.event_time)
    if policy_in(policy.policy).scope == Scope.CAMPAIGN:
        return all(one.campaign_id != attributed.campaign_id for one in on.state.decisions)
    return not on.state.decisions and on.state.signup is None


def _typed_code_decides(signup: Converted, reference: Reference) -> bool:
    """Without a touch always; over a touch if its campaign says so and the code isn't unknown."""
    if signup.typed_code is None:
        return False
    if signup.touch_code is None:
        return True
    policy = policy_at(reference, signup.typed_campaign_id, signup.event_time)
    return policy.typed_code_wins and signup.typed_code_known is not False


def _late_touch(on: _Question) -> Sequence[Conclusion]:
    state, record = on.state, on.record
    assert record.touch_time is not None
    if state.signup is not None and record.conversion_event_id == state.signup.event_id:
        if _is_in_grace(on, state.signup):
            return _attribute(on, _by_touch(record, on.cause, Basis.LATE_TOUCH), state.signup)
    else:
        decision = state.by_signup(record.conversion_event_id)
        if decision is not None and decision.open and _corrects(on, decision, decision.open):
            attributed = _by_touch(record, on.cause, Basis.LATE_TOUCH)
            corrected = msgspec.structs.replace(attributed, corrects=decision.open.attributed_id)
            is_claimed = attributed.code == decision.code
            return _attribute(on, corrected, decision.open.signup, is_claimed=is_claimed)
    earliest = _earliest_known(on)
    if earliest is None or record.touch_time >= earliest:
        return []
    return [_by_touch(record, on.cause, Basis.LATE_TOUCH, decisive=False)]


def _is_in_grace(on: _Question, signup: Deed) -> bool:
    assert on.record.arrived_at is not None
    assert on.record.touch_time is not None
    policy = policy_at(on.reference, on.record.touch_campaign_id, on.record.touch_time)
    return on.record.arrived_at <= signup.received_at + policy.late_touch_grace_ms


def _corrects(on: _Question, decision: Decision, still: Open) -> bool:
    """Whether the decision would have been this touch's, had it come in time."""
    assert on.record.touch_time is not None
    others = (one for one in on.state.decisions if one is not decision)
    if any(one.campaign_id == on.record.touch_campaign_id for one in others):
        return False
    if on.record.touch_time >= decision.touch_time or not _is_in_grace(on, still.signup):
        return False
    if decision.basis != Basis.TYPED_CODE:
        return True
    policy = policy_at(on.reference, decision.campaign_id, decision.signed_up_at)
    return not policy.typed_code_wins


def _earliest_known(on: _Question) -> Millis | None:
    """Before which time a late touch is news; None for a user who isn't known to have signed up."""
    state = on.state
    if state.late_touch_time is not None:
        return state.late_touch_time
    if state.decisions:
        decision = state.by_signup(on.record.conversion_event_id) or state.decisions[0]
        return decision.touch_time
    return None if state.signup is None else state.signup.event_time + 1


def _deed(on: _Question) -> Sequence[Conclusion]:
    state, record = on.state, on.record
    deed = deed_of(record)
    if not state.decisions:
        is_known = any(deed.event_id == other.event_id for other in state.waiting)
        postponed = Postponed(**because(record, on.cause, "postponed"), deed=deed)
        return [] if is_known else [postponed]
    if has_claimed(deed, state):
        return []
    return [
        conclusion
        for decision in state.decisions
        if may_claim(deed, decision)
        for conclusion in claims_of(deed, decision, record, on.cause, on.reference)
    ]


def _attribute(
    on: _Question, attributed: Attributed, signup: Deed, *, is_claimed: bool = False
) -> Sequence[Conclusion]:
    """The decision, then the claims: of the signup, and of what has waited for it.

    is_claimed: under this code the signup has claimed already, when another touch decided.
    """
    decision = decision_of(attributed)
    conclusions: list[Conclusion] = [attributed]
    if not _may_have_earned(on, decision):
        common = because(on.record, on.cause, "left_open")
        still = Open(signup, attributed.event_id)
        conclusions.append(LeftOpen(**common, code=decision.code, open=still))
    if not is_claimed:
        conclusions += claims_of(signup, decision, attributed, on.cause, on.reference)
    claimed = on.state
    for deed in on.state.waiting:
        if may_claim(deed, decision) and not has_claimed(deed, claimed):
            found = claims_of(deed, decision, attributed, on.cause, on.reference)
            conclusions += found
            for one in found:
                claimed = remember(claimed, one)
    return conclusions


def _may_have_earned(on: _Question, decision: Decision) -> bool:
    """Whether the signup is what the campaign pays for. Without a campaign nothing is."""
    campaign = on.reference.campaign(decision.campaign_id, decision.signed_up_at)
    return campaign is not None and may_earn(Action.SIGNUP, campaign.trigger)


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
