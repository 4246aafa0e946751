"""Why a claim earns nothing: each rule that forbids it, by a stable word."""

from enum import StrEnum

from reftrail.contracts.decisions import Claimed
from reftrail.contracts.events import CodeEvidence
from reftrail.contracts.reference import CampaignDefined, CodeChanged, CodeStatus, Trigger
from reftrail.rules.ledger import CodeUses, PairLedger


class Reason(StrEnum):
    """The reasons of a rejection or reversal. A rejection lists all that apply, in this order."""

    UNKNOWN_CODE = "unknown_code"
    FORGED_CODE = "forged_code"
    UNKNOWN_CAMPAIGN = "unknown_campaign"
    CODE_INACTIVE = "code_inactive"
    CODE_EXPIRED = "code_expired"
    NOT_FOR_CHANNEL = "not_for_channel"
    NOT_FOR_REGION = "not_for_region"
    CAMPAIGN_NOT_RUNNING = "campaign_not_running"
    OUTSIDE_WINDOW = "outside_window"
    SELF_REFERRAL = "self_referral"
    CODE_USED_UP = "code_used_up"
    CURRENCY_MISMATCH = "currency_mismatch"
    REFUNDED = "refunded"
    PARTLY_REFUNDED = "partly_refunded"
    TRIED_AGAIN = "tried_again"


def reasons_against(
    claim: Claimed,
    code: CodeChanged | None,
    campaign: CampaignDefined | None,
    uses: CodeUses,
    pair: PairLedger,
) -> list[str]:
    """All reasons against a claim; none if it is good. campaign is that of the code."""
    if code is None:
        is_forged = claim.code_evidence == CodeEvidence.FORGED
        return [Reason.FORGED_CODE if is_forged else Reason.UNKNOWN_CODE]
    holds = {
        Reason.UNKNOWN_CAMPAIGN: campaign is None,
        Reason.CODE_INACTIVE: _is_inactive(claim, code),
        Reason.CODE_EXPIRED: _is_expired(claim, code),
        Reason.NOT_FOR_CHANNEL: _is_elsewhere(claim.channel, code.channels),
        Reason.NOT_FOR_REGION: _is_elsewhere(claim.country, code.regions),
        Reason.CAMPAIGN_NOT_RUNNING: campaign is not None and not _is_running(claim, campaign),
        Reason.OUTSIDE_WINDOW: campaign is not None and _is_outside_window(claim, campaign),
        Reason.SELF_REFERRAL: code.owner_user_id == claim.user_id,
        Reason.CODE_USED_UP: _is_used_up(code, uses, pair),
        Reason.CURRENCY_MISMATCH: campaign is not None and is_incomparable(claim, campaign),
    }
    return [reason for reason, applies in holds.items() if applies]


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


def _is_inactive(claim: Claimed, code: CodeChanged) -> bool:
    """A code that was suspended or revoked still earns for what happened before that.

    One of a retired format doesn't, if it was retired when the code was touched or typed in.
    """
    if claim.code_evidence == CodeEvidence.RETIRED:
        return True
    is_ended = code.status in (CodeStatus.SUSPENDED, CodeStatus.REVOKED)
    return is_ended and claim.event_time >= code.event_time


def _is_expired(claim: Claimed, code: CodeChanged) -> bool:
    """At its time, or from when somebody ended it before that."""
    if code.expires_at is not None and claim.event_time >= code.expires_at:
        return True
    return code.status == CodeStatus.EXPIRED and claim.event_time >= code.event_time


def _is_elsewhere(place: str | None, allowed: list[str]) -> bool:
    """A claim that doesn't say where it comes from is elsewhere: else leaving that out would do."""
    return bool(allowed) and place not in allowed


def _is_running(claim: Claimed, campaign: CampaignDefined) -> bool:
    has_begun = campaign.starts_at is None or claim.event_time >= campaign.starts_at
    has_ended = campaign.ends_at is not None and claim.event_time >= campaign.ends_at
    return has_begun and not has_ended


def _is_outside_window(claim: Claimed, campaign: CampaignDefined) -> bool:
    """The touch may have been judged by another campaign's window than that of the code."""
    return claim.signed_up_at - claim.touch_time > campaign.attribution_window_ms


def _is_used_up(code: CodeChanged, uses: CodeUses, pair: PairLedger) -> bool:
    """Uses are different users; one who already earned doesn't count again."""
    return code.max_uses is not None and not pair.grants and uses.users >= code.max_uses
