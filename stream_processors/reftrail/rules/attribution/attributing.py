"""Attributions: a code that referred a user, and the claims that follow from it."""

from collections.abc import Sequence
from typing import NamedTuple

from reftrail.contracts.decisions import Action, Attributed, Basis, Converted
from reftrail.contracts.record import Millis
from reftrail.rules.attribution.claims import (
    Decision,
    Deed,
    Open,
    claims_of,
    code_of,
    decision_of,
    may_earn,
)
from reftrail.rules.attribution.purchases import claims_of_waiting
from reftrail.rules.attribution.question import Question
from reftrail.rules.attribution.state import Event, LeftOpen
from reftrail.rules.decider import because


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
            record.touch_event_id,
        )

    def registered(self, on: Question) -> tuple[str, str | None]:
        """The spelling and campaign of the code by its record; those shown where there is none."""
        record = code_of(self.code, self.evidence, on.reference)
        return (record.code, record.campaign_id) if record else (self.code, self.campaign_id)


def campaign_of(on: Question, basis: Basis) -> str | None:
    """The campaign of the code by which a user may be attributed."""
    return _CodeShown.by(basis, on.record).registered(on)[1]


def attribution_by(on: Question, basis: Basis, *, decisive: bool = True) -> Attributed:
    """The attribution by the touch of a conversion, or by its typed code."""
    record, shown = on.record, _CodeShown.by(basis, on.record)
    code, campaign_id = shown.registered(on)
    return Attributed(
        **because(record, on.cause, "attributed"),
        user_id=record.user_id,
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
    )


def attribute(
    on: Question, attributed: Attributed, signup: Deed, *, is_claimed: bool = False
) -> Sequence[Event]:
    """The attribution, then the claims of the signup and of what waited for it.

    is_claimed: the signup has claimed under this code before, when another touch decided.
    """
    decision, record = decision_of(attributed), on.record
    events: list[Event] = [attributed]
    if not _may_have_earned(on, decision):
        common = because(record, on.cause)
        still = Open(signup, attributed.event_id)
        left = LeftOpen(**common, user_id=record.user_id, code=decision.code, open=still)
        events.append(left)
    if not is_claimed:
        events += claims_of(signup, decision, attributed, on.cause, on.reference)
    return [*events, *claims_of_waiting(on, decision, attributed)]


def _may_have_earned(on: Question, decision: Decision) -> bool:
    """Whether the campaign pays for the signup. Without a campaign nothing earns."""
    campaign = on.reference.campaign(decision.campaign_id, decision.signed_up_at)
    return campaign is not None and may_earn(Action.SIGNUP, campaign.trigger)
