"""Reasons to reject a claim: the rules of the code and its campaign, and the limits of the code.

Evidence of fraud is in `reftrail.rules.fraud.checks`. The names of reasons are stable, since people
search for them.
"""

from collections.abc import Iterator
from typing import Final

from reftrail.contracts.decisions import Claimed
from reftrail.contracts.events import CodeEvidence
from reftrail.contracts.policy import Policy
from reftrail.contracts.record import DAY, Millis
from reftrail.contracts.reference import CodeChanged, CodeStatus, Trigger
from reftrail.contracts.reward_reasons import Reason
from reftrail.rules.decider import Reference
from reftrail.rules.fraud.case import Evidence, Figures
from reftrail.rules.limit_names import is_closed
from reftrail.rules.policy import Terms, counts_from, policy_at
from reftrail.rules.reward.context import DecisionContext

WEIGHT: Final = 100
"""The weight of a broken rule: it rejects in any case."""


_ORDER: Final = {reason: nth for nth, reason in enumerate(Reason)}


def unknown(claim: Claimed) -> Evidence:
    """The evidence against a claim whose code doesn't exist or is forged."""
    is_forged = claim.code_evidence == CodeEvidence.FORGED
    reason = Reason.FORGED_CODE if is_forged else Reason.UNKNOWN_CODE
    return Evidence(reason, WEIGHT, {"code": claim.code})


def broken_rules(
    claim: Claimed, code: CodeChanged, terms: Terms | None, reference: Reference
) -> list[Evidence]:
    """The rules of the code and campaign that a claim breaks; terms are None without a campaign."""
    found = [*_of_the_code(claim, code), *_of_the_campaign(claim, code, terms, reference)]
    if terms is not None and is_incomparable(claim, terms):
        expected = terms.campaign.reward_currency
        figures: Figures = {"currency": claim.currency or "", "expected": expected}
        found.append((Reason.CURRENCY_MISMATCH, figures))
    return _in_order(found)


def objections(
    context: DecisionContext, claim: Claimed, code: CodeChanged, terms: Terms | None
) -> list[Evidence]:
    """The rules that a claim breaks and the limits that it exceeds, in the order of reasons."""
    found = [
        *broken_rules(claim, code, terms, context.reference),
        *exceeded_limits(context, claim.event_time, code, terms),
    ]
    return sorted(found, key=lambda evidence: _ORDER[Reason(evidence.reason)])


def exceeded_limits(
    context: DecisionContext, at: Millis, code: CodeChanged, terms: Terms | None
) -> list[Evidence]:
    """The limits of the code that an action at a time exceeds. Uses are different users.

    A user who has earned doesn't count again, but on another day.
    """
    usage, referral = context.usage, context.referral
    caps = terms.policy.caps if terms else None
    found: list[_Found] = []
    if referral.counted <= 0:
        if code.max_uses is not None and usage.users >= code.max_uses:
            found.append((Reason.CODE_USED_UP, {"users": usage.users, "most": code.max_uses}))
        if caps and caps.per_code is not None and usage.users >= caps.per_code:
            found.append((Reason.CAP_PER_CODE, {"users": usage.users, "most": caps.per_code}))
    day = at // DAY
    if caps and caps.per_code_per_day is not None and context.limit(f"day {day}").count <= 0:
        most, taken = caps.per_code_per_day, context.users_on(day)
        if taken >= most or is_closed(day, context.record.received_at):
            found.append((Reason.CAP_PER_CODE_PER_DAY, {"most": most, "day": day, "users": taken}))
    return _in_order(found)


def is_incomparable(claim: Claimed, terms: Terms) -> bool:
    """Whether an order can't be compared with the campaign's amounts, for its currency.

    These are the minimum, the sum to be reached, the amounts of bands, and, where the reward is a
    share of the order, its maximum and the budgets.

    Such an order is rejected instead of ignored, so that somebody sees why the customer earns
    nothing.
    """
    campaign = terms.campaign
    if claim.currency == campaign.reward_currency or campaign.trigger == Trigger.SIGNUP:
        return False
    if campaign.trigger == Trigger.AMOUNT_REACHED or campaign.minimum_amount_micros > 0:
        return True
    return _limits_shares(terms.policy)


