"""Assessment of a claim: its sides, evidence, verdict and the reservations that it needs."""

from collections.abc import Container
from typing import Any, Final

import msgspec

from reftrail.contracts.decisions import Claimed, Role
from reftrail.contracts.policy import AtHoldsEnd, BudgetCounts
from reftrail.contracts.record import Millis
from reftrail.contracts.reference import CodeChanged, Trigger
from reftrail.contracts.reward_reasons import Reason
from reftrail.rules.arms import arm_of_claim
from reftrail.rules.fraud.case import Case, Evidence, Signals
from reftrail.rules.fraud.scoring import Judgement, Verdict, gather, judge
from reftrail.rules.limit_names import LimitReservation
from reftrail.rules.policy import NO_CURRENCY, NO_KIND, Terms
from reftrail.rules.reward.browsers import visitor_shown
from reftrail.rules.reward.case import RewardCase, SideReward
from reftrail.rules.reward.context import DecisionContext
from reftrail.rules.reward.order import Order
from reftrail.rules.reward.order_evidence import highest
from reftrail.rules.reward.queue import AssessedReward, Waiting
from reftrail.rules.reward.rejection import WEIGHT, objections
from reftrail.rules.reward.reservations import (
    budget_reservations,
    email_reservations,
    is_email,
    key_of_full_limit,
    order_reservations,
    reason_of,
    user_reservations,
)
from reftrail.rules.reward.sides import refunded_share, sides_of, standing_of
from reftrail.rules.reward.state import ReferralCell
from reftrail.rules.velocity import VISITOR

_replace: Final = msgspec.structs.replace


def assess(  # noqa: PLR0913 - what a reward rests on is rarely given
    context: DecisionContext,
    waiting: Waiting,
    terms: Terms,
    action: str,
    *,
    order: Order | None = None,
    threshold: int = 0,
    without: Container[str] = (),
) -> AssessedReward | None:
    """Assess a claim that earns, for an order or a threshold; None if no side gets anything.

    The value is reduced by the refunds of the order so far. Sides whose role is in without are left
    out.
    """
    claim = waiting.claim
    assert claim is not None
    sides = tuple(side for side in sides_of(context, claim, terms) if side.role not in without)
    if not sides:
        return None
    broken = objections(context, claim, terms.code, terms)
    fraud = terms.policy.fraud
    judgement = judge(broken, gather(_fraud_case(context, waiting, terms), fraud), fraud)
    judgement = _held(claim, terms, judgement)
    case = _case(claim, terms, judgement, action, _time_of(context, waiting))
    case = _replace(case, sides=sides)
    emails = email_reservations(claim, terms, context.referral)
    if case.verdict == Verdict.REJECT:
        refused_by = key_of_full_limit(claim.code, broken)
        case = _replace(case, reservations=emails, refused_by=refused_by)
        return AssessedReward(case, threshold=threshold, seen=waiting.seen)
    reserved = (_reserved(side, case, order) for side in sides)
    sides = tuple(side for side in reserved if side.remaining or not side.value_micros)
    if not sides:
        return None
    case = _replace(case, sides=sides)
    own = [
        *order_reservations(claim, terms, order),
        *emails,
        *budget_reservations(terms.campaign, terms.policy, case),
    ]
    users = user_reservations(terms, case)
    case = _replace(case, reservations=tuple(own), user_reservations=users)
    lacking = (text for text in users if context.limit(LimitReservation.parse(text).key).count <= 0)
    return AssessedReward(
        case,
        asked=(*own, *lacking),
        amount_micros=claim.amount_micros,
        amount_currency=claim.currency,
        threshold=threshold,
        number=standing_of(context, claim, terms).number,
        seen=waiting.seen,
    )


def _reserved(side: SideReward, case: RewardCase, order: Order | None) -> SideReward:
    """A side without the share that refunds took before; the rest is reserved in budgets."""
    gone = 0 if order is None else refunded_share(side, case, order)
    return _replace(side, taken_back=gone, reserved=side.value_micros - gone)


def rejected_order(
    context: DecisionContext, claim: Claimed, terms: Terms, broken: list[Evidence], action: str
) -> AssessedReward | None:
    """The rejection of an order that may not count towards a reward by number or amount."""
    sides = sides_of(context, claim, terms)
    if not sides:
        return None
    judgement = Judgement(Verdict.REJECT, sum(item.weight for item in broken), tuple(broken))
    case = _case(claim, terms, judgement, action, claim.received_at)
    return AssessedReward(_replace(case, sides=sides))


def unpriced(claim: Claimed, code: CodeChanged | None, broken: list[Evidence]) -> AssessedReward:
    """A rejected signup of value 0, where the code or its campaign is unknown."""
    side = SideReward(Role.REFEREE, claim.user_id if code else None, 0, NO_KIND)
    return AssessedReward(
        RewardCase(
            action=Trigger.SIGNUP,
            claim_id=claim.event_id,
            action_event_id=claim.action_event_id,
            action_time=claim.event_time,
            received_at=claim.received_at,
            basis=claim.basis,
            sides=(side,),
            currency=NO_CURRENCY,
            verdict=Verdict.REJECT,
            score=sum(evidence.weight for evidence in broken),
            evidence=tuple(broken),
            campaign_id=code.campaign_id if code else None,
            category=code.category if code else None,
            channel=(code.channel if code else None) or claim.channel,
            touch_event_id=claim.touch_event_id,
            root_reference=claim.root_reference,
            origin_source=claim.source,
            utm_source=claim.utm_source,
        )
    )


