"""What a claim comes to: its sides, the evidence, the verdict, and the places that it needs."""

from typing import Any, Final

import msgspec

from reftrail.contracts.decisions import Action, Claimed, Role
from reftrail.contracts.policy import AtHoldsEnd, Policy
from reftrail.contracts.reference import CampaignDefined, CodeChanged, Trigger
from reftrail.rules.fraud.case import Case, Evidence, Signals, SignalSeen
from reftrail.rules.fraud.scoring import Judgement, Verdict, gather, judge
from reftrail.rules.ledger import Earning, Order, PairLedger, Prospect, Side
from reftrail.rules.limits import Place, limit_key
from reftrail.rules.policy import NO_CURRENCY, NO_KIND, Terms
from reftrail.rules.reasons import WEIGHT, Reason, broken_rules
from reftrail.rules.triggers import is_open, least_total
from reftrail.rules.turn import Turn

_replace: Final = msgspec.structs.replace


def sides_of(claim: Claimed, terms: Terms) -> tuple[Side, ...]:
    """What each side earns under a campaign: nothing of value 0, nothing to nobody."""
    owner, campaign = terms.code.owner_user_id, terms.campaign
    sides = (
        Side(
            Role.REFERRER,
            owner,
            campaign.referrer_reward_micros,
            campaign.referrer_reward_kind,
            campaign.referrer_reward_item,
        ),
        Side(
            Role.REFEREE,
            claim.user_id,
            campaign.referee_reward_micros,
            campaign.referee_reward_kind,
            campaign.referee_reward_item,
        ),
    )
    return tuple(one for one in sides if one.beneficiary is not None and one.value_micros > 0)


def prospect_of(
    turn: Turn, claim: Claimed, terms: Terms, orders: tuple[Order, ...]
) -> Prospect | None:
    """What a claim that earns by some orders comes to; None if nobody gets anything."""
    sides = sides_of(claim, terms)
    if not sides:
        return None
    broken = broken_rules(claim, terms.code, terms, turn.usage, turn.pair)
    judgement = judge(
        broken, gather(_case(turn, claim, terms), terms.policy.fraud), terms.policy.fraud
    )
    earning = _earning(turn, claim, terms, _held(claim, terms, judgement))
    pair = turn.pair
    is_open_still = is_open(_replace(pair, purchases=pair.purchases + 1), terms)
    is_last = terms.campaign.trigger == Trigger.SIGNUP or not is_open_still
    if earning.verdict == Verdict.REJECT:
        is_last = is_last or terms.policy.repeats == 1
        return Prospect(_replace(earning, sides=sides), is_last=is_last)
    asked = _replace(
        earning,
        sides=sides,
        orders=tuple(order.order_id for order in orders),
        budgets=budget_places(terms.campaign, terms.policy, _replace(earning, sides=sides)),
    )
    return Prospect(
        asked,
        orders,
        is_last,
        claim.amount_micros,
        claim.currency,
        _user_places(terms, earning, pair),
    )


def unpriced(claim: Claimed, code: CodeChanged | None, broken: list[Evidence]) -> Prospect:
    """The trace of a signup whose worth nobody knows, for want of the code or its campaign."""
    side = Side(Role.REFEREE, claim.user_id if code else None, 0, NO_KIND)
    return Prospect(
        Earning(
            action=Trigger.SIGNUP,
            claim_id=claim.event_id,
            action_event_id=claim.action_event_id,
            action_time=claim.event_time,
            received_at=claim.received_at,
            basis=claim.basis,
            sides=(side,),
            currency=NO_CURRENCY,
            verdict=Verdict.REJECT,
            score=sum(one.weight for one in broken),
            evidence=tuple(broken),
            campaign_id=code.campaign_id if code else None,
            category=code.category if code else None,
            channel=(code.channel if code else None) or claim.channel,
            touch_event_id=claim.touch_event_id,
            root_reference=claim.root_reference,
            origin_source=claim.source,
        )
    )


def refused_by(prospect: Prospect, key: str) -> Prospect:
    """What is left of a prospect where a shared limit has no place for it: nothing waits."""
    cap = Evidence(key.partition(":")[0], WEIGHT, {"limit": key})
    found = [one for one in prospect.earning.evidence if one.reason != Reason.HOLDING_PERIOD]
    earning = _replace(
        prospect.earning,
        verdict=Verdict.REJECT,
        evidence=(cap, *found),
        score=prospect.earning.score + WEIGHT,
        orders=(),
        budgets=(),
    )
    return Prospect(earning, is_last=prospect.is_last)


