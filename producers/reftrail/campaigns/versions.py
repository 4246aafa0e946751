"""Versions of a campaign's rules: the next one, where they have changed."""

from dataclasses import dataclass

import uuid_utils

from reftrail.campaigns.definition import Campaign
from reftrail.campaigns.wire import rules, rules_of
from reftrail.contracts.record import Millis
from reftrail.contracts.reference import CampaignDefined
from reftrail.contracts.times import millis


@dataclass(frozen=True, slots=True)
class Applied:
    """The result for one campaign: written says whether its version is a new one.

    before is its last version until then.
    """

    defined: CampaignDefined
    written: bool
    before: CampaignDefined | None = None


def next_version(campaign: Campaign, last: CampaignDefined | None, at: Millis) -> Applied:
    """The version that a definition makes after the last one; the last one if nothing changed."""
    asked = millis(campaign.effective_from)
    if (
        last is not None
        and rules_of(last) == rules(campaign)
        and asked in (None, last.effective_from)
    ):
        return Applied(last, written=False, before=last)
    default = 0 if last is None else at
    defined = CampaignDefined(
        event_id=str(uuid_utils.uuid7()),
        event_time=at,
        received_at=at,
        campaign_id=campaign.campaign_id,
        version=1 if last is None else last.version + 1,
        effective_from=default if asked is None else asked,
        **rules(campaign),
    )
    return Applied(defined, written=True, before=last)
