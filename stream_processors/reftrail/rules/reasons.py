"""Why a claim earns nothing: each rule of the code and its campaign that forbids it.

What speaks for fraud is in `reftrail.rules.fraud.checks`. The words are stable: people look for
them.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Final, Protocol

from reftrail.contracts.decisions import Claimed
from reftrail.contracts.events import CodeEvidence
from reftrail.contracts.record import DAY
from reftrail.contracts.reference import CampaignDefined, CodeChanged, CodeStatus, Trigger
from reftrail.rules.fraud.case import Evidence, Figures
from reftrail.rules.ledger import CodeLedger, PairLedger
from reftrail.rules.policy import Terms

WEIGHT: Final = 100
"""What a broken rule weighs: it rejects in any case."""


class Reason(StrEnum):
    """The reasons of entries, but for suspicions; a rejection lists broken rules in this order."""

    UNKNOWN_CODE = "unknown_code"
    FORGED_CODE = "forged_code"
    UNKNOWN_CAMPAIGN = "unknown_campaign"
    CODE_INACTIVE = "code_inactive"
    CODE_EXPIRED = "code_expired"
    NOT_FOR_CHANNEL = "not_for_channel"
    NOT_FOR_REGION = "not_for_region"
    CAMPAIGN_NOT_RUNNING = "campaign_not_running"
    OUTSIDE_WINDOW = "outside_window"
    CODE_USED_UP = "code_used_up"
    CAP_PER_CODE = "cap_per_code"
    CAP_PER_CODE_PER_DAY = "cap_per_code_per_day"
    CURRENCY_MISMATCH = "currency_mismatch"
    CAP_PER_REFERRER = "cap_per_referrer"
    CAP_PER_REFERRER_PER_DAY = "cap_per_referrer_per_day"
    CAP_BUDGET = "cap_budget"
    CAP_BUDGET_PER_DAY = "cap_budget_per_day"
    SELF_REFERRAL = "self_referral"
    HOLDING_PERIOD = "holding_period"
    HOLD_ENDED = "hold_ended"
    APPROVED = "approved"
    DECLINED = "declined"
    REFUNDED = "refunded"
    PARTLY_REFUNDED = "partly_refunded"
    TAKEN_BACK = "taken_back"
    MILESTONE_LOST = "milestone_lost"
    NOT_DELIVERED = "not_delivered"
    TRIED_AGAIN = "tried_again"
    NOT_USED_IN_TIME = "not_used_in_time"


class Reasoned(Protocol):
    """An entry of the ledger, wherever it was read."""

    @property
    def reasons(self) -> Sequence[str]:
        """Why it says what it says."""


def is_part(entry: Reasoned) -> bool:
    """Whether an entry takes a part of a reward back, which leaves it as it stands."""
    return Reason.PARTLY_REFUNDED in entry.reasons


def is_again(entry: Reasoned) -> bool:
    """Whether an entry grants again what was granted before, and failed."""
    return Reason.TRIED_AGAIN in entry.reasons


_ORDER: Final = {reason: nth for nth, reason in enumerate(Reason)}


def unknown(claim: Claimed) -> Evidence:
    """Why there is nothing to judge: no such code, or none that its format's secret makes."""
    is_forged = claim.code_evidence == CodeEvidence.FORGED
    reason = Reason.FORGED_CODE if is_forged else Reason.UNKNOWN_CODE
    return Evidence(reason, WEIGHT, {"code": claim.code})


def broken_rules(
    claim: Claimed, code: CodeChanged, terms: Terms | None, usage: CodeLedger, pair: PairLedger
) -> list[Evidence]:
    """All rules that a claim breaks; terms None: the code's campaign isn't known."""
    found = [*_of_the_code(claim, code), *_of_the_campaign(claim, code, terms)]
    found += _of_usage(claim, code, terms, usage, pair)
    if terms is not None and is_incomparable(claim, terms.campaign):
        expected = terms.campaign.reward_currency
        figures: Figures = {"currency": claim.currency or "", "expected": expected}
        found.append((Reason.CURRENCY_MISMATCH, figures))
    found.sort(key=lambda one: _ORDER[one[0]])
    return [Evidence(reason, WEIGHT, figures) for reason, figures in found]


