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

Pages and apps can send any time for a click. So under a publishable key a touch that was old on
receipt replaces no other touch, and no code typed in at signup. It counts where the visitor has
neither (`Policy.backdated_touch_for`).
"""

from typing import assert_never

import msgspec

from reftrail.contracts.decisions import ConversionKind, Converted, Touched
from reftrail.contracts.events import (
    AnyEvent,
    Click,
    FormStarted,
    Interaction,
    KeyKind,
    Purchase,
    Refund,
    Signup,
    View,
)
from reftrail.contracts.policy import policy_in
from reftrail.contracts.reference import CampaignDefined
from reftrail.rules.decider import Cause, Reference, Woken, because
from reftrail.rules.policy import policy_at
from reftrail.rules.touch.conclusions import (
    Conclusion,
    EarlierPeriod,
    VisitorForgotten,
    converted_by,
    late_touch_for,
    touched_by,
)
from reftrail.rules.touch.state import (
    NEVER,
    NOBODY,
    TouchState,
    remembered_until_after,
    with_touch,
)


class TouchDecider:
    """The decider of the touch stage. Its key is the visitor."""

    def decide(
        self, state: TouchState, record: AnyEvent | Woken, cause: Cause, reference: Reference
    ) -> list[Conclusion]:
        """The touch or conversion that follows from a visitor's event; or the end of the state."""
        if isinstance(record, Woken):
            return [VisitorForgotten(**because(record, cause))]
        state = state.at(record.received_at)
        match record:
            case View() | Click() if counts_as_touch(record, reference):
                return _touch(state, record, cause, reference)
            case View() | Click() | FormStarted():
                return []
            case Signup() if is_repeated(state, record):
                return []
            case Signup():
                return [converted_by(record, cause, state if holds_for(state, record) else None)]
            case Purchase() | Refund():
                return [converted_by(record, cause, None)]
            case _:
                assert_never(record)

    def evolve(self, state: TouchState, record: Conclusion) -> TouchState:
        """The state after an event."""
        if isinstance(record, VisitorForgotten):
            return NOBODY
        before, state = state, state.at(record.received_at)
        match record:
            case Touched():
                return with_touch(state, record)
            case Converted() if is_first_signup(state, record):
                return msgspec.structs.replace(
                    state,
                    signed_up_at=record.event_time,
                    signup_event_id=record.conversion_event_id,
                    user_id=record.user_id,
                    typed_a_code=bool(record.typed_code) and record.typed_code_known is not False,
                    remembered_until=remembered_until_after(state, state.ends_at, record),
                )
            case Converted():
                return before
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


def is_repeated(state: TouchState, signup: Signup) -> bool:
    """Whether the same signup event was decided on before."""
    return signup.visitor_id is not None and state.signup_event_id == signup.event_id


def is_first_signup(state: TouchState, record: Converted) -> bool:
    """Whether a conversion is the visitor's first signup to arrive. Late touches are for it."""
    return (
        record.kind == ConversionKind.SIGNUP
        and record.visitor_id is not None
        and state.signed_up_at == NEVER
    )


def _touch(
    state: TouchState, event: View | Click, cause: Cause, reference: Reference
) -> list[Conclusion]:
    if _is_covered(state, event):
        return []
    campaign_id = campaign_of(event, reference)
    rules = policy_at(reference, campaign_id, event.event_time)
    backdated = is_backdated(event, rules)
    if backdated and event.event_time <= state.ends_at:
        return []
    expires_at = event.event_time + rules.attribution_window_ms
    if expires_at < state.touch_time:
        ended_at = max(expires_at, state.covered_until)
        return [EarlierPeriod(**because(event, cause, "earlier_period"), ended_at=ended_at)]
    touched = touched_by(event, cause, campaign_id, expires_at)
    is_late = state.signed_up_at != NEVER and event.event_time <= state.signed_up_at <= expires_at
    if is_late and not (backdated and state.typed_a_code):
        return [touched, late_touch_for(state, event, touched, cause)]
    return [touched]


def _is_covered(state: TouchState, event: Interaction) -> bool:
    """Whether another touch holds at the event's time, in this period or an earlier one."""
    if event.event_id == state.touch_event_id:
        return True
    if event.event_time > state.ends_at:
        return False
    is_earlier = (event.event_time, event.event_id) < (state.touch_time, state.touch_event_id)
    return event.event_time <= state.covered_until or not is_earlier
