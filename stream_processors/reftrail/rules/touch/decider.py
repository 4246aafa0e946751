"""First touch of a visitor, and its part in the visitor's conversions.

A first touch holds for its campaign's window, like a cookie that isn't overwritten. Touches within
the window change nothing. The first touch after the window opens a new period. An earlier touch
that comes in late replaces the first touch, if its own window reaches to it.

A period never gets shorter: it keeps its end when an earlier touch becomes its first, and touches
that an earlier period covers don't count later. So a touch with touch_time < t <= expires_at
changes nothing in this state or any later one, and neither does a touch that comes a second time.

A visitor is forgotten `LATE` after the end of the period, or after the receipt of the last event
that changed the state. What is received later is decided on as if nothing had been known. So it
doesn't matter when the host removes the state then.

A touch whose code had been revoked or had expired by then is kept apart. It holds for a signup for
which no other touch does, so that a rejection says why nobody earns.

Pages and apps can send any time for a click. So under a publishable key a touch that was old on
receipt replaces no other touch, and no code typed in at signup. It counts where the visitor has
neither (`Policy.backdated_touch_for`).
"""

from typing import Final, assert_never

import msgspec

from reftrail.contracts.conversions import ConversionKind, Converted, Touched
from reftrail.contracts.events import (
    AnyEvent,
    Click,
    CodeEvidence,
    DisputeLost,
    DisputeOpened,
    DisputeWon,
    FormStarted,
    Identified,
    Interaction,
    KeyKind,
    Purchase,
    Refund,
    Signup,
    UsersMerged,
    View,
)
from reftrail.contracts.policy import policy_in
from reftrail.contracts.reference import CampaignDefined, CodeChanged
from reftrail.contracts.stage_messages import UserSeen
from reftrail.rules.arms import Units, assigned_arm, is_same_experiment
from reftrail.rules.decider import Cause, Reference, Refused, TimerFired, metadata
from reftrail.rules.policy import DEFAULT_POLICY, policy_at
from reftrail.rules.touch.events import (
    EarlierPeriod,
    TouchedUnderEndedCode,
    TouchEvent,
    UserRefused,
    VisitorForgotten,
    VisitorIdentified,
    converted_by,
    late_touch_for,
    touched_by,
)
from reftrail.rules.touch.identity import identify, with_other_users, with_others_seen
from reftrail.rules.touch.state import (
    NEVER,
    NOBODY,
    TouchState,
    remembered_until_after,
    touch_under_ended_code,
    with_refused,
    with_touch,
    with_touch_under_ended_code,
    with_user,
    without_covered,
)

# In Python 3.11, to look a member of an enum up takes ten times as long as a name of the module.
_RETIRED: Final = CodeEvidence.RETIRED
_SIGNUP: Final = ConversionKind.SIGNUP