def is_incomparable(claim: Claimed, campaign: CampaignDefined) -> bool:
    """Whether a minimum is asked for and the order's amount is in another currency than it.

    That rejects rather than waits for the next order: a customer who pays in another currency
    would else never earn, and nobody would see why.
    """
    return (
        campaign.trigger == Trigger.FIRST_PURCHASE
        and campaign.minimum_amount_micros > 0
        and claim.currency != campaign.reward_currency
    )


_Found = tuple[Reason, Figures]


def _of_the_code(claim: Claimed, code: CodeChanged) -> Iterator[_Found]:
    at = claim.event_time
    if _is_inactive(claim, code):
        yield Reason.CODE_INACTIVE, {"status": code.status, "since": code.event_time, "at": at}
    if code.expires_at is not None and at >= code.expires_at:
        yield Reason.CODE_EXPIRED, {"expired_at": code.expires_at, "at": at}
    elif code.status == CodeStatus.EXPIRED and at >= code.event_time:
        yield Reason.CODE_EXPIRED, {"expired_at": code.event_time, "at": at}
    if code.channels and claim.channel not in code.channels:
        yield Reason.NOT_FOR_CHANNEL, _elsewhere(claim.channel, code.channels)
    if code.regions and claim.country not in code.regions:
        yield Reason.NOT_FOR_REGION, _elsewhere(claim.country, code.regions)


def _is_inactive(claim: Claimed, code: CodeChanged) -> bool:
    """A code that was suspended or revoked still earns for what happened before that.

    One of a retired format doesn't, if it was retired when the code was touched or typed in.
    """
    if claim.code_evidence == CodeEvidence.RETIRED:
        return True
    is_ended = code.status in (CodeStatus.SUSPENDED, CodeStatus.REVOKED)
    return is_ended and claim.event_time >= code.event_time


def _elsewhere(place: str | None, allowed: list[str]) -> Figures:
    """A claim that doesn't say where it comes from is elsewhere: else leaving that out would do."""
    return {"found": place or "", "allowed": " ".join(allowed)}


def _of_the_campaign(claim: Claimed, code: CodeChanged, terms: Terms | None) -> Iterator[_Found]:
    if terms is None:
        yield Reason.UNKNOWN_CAMPAIGN, {"campaign": code.campaign_id}
        return
    campaign, at = terms.campaign, claim.event_time
    if campaign.starts_at is not None and at < campaign.starts_at:
        yield Reason.CAMPAIGN_NOT_RUNNING, {"starts_at": campaign.starts_at, "at": at}
    elif campaign.ends_at is not None and at >= campaign.ends_at:
        yield Reason.CAMPAIGN_NOT_RUNNING, {"ends_at": campaign.ends_at, "at": at}
    took = claim.signed_up_at - claim.touch_time
    if took > campaign.attribution_window_ms:
        # The touch may have been judged by another campaign's window than that of the code.
        window = campaign.attribution_window_ms
        yield Reason.OUTSIDE_WINDOW, {"took_ms": took, "window_ms": window}


def _of_usage(
    claim: Claimed, code: CodeChanged, terms: Terms | None, usage: CodeLedger, pair: PairLedger
) -> Iterator[_Found]:
    """Uses are different users; one who has earned doesn't count again, but on another day."""
    caps = terms.policy.caps if terms else None
    if not pair.stands:
        if code.max_uses is not None and usage.users >= code.max_uses:
            yield Reason.CODE_USED_UP, {"users": usage.users, "most": code.max_uses}
        if caps and caps.per_code is not None and usage.users >= caps.per_code:
            yield Reason.CAP_PER_CODE, {"users": usage.users, "most": caps.per_code}
    day = claim.event_time // DAY
    if caps and caps.per_code_per_day is not None and day not in pair.standing_days():
        most, taken = caps.per_code_per_day, usage.on_day(day)
        if taken is None or taken >= most:
            figures: Figures = {"most": most, "day": day}
            yield Reason.CAP_PER_CODE_PER_DAY, figures | ({} if taken is None else {"users": taken})