def refused_by(assessed: AssessedReward, key: str) -> AssessedReward:
    """The rejection of an assessed reward for which a shared limit has nothing left.

    Its holding period is dropped: nothing waits.
    """
    case = assessed.case
    assert case is not None
    cap = Evidence(reason_of(key), WEIGHT, {"limit": key})
    found = [item for item in case.evidence if item.reason != Reason.HOLDING_PERIOD]
    refused = _replace(
        case,
        verdict=Verdict.REJECT,
        evidence=(cap, *found),
        score=case.score + WEIGHT,
        hold_until=None,
        reservations=tuple(
            text for text in case.reservations if is_email(LimitReservation.parse(text).key)
        ),
        user_reservations=(),
        refused_by=key,
    )
    return AssessedReward(
        refused, threshold=assessed.threshold, waiting=assessed.waiting, seen=assessed.seen
    )


def _fraud_case(context: DecisionContext, waiting: Waiting, terms: Terms) -> Case:
    """The claim with what the signup and the touch showed: that counts for every later claim."""
    claim, referral, usage = waiting.claim, context.referral, context.usage
    assert claim is not None
    answers = (*referral.seen, *waiting.seen)
    person = context.person if any(answer.others for answer in answers) else frozenset()
    return Case(
        claim=claim,
        code=terms.code,
        seen=highest(answers, person),
        hours=usage.hours,
        amounts=usage.amounts,
        claims=usage.claims,
        listed=context.reference.listed,
        signals=tuple(dict.fromkeys((signals_of(claim), *referral.signals))),
        touch_received_at=referral.touch_received_at,
        touch_key_kind=referral.touch_key_kind,
        users=context.users,
    )


def signals_of(claim: Claimed) -> Signals:
    """The signals of a claim itself; its browser where it is asked about."""
    return Signals(
        claim.device_hash,
        claim.ip_hash,
        claim.network_hash,
        claim.email_hash,
        claim.email_disposable,
        claim.hash_key_id,
        visitor_shown(claim) if VISITOR in claim.checks else None,
    )


def _held(claim: Claimed, terms: Terms, judgement: Judgement) -> Judgement:
    """The judgement with a holding period as its reason, where the campaign has one."""
    hold_for = terms.policy.hold_for
    if judgement.verdict != Verdict.GRANT or hold_for == 0:
        return judgement
    until = Evidence(Reason.HOLDING_PERIOD, 0, {"until": claim.event_time + hold_for})
    return _replace(judgement, verdict=Verdict.HOLD, evidence=(*judgement.evidence, until))


def _case(
    claim: Claimed, terms: Terms, judgement: Judgement, action: str, decided_at: Millis
) -> RewardCase:
    campaign, code, policy = terms.campaign, terms.code, terms.policy
    return RewardCase(
        action=action,
        claim_id=claim.event_id,
        action_event_id=claim.action_event_id,
        action_time=claim.event_time,
        received_at=claim.received_at,
        basis=claim.basis,
        sides=(),
        currency=campaign.reward_currency,
        verdict=judgement.verdict,
        score=judgement.score,
        evidence=judgement.evidence,
        campaign_id=campaign.campaign_id,
        campaign_version=campaign.version,
        category=code.category or campaign.category,
        channel=code.channel or claim.channel,
        touch_event_id=claim.touch_event_id,
        root_reference=claim.root_reference,
        origin_source=claim.source,
        utm_source=claim.utm_source,
        order_id=claim.order_id,
        decided_at=decided_at,
        expires_after=policy.expires_after,
        on_refund=policy.on_refund,
        counts_by_day=policy.caps.per_code_per_day is not None,
        counts_gross=policy.caps.budget_counts == BudgetCounts.GROSS,
        arm=arm_of_claim(claim, campaign.campaign_id),
        terms_at=None if terms.at == claim.event_time else terms.at,
        **_hold(claim, terms, judgement, decided_at),
    )


def decided_at(claim: Claimed, referral: ReferralCell) -> Millis:
    """The earliest time at which a claim can be decided on, by the clock of its receiver.

    That is on receipt: its own, or that of the signup or touch that it had to wait for.
    """
    return max(
        claim.received_at,
        claim.signed_up_at,
        referral.signup_received_at,
        referral.touch_received_at or 0,
    )


def _time_of(context: DecisionContext, waiting: Waiting) -> Millis:
    """The time of the decision: for an order that was skipped not before its turn came."""
    assert waiting.claim is not None
    return max(decided_at(waiting.claim, context.referral), waiting.since)


def _hold(claim: Claimed, terms: Terms, judgement: Judgement, decided_at: Millis) -> dict[str, Any]:
    """Until when a reward is held, and what happens then.

    A review's time begins with the decision.
    """
    if judgement.verdict != Verdict.HOLD:
        return {}
    ends = claim.event_time + terms.policy.hold_for
    if any(item.reason == Reason.HOLDING_PERIOD for item in judgement.evidence):
        return {"hold_until": ends, "at_holds_end": AtHoldsEnd.GRANT}
    fraud = terms.policy.fraud
    reviewed_by = decided_at + fraud.review_for
    return {"hold_until": max(ends, reviewed_by), "at_holds_end": fraud.at_review_end}
