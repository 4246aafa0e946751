"""The rules of a campaign at a time, and the defaults where there is no campaign."""

from typing import Final, Protocol, Self

import msgspec

from reftrail.contracts.decisions import Basis
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
    """The code of a claim, and its campaign's rules at a time: that of the action or the signup."""

    code: CodeChanged
    campaign: CampaignDefined
    policy: Policy
    at: Millis = 0

    @classmethod
    def of(cls, code: CodeChanged | None, reference: Reference, at: Millis) -> Self | None:
        """The terms of a code at a time; None if the code or its campaign isn't known."""
        campaign = reference.campaign(code.campaign_id, at) if code else None
        if code is None or campaign is None:
            return None
        return cls(code, campaign, policy_in(campaign.policy), at)


def policy_at(reference: Reference, campaign_id: str | None, at: Millis) -> CampaignDefined:
    """The campaign's rules in force at a time; the defaults if there is no such campaign."""
    return reference.campaign(campaign_id, at) or DEFAULT_POLICY


class _Attributed(Protocol):
    """A decision of attribution, or a claim under it."""

    @property
    def basis(self) -> str: ...
    @property
    def campaign_id(self) -> str | None: ...
    @property
    def touch_time(self) -> Millis: ...
    @property
    def signed_up_at(self) -> Millis: ...


def counts_from(claim: _Attributed, reference: Reference) -> Millis:
    """The time from which a user's purchases count: that of the touch.

    For a code that was typed in, they count from `checkout_tolerance` before the signup on.
    """
    if claim.basis != Basis.TYPED_CODE:
        return claim.touch_time
    campaign = policy_at(reference, claim.campaign_id, claim.signed_up_at)
    return claim.touch_time - policy_in(campaign.policy).checkout_tolerance


def qualifies(amount: Micros, refunded: Micros | None, minimum: Micros) -> bool:
    """Whether an order counts as a purchase. refunded is None if there was no refund.

    A free order counts if no minimum is asked for. One that was refunded as a whole never counts.
    """
    if refunded is None:
        return amount >= minimum
    return amount - refunded >= max(minimum, 1)