class TouchDecider:
    """The decider of the touch stage. Its key is the visitor."""

    def decide(  # noqa: C901, PLR0911 - a table
        self, state: TouchState, record: AnyEvent | TimerFired, cause: Cause, reference: Reference
    ) -> list[TouchEvent]:
        """The touch or conversion that follows from a visitor's event; or the end of the state."""
        if type(record) is TimerFired:
            return [VisitorForgotten(**metadata(record, cause))]
        if state is not NOBODY:  # as of nearly every touch
            state = state.at(record.received_at)
        match record:
            case Click() | View() if counts_as_touch(record, reference):
                conclusions = _touch(state, record, cause, reference)
                if not state.users:
                    return conclusions
                return with_other_users(state, record, cause, conclusions)
            case Signup() if is_repeated(state, record):
                return []
            case Signup():
                converted = converted_by(record, cause, touch_for(state, record))
                if state is NOBODY:  # as of most signups without a touch
                    return [converted]
                return with_others_seen(state, record, cause, converted)
            case (
                Purchase()
                | Refund()
                | DisputeOpened()
                | DisputeWon()
                | DisputeLost()
                | UsersMerged()
            ):
                return [converted_by(record, cause, None)]
            case Identified():
                return identify(state, record, cause)
            case Click() | View() | FormStarted():
                return []
            case _:
                assert_never(record)

    def settle(
        self, state: TouchState, record: AnyEvent | TimerFired, cause: Cause, reference: Reference
    ) -> tuple[list[TouchEvent], TouchState]:
        """The same as `decide`, with the state after it. It is asked for with each touch."""
        events = self.decide(state, record, cause, reference)
        if state is NOBODY and len(events) == 1 and type(touched := events[0]) is Touched:
            return events, with_touch(state, touched)  # as nearly every event that changes a state
        for event in events:
            state = self.evolve(state, event)
        return events, state

    def evolve(self, state: TouchState, record: TouchEvent) -> TouchState:  # noqa: PLR0911
        """The state after an event."""
        if type(record) is VisitorForgotten:
            return NOBODY
        before, state = state, state.at(record.received_at)
        match record:
            case Touched():
                after = with_touch(state, record)
                return without_covered(after) if after.under_ended_code else after
            case Converted() if is_first_signup(state, record):
                return msgspec.structs.replace(
                    state,
                    signed_up_at=record.event_time,
                    signup_event_id=record.conversion_event_id,
                    user_id=record.user_id,
                    typed_a_code=bool(record.typed_code) and record.typed_code_known is not False,
                    remembered_until=remembered_until_after(state, state.ends_at, record),
                )
            case Converted() | Refused() | UserSeen():
                return before
            case TouchedUnderEndedCode():
                return with_touch_under_ended_code(state, record.touched)
            case UserRefused():
                return with_refused(state, by_page=record.by_page)
            case VisitorIdentified():
                return with_user(state, record.user)
            case EarlierPeriod():
                remembered = remembered_until_after(state, state.ends_at, record)
                covered = record.ended_at
                return msgspec.structs.replace(
                    state, covered_until=covered, remembered_until=remembered
                )
            case _:
                assert_never(record)


def counts_as_touch(event: View | Click, reference: Reference) -> bool:
    """Whether an event may be a touch: it has a code, and comes from a person.

    Clicks do, views only where the campaign counts them. A code that was looked up and doesn't
    exist (code_known False) doesn't count.
    """
    if event.code is None or event.is_bot or event.code_known is False:
        return False
    match event:
        case Click():
            return True
        case View():
            campaign_id = campaign_of(event, reference)
            return policy_at(reference, campaign_id, event.event_time).counts_views
        case _:
            assert_never(event)


def campaign_of(event: View | Click, reference: Reference) -> str | None:
    """The campaign of an event's code.

    Where the collector couldn't look the code up, its record may have been read since.
    """
    if event.campaign_id is not None or event.code is None:
        return event.campaign_id
    known = reference.code_if_known(event.code)
    return known.campaign_id if known else None


def has_ended(event: View | Click, code: CodeChanged | None) -> bool:
    """Whether the code of a touch had been revoked or had expired at the time of the touch.

    code is its record, if it is known.
    """
    if event.code_evidence == _RETIRED:
        return True
    return code is not None and code.has_ended_at(event.event_time)


def is_backdated(event: View | Click, rules: CampaignDefined) -> bool:
    """Whether a touch is older on receipt than its campaign takes from a publishable key."""
    return (
        event.key_kind == KeyKind.PUBLISHABLE
        and event.received_at - event.event_time > policy_in(rules.policy).backdated_touch_for
    )


def holds_for(state: TouchState, signup: Signup) -> bool:
    """Whether the touch counts for a signup: it isn't later, and its window reaches to the signup.

    A signup without a visitor has no touch, even if its user has the id of a visitor.
    """
    return (
        signup.visitor_id is not None
        and state.touch_time != NEVER
        and state.touch_time <= signup.event_time <= state.expires_at
    )


def touch_for(state: TouchState, signup: Signup) -> TouchState | None:
    """The touch that counts for a signup. One under an ended code counts where no other does."""
    touches = (state, touch_under_ended_code(state))
    return next((touch for touch in touches if holds_for(touch, signup)), None)


