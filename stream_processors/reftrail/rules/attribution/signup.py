"""Signups: the first one of a user decides, by its touch or by the code typed in."""

from collections.abc import Sequence

from reftrail.contracts.decisions import Attributed, Basis
from reftrail.contracts.policy import Scope, policy_in
from reftrail.rules.attribution.attributing import (
    attribute,
    attribution_by,
    campaign_of,
    has_ended,
)
from reftrail.rules.attribution.other_devices import with_earliest_touch
from reftrail.rules.attribution.question import Question
from reftrail.rules.attribution.state_events import Event, SignedUp
from reftrail.rules.attribution.user_action import user_action_of
from reftrail.rules.decider import metadata
from reftrail.rules.policy import policy_at


def attribute_by_signup(on: Question) -> Sequence[Event]:
    """Attribute the user to the preferred code that may refer them, or note the signup."""
    state, record = on.state, on.record
    if state.by_signup(record.conversion_event_id):
        return []
    on = with_earliest_touch(on)
    record = on.record
    candidates = _attributed_by_signup(on)
    for attributed in candidates:
        if _may_be_attributed(on, attributed):
            return attribute(on, attributed, user_action_of(record))
    if candidates or state.decisions or state.signup is not None:
        return []
    common = metadata(record, on.cause)
    return [SignedUp(**common, user_id=record.user_id, signup=user_action_of(record))]


def _attributed_by_signup(on: Question) -> list[Attributed]:
    """The attributions that a signup allows, the preferred one first.

    The second counts where the campaign of the first has referred the user before.
    """
    typed, touch = [], []
    if on.record.typed_code is not None:
        typed = [attribution_by(on, Basis.TYPED_CODE, user_id=on.signed_up_as)]
    if on.record.touch_code is not None:
        basis = Basis(on.identified_by) if on.identified_by else Basis.FIRST_TOUCH
        touch = [attribution_by(on, basis, user_id=on.signed_up_as)]
    if not typed or not touch:
        return [*typed, *touch]
    preferred = [*typed, *touch] if _typed_code_decides(on) else [*touch, *typed]
    return sorted(preferred, key=lambda attributed: _is_no_good(on, attributed))


def _is_no_good(on: Question, attributed: Attributed) -> bool:
    """Whether a code had ended when it was shown, or never was one: then a good one goes before."""
    is_typed = attributed.basis == Basis.TYPED_CODE
    return (is_typed and on.record.typed_code_known is False) or has_ended(
        on, Basis(attributed.basis)
    )


def _may_be_attributed(on: Question, attributed: Attributed) -> bool:
    """Whether the user is attributed for the first time, ever or in the campaign."""
    policy = policy_at(on.reference, attributed.campaign_id, attributed.event_time)
    if policy_in(policy.policy).scope == Scope.CAMPAIGN:
        return all(known.campaign_id != attributed.campaign_id for known in on.state.decisions)
    return not on.state.decisions and on.state.signup is None


def _typed_code_decides(on: Question) -> bool:
    """Whether the typed code is preferred to the touch: the campaign says so."""
    signup = on.record
    campaign_id = campaign_of(on, Basis.TYPED_CODE)
    policy = policy_at(on.reference, campaign_id, signup.event_time)
    return policy.typed_code_wins and signup.typed_code_known is not False
