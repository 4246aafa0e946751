"""Touches that arrive after the signup: they decide, correct a decision, or have no effect."""

from collections.abc import Sequence

import msgspec

from reftrail.contracts.decisions import Basis
from reftrail.contracts.policy import policy_in
from reftrail.contracts.record import Millis
from reftrail.contracts.reference import CampaignDefined
from reftrail.rules.attribution.attributing import attribute, attribution_by, campaign_of
from reftrail.rules.attribution.claims import Decision, Deed, Open, deed_of
from reftrail.rules.attribution.question import Question
from reftrail.rules.attribution.state import Event
from reftrail.rules.policy import policy_at


def take_late_touch(on: Question) -> Sequence[Event]:
    """Attribute the user or correct the attribution; else record a touch that is earlier."""
    state, record = on.state, on.record
    assert record.touch_time is not None
    if state.signup is not None and record.conversion_event_id == state.signup.event_id:
        if _is_in_grace(on, state.signup):
            return attribute(
                on, attribution_by(on, Basis.LATE_TOUCH), _with_touch(state.signup, on)
            )
    else:
        decision = state.by_signup(record.conversion_event_id)
        if decision is not None and decision.open and _corrects(on, decision, decision.open):
            attributed = attribution_by(on, Basis.LATE_TOUCH)
            corrected = msgspec.structs.replace(attributed, corrects=decision.open.attributed_id)
            is_claimed = attributed.code == decision.code
            signup = _with_touch(decision.open.signup, on)
            return attribute(on, corrected, signup, is_claimed=is_claimed)
    earliest = _earliest_known(on)
    if earliest is None or record.touch_time >= earliest:
        return []
    return [attribution_by(on, Basis.LATE_TOUCH, decisive=False)]


def _with_touch(signup: Deed, on: Question) -> Deed:
    """The signup with the signals of the touch that came in after it."""
    return msgspec.structs.replace(signup, touch=deed_of(on.record).touch)


def _is_in_grace(on: Question, signup: Deed) -> bool:
    assert on.record.arrived_at is not None
    grace = _policy_of_touch(on).late_touch_grace_ms
    return on.record.arrived_at <= signup.received_at + grace


def _policy_of_touch(on: Question) -> CampaignDefined:
    assert on.record.touch_time is not None
    campaign_id = campaign_of(on, Basis.LATE_TOUCH)
    return policy_at(on.reference, campaign_id, on.record.touch_time)


def _corrects(on: Question, decision: Decision, still: Open) -> bool:
    """Whether a late touch would have decided, had it come in time."""
    campaign_id = campaign_of(on, Basis.LATE_TOUCH)
    others = (known for known in on.state.decisions if known is not decision)
    if any(known.campaign_id == campaign_id for known in others) or _is_backdated(on):
        return False
    if not _is_earlier(on, decision) or not _is_in_grace(on, still.signup):
        return False
    if decision.basis != Basis.TYPED_CODE:
        return True
    policy = policy_at(on.reference, decision.campaign_id, decision.signed_up_at)
    return not policy.typed_code_wins


def _is_earlier(on: Question, decision: Decision) -> bool:
    """Whether a late touch comes before what decided, as it would have, had it arrived before.

    Of two touches of one time that is the one with the lower id. A touch of the time of the signup
    comes before the code that was typed in.
    """
    record = on.record
    assert record.touch_time is not None
    if record.touch_time != decision.touch_time:
        return record.touch_time < decision.touch_time
    if decision.basis == Basis.TYPED_CODE:
        return True
    return (record.touch_event_id or "") < (decision.touch_event_id or "")


def _is_backdated(on: Question) -> bool:
    """Whether a touch is old on receipt, and came under a publishable key.

    Anybody can send such a touch with any time, so it doesn't replace the touch that decided.
    """
    record = on.record
    if record.touch_key_kind != "publishable":
        return False
    assert record.arrived_at is not None
    assert record.touch_time is not None
    allowed = policy_in(_policy_of_touch(on).policy).backdated_touch_for
    return record.arrived_at - record.touch_time > allowed


def _earliest_known(on: Question) -> Millis | None:
    """The time before which a late touch is recorded; None without a signup of the user."""
    state = on.state
    if state.late_touch_time is not None:
        return state.late_touch_time
    if state.decisions:
        decision = state.by_signup(on.record.conversion_event_id) or state.decisions[0]
        return decision.touch_time
    return None if state.signup is None else state.signup.event_time + 1