def is_repeated(state: TouchState, signup: Signup) -> bool:
    """Whether the same signup event was decided on before."""
    return signup.visitor_id is not None and state.signup_event_id == signup.event_id


def is_first_signup(state: TouchState, record: Converted) -> bool:
    """Whether a conversion is the visitor's first signup to arrive. Late touches are for it."""
    return record.kind == _SIGNUP and record.visitor_id is not None and state.signed_up_at == NEVER


def _touch(
    state: TouchState, event: View | Click, cause: Cause, reference: Reference
) -> list[TouchEvent]:
    ends_at = state.ends_at
    if event.event_id == state.touch_event_id or (
        event.event_time <= ends_at and _is_covered(state, event)
    ):
        return []
    assert event.code is not None
    campaign_id, code = event.campaign_id, None
    if is_unlabelled := campaign_id is None:
        code = reference.code_if_known(event.code)
        campaign_id = None if code is None else code.campaign_id
    rules = reference.campaign(campaign_id, event.event_time) or DEFAULT_POLICY
    backdated = event.key_kind is not None and is_backdated(event, rules)
    if backdated and event.event_time <= ends_at:
        return []
    expires_at = event.event_time + rules.attribution_window_ms
    if not is_unlabelled and event.code_evidence != _RETIRED:
        code = reference.code_if_known(event.code)
    if has_ended(event, code):
        return _touch_under_ended_code(
            state, event, touched_by(event, cause, campaign_id, expires_at), cause
        )
    if expires_at < state.touch_time:
        ended_at = max(expires_at, state.covered_until)
        return [EarlierPeriod(**metadata(event, cause, "earlier_period"), ended_at=ended_at)]
    arm = None if rules.policy is None else _arm_of(state, event, rules, reference)
    touched = touched_by(event, cause, campaign_id, expires_at, arm)
    is_late = state.signed_up_at != NEVER and _is_late(state, touched)
    if is_late and not (backdated and state.typed_a_code):
        return [touched, late_touch_for(state, event, touched, cause)]
    return [touched]


def _touch_under_ended_code(
    state: TouchState, event: View | Click, touched: Touched, cause: Cause
) -> list[TouchEvent]:
    """Keep a touch under an ended code, unless an earlier one of its kind covers it."""
    known = touch_under_ended_code(state)
    is_earlier = (event.event_time, event.event_id) < (known.touch_time, known.touch_event_id)
    is_first = is_earlier and touched.expires_at >= known.touch_time
    if known != NOBODY and event.event_time <= known.ends_at and not is_first:
        return []
    kept = TouchedUnderEndedCode(
        **metadata(event, cause), visitor_id=event.visitor_id, touched=touched
    )
    if _is_late(state, touched) and not state.typed_a_code:
        return [kept, late_touch_for(state, event, touched, cause)]
    return [kept]


def _is_late(state: TouchState, touched: Touched) -> bool:
    """Whether a touch counts for the visitor's signup, which was received before it."""
    signed_up_at = state.signed_up_at
    return signed_up_at != NEVER and touched.event_time <= signed_up_at <= touched.expires_at


def _arm_of(
    state: TouchState, event: View | Click, rules: CampaignDefined, reference: Reference
) -> str | None:
    """The arm of a touch: the one that the visitor or code was assigned to before, or a new one."""
    assert event.code is not None
    if policy_in(rules.policy).experiment is None:
        return None
    units = Units(event.visitor_id, event.code)
    if state.arm is not None and state.campaign_id == rules.campaign_id:
        before = reference.campaign(state.campaign_id, state.touch_time)
        if is_same_experiment(before, rules, units, Units(event.visitor_id, state.code)):
            return state.arm
    return assigned_arm(rules, units)


def _is_covered(state: TouchState, event: Interaction) -> bool:
    """Whether another touch holds at the event's time, which isn't after the period's end.

    It holds in this period or in an earlier one.
    """
    is_earlier = (event.event_time, event.event_id) < (state.touch_time, state.touch_event_id)
    return event.event_time <= state.covered_until or not is_earlier