def _limits_shares(policy: Policy) -> bool:
    """Whether a reward by the order's amount is bounded in the campaign's currency."""
    rules = (policy.referrer_rules, policy.referee_rules)
    varied = [value for side in rules for value in (*side.tiers, side.later) if value]
    all_shares = [policy.referrer, policy.referee, *(value.percent for value in varied)]
    shares = [share for share in all_shares if share is not None]
    caps = policy.caps
    has_budget = caps.budget_micros is not None or caps.budget_per_day_micros is not None
    return any(side.bands for side in rules) or any(
        has_budget or share.maximum_micros is not None for share in shares
    )


def _in_order(found: list["_Found"]) -> list[Evidence]:
    found.sort(key=lambda reason: _ORDER[reason[0]])
    return [Evidence(reason, WEIGHT, figures) for reason, figures in found]


_Found = tuple[Reason, Figures]


def _of_the_code(claim: Claimed, code: CodeChanged) -> Iterator[_Found]:
    """The rules of the code that a claim breaks.

    What happened before a code was stopped still earns; what happened meanwhile doesn't, though it
    arrive after that. A derived code counts as its format did when it was touched or typed in.
    """
    at = claim.event_time
    stop = code.stop_at(at)
    if claim.code_evidence == CodeEvidence.RETIRED:
        yield Reason.CODE_INACTIVE, {"status": code.status, "since": code.event_time, "at": at}
    elif stop is not None and stop.status != CodeStatus.EXPIRED:
        yield Reason.CODE_INACTIVE, {"status": stop.status, "since": stop.since, "at": at}
    if code.expires_at is not None and at >= code.expires_at:
        yield Reason.CODE_EXPIRED, {"expired_at": code.expires_at, "at": at}
    elif stop is not None and stop.status == CodeStatus.EXPIRED:
        yield Reason.CODE_EXPIRED, {"expired_at": stop.since, "at": at}
    if code.channels and claim.channel not in code.channels:
        yield Reason.NOT_FOR_CHANNEL, _elsewhere(claim.channel, code.channels)
    if code.regions and claim.country not in code.regions:
        yield Reason.NOT_FOR_REGION, _elsewhere(claim.country, code.regions)


def _elsewhere(found: str | None, allowed: list[str]) -> Figures:
    """The figures for a channel or region that isn't allowed; one that is missing isn't either."""
    return {"found": found or "", "allowed": " ".join(allowed)}


def _of_the_campaign(
    claim: Claimed, code: CodeChanged, terms: Terms | None, reference: Reference
) -> Iterator[_Found]:
    if terms is None:
        yield Reason.UNKNOWN_CAMPAIGN, {"campaign": code.campaign_id}
        return
    campaign, at = terms.campaign, claim.event_time
    if campaign.starts_at is not None and at < campaign.starts_at:
        yield Reason.CAMPAIGN_NOT_RUNNING, {"starts_at": campaign.starts_at, "at": at}
    elif campaign.ends_at is not None and at >= campaign.ends_at:
        yield Reason.CAMPAIGN_NOT_RUNNING, {"ends_at": campaign.ends_at, "at": at}
    first = claim.first_purchase_at
    if terms.policy.new_customers_only and first is not None:
        limit = counts_from(claim, reference)
        if first < limit:
            yield Reason.EXISTING_CUSTOMER, {"bought_at": first, "counts_from": limit}
    took = claim.signed_up_at - claim.touch_time
    window = policy_at(reference, code.campaign_id, claim.touch_time).attribution_window_ms
    if took > window:
        # The touch may have been judged by another campaign's window than that of the code.
        yield Reason.OUTSIDE_WINDOW, {"took_ms": took, "window_ms": window}