def budget_places(campaign: CampaignDefined, policy: Policy, earning: Earning) -> tuple[str, ...]:
    """The places that an action takes under the campaign's budgets, which are in its currency."""
    if earning.currency != campaign.reward_currency:
        return ()
    caps, campaign_id = policy.caps, campaign.campaign_id
    value = sum(side.value_micros for side in earning.sides)
    places = []
    if caps.budget_per_day_micros is not None:
        key = limit_key(Reason.CAP_BUDGET_PER_DAY, campaign_id, at=earning.action_time)
        places.append(Place(key, value, caps.budget_per_day_micros))
    if caps.budget_micros is not None:
        places.append(Place(limit_key(Reason.CAP_BUDGET, campaign_id), value, caps.budget_micros))
    return tuple(map(str, places))


def _user_places(terms: Terms, earning: Earning, pair: PairLedger) -> tuple[str, ...]:
    """The places under limits that count the users of a referrer, which this one lacks so far."""
    caps, owner = terms.policy.caps, terms.code.owner_user_id
    if owner is None:
        return ()
    whose = (terms.campaign.campaign_id, owner)
    places = []
    if caps.per_referrer_per_day is not None:
        key = limit_key(Reason.CAP_PER_REFERRER_PER_DAY, *whose, at=earning.action_time)
        places.append(Place(key, 1, caps.per_referrer_per_day))
    if caps.per_referrer is not None:
        places.append(Place(limit_key(Reason.CAP_PER_REFERRER, *whose), 1, caps.per_referrer))
    has = {Place.parse(text).key for text in pair.places}
    return tuple(str(place) for place in places if place.key not in has)


def _case(turn: Turn, claim: Claimed, terms: Terms) -> Case:
    return Case(
        claim=claim,
        code=terms.code,
        seen=_seen(turn.pair),
        hours=turn.usage.hours,
        amounts=turn.usage.amounts,
        claims=turn.usage.claims,
        listed=turn.reference.listed,
        signals=(
            Signals(
                device_hash=claim.device_hash,
                ip_hash=claim.ip_hash,
                network_hash=claim.network_hash,
                email_hash=claim.email_hash,
                email_disposable=claim.email_disposable,
            ),
        ),
    )


def _seen(pair: PairLedger) -> dict[str, SignalSeen]:
    """The highest figures of each kind of signal, but those of claims whose turn hasn't come."""
    later = {waiting.event_id for waiting in pair.queue}
    found: dict[str, SignalSeen] = {}
    for seen in pair.seen:
        if seen.claim_id in later:
            continue
        known = found.get(seen.kind, seen)
        found[seen.kind] = _replace(
            seen,
            users_24h=max(seen.users_24h, known.users_24h),
            users_30d=max(seen.users_30d, known.users_30d),
            codes_30d=max(seen.codes_30d, known.codes_30d),
            insiders_30d=max(seen.insiders_30d, known.insiders_30d),
            users_365d=max(seen.users_365d, known.users_365d),
        )
    return found


def _held(claim: Claimed, terms: Terms, judgement: Judgement) -> Judgement:
    """Where a campaign keeps everything back for a while, that is a reason of its own."""
    hold_for = terms.policy.hold_for
    if judgement.verdict != Verdict.GRANT or hold_for == 0:
        return judgement
    until = Evidence(Reason.HOLDING_PERIOD, 0, {"until": claim.event_time + hold_for})
    return _replace(judgement, verdict=Verdict.HOLD, evidence=(*judgement.evidence, until))


def _earning(turn: Turn, claim: Claimed, terms: Terms, judgement: Judgement) -> Earning:
    campaign, code, policy = terms.campaign, terms.code, terms.policy
    return Earning(
        action=_action(claim, terms, turn.pair),
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
        order_id=claim.order_id,
        least_total_micros=least_total(terms),
        expires_after=policy.expires_after,
        on_refund=policy.on_refund,
        counts_by_day=policy.caps.per_code_per_day is not None,
        **_hold(claim, terms, judgement),
    )


def _action(claim: Claimed, terms: Terms, pair: PairLedger) -> str:
    """The first reward by purchases is named after the trigger, later ones are numbered."""
    if claim.action == Action.SIGNUP or pair.purchases == 0:
        return terms.campaign.trigger
    return f"purchase:{pair.purchases + 1}"


def _hold(claim: Claimed, terms: Terms, judgement: Judgement) -> dict[str, Any]:
    """Until when a reward is held, and what happens then.

    A review's time begins on receipt, or with the signup if the purchase came in before.
    """
    if judgement.verdict != Verdict.HOLD:
        return {}
    ends = claim.event_time + terms.policy.hold_for
    if any(one.reason == Reason.HOLDING_PERIOD for one in judgement.evidence):
        return {"hold_until": ends, "at_holds_end": AtHoldsEnd.GRANT}
    fraud = terms.policy.fraud
    reviewed_by = max(claim.received_at, claim.signed_up_at) + fraud.review_for
    return {"hold_until": max(ends, reviewed_by), "at_holds_end": fraud.at_review_end}
