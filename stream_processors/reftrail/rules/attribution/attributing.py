"""Attributions: a code that referred a user, and the claims that follow from it."""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from reftrail.contracts.conversions import Converted
from reftrail.contracts.decisions import Action, Attributed, Basis
from reftrail.contracts.events import CodeEvidence
from reftrail.contracts.record import Millis
from reftrail.rules.arms import Units, assigned_arm, is_same_experiment
from reftrail.rules.attribution.claims import (
    ELSEWHERE,
    Decision,
    Open,
    claims_of,
    code_of,
    decision_of,
    may_earn,
    signup_again,
)
from reftrail.rules.attribution.known_users import users_known
from reftrail.rules.attribution.own_codes import voided_as_own
from reftrail.rules.attribution.purchases import (
    claims_of_waiting,
    first_purchase,
)
from reftrail.rules.attribution.question import Question
from reftrail.rules.attribution.routing import through_all, through_each
from reftrail.rules.attribution.state_events import Decided, Event, LeftOpen
from reftrail.rules.attribution.user_action import UserAction
from reftrail.rules.decider import fingerprint, metadata


class _CodeShown(NamedTuple):
    """The code of a touch, or the typed code of a signup, as the event showed it.

    A typed code counts from the signup on, since it has no touch.
    """

    code: str
    evidence: str | None
    campaign_id: str | None
    time: Millis
    category: str | None
    channel: str | None
    utm_source: str | None
    touch_event_id: str | None = None

    @classmethod
    def by(cls, basis: Basis, record: Converted) -> "_CodeShown":
        if basis == Basis.TYPED_CODE:
            assert record.typed_code is not None
            return cls(
                record.typed_code,
                record.typed_code_evidence,
                record.typed_campaign_id,
                record.event_time,
                record.typed_category,
                record.channel,
                record.utm_source,
            )
        assert record.touch_code is not None
        assert record.touch_time is not None
        return cls(
            record.touch_code,
            record.touch_code_evidence,
            record.touch_campaign_id,
            record.touch_time,
            record.touch_category,
            record.touch_channel,
            record.touch_utm_source,
            record.touch_event_id,
        )

    def registered(self, on: Question) -> tuple[str, str | None]:
        """The spelling and campaign of the code by its record; those shown where there is none."""
        record = code_of(self.code, self.evidence, on.reference)
        return (record.code, record.campaign_id) if record else (self.code, self.campaign_id)


def campaign_of(on: Question, basis: Basis) -> str | None:
    """The campaign of the code by which a user may be attributed."""
    return _CodeShown.by(basis, on.record).registered(on)[1]


def has_ended(on: Question, basis: Basis) -> bool:
    """Whether the code by which a user may be attributed had ended when it was shown.

    It had been revoked, or had expired, when it was touched or typed in.
    """
    shown = _CodeShown.by(basis, on.record)
    return code_has_ended(shown.code, shown.evidence, shown.time, on)


def code_has_ended(code: str, evidence: str | None, at: Millis, on: Question) -> bool:
    """Whether a code had been revoked or had expired at a time."""
    record = code_of(code, evidence, on.reference)
    return evidence == CodeEvidence.RETIRED or (record is not None and record.has_ended_at(at))


def attribution_by(
    on: Question, basis: Basis, *, decisive: bool = True, user_id: str = ""
) -> Attributed:
    """The attribution by the touch of a conversion, or by its typed code.

    user_id is the user whose signup it is, where that user was merged into the record's.
    """
    record, shown = on.record, _CodeShown.by(basis, on.record)
    code, campaign_id = shown.registered(on)
    return Attributed(
        **metadata(record, on.cause, "attributed"),
        user_id=user_id or record.user_id,
        visitor_id=record.visitor_id,
        code=code,
        campaign_id=campaign_id,
        code_evidence=shown.evidence,
        basis=basis,
        decisive=decisive,
        touch_event_id=shown.touch_event_id,
        touch_time=shown.time,
        signup_event_id=record.conversion_event_id,
        category=shown.category,
        channel=shown.channel,
        utm_source=shown.utm_source,
        arm=_arm_of(on, basis, campaign_id, shown, user_id or record.user_id),
    )


def _arm_of(
    on: Question, basis: Basis, campaign_id: str | None, shown: _CodeShown, user_id: str
) -> str | None:
    """The arm of the touch, as it was assigned then; that of a typed code is assigned now.

    So is that of a touch whose code wasn't known to be of the campaign. A user who typed a code in
    and has an arm by a touch keeps it.
    """
    record = on.record
    campaign = on.reference.campaign(campaign_id, shown.time)
    touched = campaign is not None and record.touch_campaign_id == campaign.campaign_id
    if touched and basis != Basis.TYPED_CODE:
        return record.touch_arm
    if campaign is None:
        return None
    units = Units(record.visitor_id or user_id, shown.code)
    if touched and record.touch_arm is not None and record.touch_time is not None:
        before = on.reference.campaign(campaign_id, record.touch_time)
        known = Units(units.visitor, record.touch_code or "")
        if is_same_experiment(before, campaign, known, units):
            return record.touch_arm
    return assigned_arm(campaign, units)


def attribute(
    on: Question, attributed: Attributed, signup: UserAction, *, is_claimed: bool = False
) -> Sequence[Event]:
    """The attribution, then the claims of the signup and of what waited for it.

    is_claimed: the signup has claimed under this code before, when another touch decided.
    """
    record = on.record
    touched_in = _touched_in(on, attributed)
    decision = replace(decision_of(attributed, record.user_id), touched_in=touched_in)
    events: list[Event] = [
        attributed,
        Decided(**metadata(record, on.cause), user_id=record.user_id, decision=decision),
        *users_known(on, [decision]),
        *voided_as_own(on, [decision]),
    ]
    if not _may_have_earned(on, decision):
        common = metadata(record, on.cause)
        still = Open(signup, attributed.event_id)
        left = LeftOpen(**common, user_id=record.user_id, code=decision.code, open=still)
        events.append(left)
    if not is_claimed:
        first = first_purchase(on.state.first_purchase_at, signup)
        shared = on.state.shared
        events += claims_of(signup, decision, attributed, on.cause, on.reference, first, shared)
    waiting = claims_of_waiting(on, decision, attributed)
    ended = on.ended
    if not ended:  # as of nearly every user
        return [*events, *waiting]
    again = signup_again(decision, record, on.cause, on.reference)
    return [*events, *through_each(on, ended, again), *through_all(on, waiting)]


def _touched_in(on: Question, attributed: Attributed) -> int:
    """The fingerprint of the browser of a touch on another device; 0 for other touches."""
    visitor_id = on.identified_in or on.record.visitor_id
    if attributed.basis not in ELSEWHERE or visitor_id is None:
        return 0
    return fingerprint(visitor_id)


def _may_have_earned(on: Question, decision: Decision) -> bool:
    """Whether the campaign pays for the signup. Without a campaign, or stopped, nothing earns."""
    campaign = on.reference.campaign(decision.campaign_id, decision.signed_up_at)
    if campaign is None or not may_earn(Action.SIGNUP, campaign.trigger):
        return False
    code = code_of(decision.code, decision.code_evidence, on.reference)
    return code is None or not code.is_stopped_at(decision.signed_up_at)
