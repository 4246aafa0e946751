"""The rules of a campaign at a time, and the defaults where there is no campaign."""

from typing import Final, Self

import msgspec

from reftrail.contracts.policy import Policy, policy_in
from reftrail.contracts.record import Micros, Millis
from reftrail.contracts.reference import CampaignDefined, CodeChanged
from reftrail.rules.decider import Reference

DEFAULT_POLICY: Final = CampaignDefined(
    event_id="", event_time=0, received_at=0, campaign_id="", version=0, effective_from=0, name=""
)
"""The rules for a touch or a typed code that belongs to no known campaign: the contract's defaults
(30 days, clicks only, touch before typed code, one day of grace). It earns nothing."""

NO_CURRENCY: Final = "XXX"
"""ISO 4217 for "no currency": the value of a rejection that nobody can put a price on."""

NO_KIND: Final = "none"
"""The kind of a reward that no campaign defines."""


class Terms(msgspec.Struct, frozen=True):
    """The code of a claim, and its campaign's rules at the time of the claim."""

    code: CodeChanged
    campaign: CampaignDefined
    policy: Policy

    @classmethod
    def of(cls, code: CodeChanged | None, reference: Reference, at: Millis) -> Self | None:
        """The terms of a code at a time; None if the code or its campaign isn't known."""
        campaign = reference.campaign(code.campaign_id, at) if code else None
        if code is None or campaign is None:
            return None
        return cls(code, campaign, policy_in(campaign.policy))


def policy_at(reference: Reference, campaign_id: str | None, at: Millis) -> CampaignDefined:
    """The campaign's rules in force at a time; the defaults if there is no such campaign."""
    return reference.campaign(campaign_id, at) or DEFAULT_POLICY


def qualifies(amount: Micros, refunded: Micros | None, minimum: Micros) -> bool:
    """Whether an order counts as a purchase. refunded is None if there was no refund.

    A free order counts if no minimum is asked for. One that was refunded as a whole never counts.
    """
    if refunded is None:
        return amount >= minimum
    return amount - refunded >= max(minimum, 1)
