"""Touches that arrive after the signup: they decide, correct a decision, or have no effect."""

from collections.abc import Sequence

import msgspec

from reftrail.contracts.conversions import ConversionKind
from reftrail.contracts.decisions import Basis
from reftrail.contracts.policy import policy_in
from reftrail.contracts.record import Millis
from reftrail.contracts.reference import CampaignDefined
from reftrail.rules.attribution.attributing import (
    attribute,
    attribution_by,
    campaign_of,
    code_has_ended,
    has_ended,
)
from reftrail.rules.attribution.claims import Decision, Open
from reftrail.rules.attribution.device_evidence import is_by_page, shows_same
from reftrail.rules.attribution.question import Question
from reftrail.rules.attribution.state_events import Event
from reftrail.rules.attribution.user_action import UserAction, user_action_of
from reftrail.rules.policy import policy_at


def take_late_touch(on: Question) -> Sequence[Event]:
    """Attribute the user or correct the attribution; else record a touch that is earlier."""
    state, record = on.state, on.record
    assert record.touch_time is not None
    if state.signup is not None and record.conversion_event_id == state.signup.event_id:
        if _is_in_grace(on, state.signup) and shows_same(record, state.signup):
            user_id = on.signed_up_as if record.kind == ConversionKind.LATE_TOUCH else ""
            attributed = attribution_by(on, _basis(on), user_id=user_id)
            return attribute(on, attributed, _with_touch(state.signup, on))
    else:
        decision = state.by_signup(record.conversion_event_id)
        if decision is not None and decision.open and _corrects(on, decision, decision.open):
            attributed = attribution_by(on, _basis(on), user_id=decision.user_id)
            corrected = msgspec.structs.replace(attributed, corrects=decision.open.attributed_id)
            is_claimed = attributed.code == decision.code
            signup = _with_touch(decision.open.signup, on)
            return attribute(on, corrected, signup, is_claimed=is_claimed)
    earliest = _earliest_known(on)
    if earliest is None or record.touch_time >= earliest or is_by_page(record):
        return []
    return [attribution_by(on, _basis(on), decisive=False)]


def _basis(on: Question) -> Basis:
    """The basis of an attribution by the touch: late, or on another device."""
    match ConversionKind(on.record.kind):
        case ConversionKind.IDENTIFIED:
            return Basis.IDENTIFIED
        case ConversionKind.IDENTIFIED_BY_PAGE:
            return Basis.IDENTIFIED_BY_PAGE
        case _:
            return Basis.LATE_TOUCH


def _with_touch(signup: UserAction, on: Question) -> UserAction:
    """The signup with the signals of the touch that came in after it."""
    return msgspec.structs.replace(signup, touch=user_action_of(on.record).touch)


def _is_in_grace(on: Question, signup: UserAction) -> bool:
    assert on.record.arrived_at is not None
    grace = policy_of_touch(on).late_touch_grace_ms
    return on.record.arrived_at <= signup.received_at + grace


def policy_of_touch(on: Question) -> CampaignDefined:
    """The rules of the touch's campaign at its time."""
    assert on.record.touch_time is not None
    campaign_id = campaign_of(on, Basis.LATE_TOUCH)
    return policy_at(on.reference, campaign_id, on.record.touch_time)


def _corrects(on: Question, decision: Decision, still: Open) -> bool:
    """Whether a late touch would have decided, had it come in time."""
    campaign_id = campaign_of(on, Basis.LATE_TOUCH)
    others = (known for known in on.state.decisions if known is not decision)
    if any(known.campaign_id == campaign_id for known in others):
        return False
    if is_backdated(on) or is_by_page(on.record) or not _is_in_grace(on, still.signup):
        return False
    is_ended, is_better = has_ended(on, Basis.LATE_TOUCH), _decided_by_ended_code(on, decision)
    if is_ended != is_better:
        return is_better
    return decision.basis == Basis.IDENTIFIED_BY_PAGE or _goes_before(on, decision)


def _goes_before(on: Question, decision: Decision) -> bool:
    """Whether a late touch is earlier than what decided, or goes before the typed code."""
    if not _is_earlier(on, decision):
        return False
    if decision.basis != Basis.TYPED_CODE:
        return True
    policy = policy_at(on.reference, decision.campaign_id, decision.signed_up_at)
    return not policy.typed_code_wins


def _decided_by_ended_code(on: Question, decision: Decision) -> bool:
    """Whether the code that decided had been revoked or had expired: any good touch is better."""
    evidence, at = decision.code_evidence, decision.touch_time
    return code_has_ended(decision.code, evidence, at, on)


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


def is_backdated(on: Question) -> bool:
    """Whether a touch is old on receipt, and came under a publishable key.

    Anybody can send such a touch with any time, so it doesn't replace the touch that decided.
    """
    record = on.record
    if record.touch_key_kind != "publishable":
        return False
    received_at = record.touch_received_at or record.arrived_at
    assert received_at is not None
    assert record.touch_time is not None
    allowed = policy_in(policy_of_touch(on).policy).backdated_touch_for
    return received_at - record.touch_time > allowed


def _earliest_known(on: Question) -> Millis | None:
    """The time before which a late touch is recorded; None without a signup of the user."""
    state = on.state
    if state.late_touch_time is not None:
        return state.late_touch_time
    if state.decisions:
        decision = state.by_signup(on.record.conversion_event_id) or state.decisions[0]
        return decision.touch_time
    return None if state.signup is None else state.signup.event_time + 1
