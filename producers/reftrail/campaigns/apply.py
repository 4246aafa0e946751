"""New versions of campaigns, where their rules have changed."""

from collections.abc import Iterable
from dataclasses import dataclass

import uuid_utils

from reftrail.campaigns.definition import Campaign
from reftrail.campaigns.wire import rules, rules_of
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.installation import Installation
from reftrail.contracts.record import Millis
from reftrail.contracts.reference import CampaignDefined
from reftrail.contracts.times import millis, now
from reftrail.contracts.topics import CAMPAIGNS
from reftrail.reference import read_all, write


@dataclass(frozen=True, slots=True)
class Applied:
    """What becomes of one campaign: written says whether its version is a new one.

    before is its last version until then.
    """

    defined: CampaignDefined
    written: bool
    before: CampaignDefined | None = None


def apply_campaigns(
    installation: Installation, campaigns: Iterable[Campaign], *, dry_run: bool = False
) -> list[Applied]:
    """Write a new version of each campaign whose rules differ from its last one.

    Returns when Kafka has them; with dry_run nothing is written, and what would be is returned. Two
    at once for the same campaign may write the same version number; the later one then counts.
    Raises `ExpectedError`, before anything is written, if a campaign stands there twice, or later
    when the broker fails.
    """
    campaigns = list(campaigns)
    ids = [campaign.campaign_id for campaign in campaigns]
    if twice := sorted({one for one in ids if ids.count(one) > 1}):
        raise ExpectedError(f"campaign {twice[0]} is defined more than once; keep one of them")
    last = {defined.campaign_id: defined for defined in defined_campaigns(installation)}
    outcome = [next_version(one, last.get(one.campaign_id), now()) for one in campaigns]
    new = [applied.defined for applied in outcome if applied.written]
    if new and not dry_run:
        write(installation, CAMPAIGNS, new)
    return outcome


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


def defined_campaigns(
    installation: Installation, campaign_id: str | None = None
) -> list[CampaignDefined]:
    """Every version of every campaign, or of one, by campaign and version."""
    versions = {
        (defined.campaign_id, defined.version): defined
        for defined in read_all(installation, CAMPAIGNS, CampaignDefined)
        if campaign_id in (None, defined.campaign_id)
    }
    return [versions[key] for key in sorted(versions)]
