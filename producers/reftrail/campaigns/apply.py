"""New versions of campaigns on their topic, where their rules have changed."""

from collections.abc import Iterable

from reftrail.campaigns.definition import Campaign
from reftrail.campaigns.versions import Applied, next_version
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.installation import Installation
from reftrail.contracts.reference import CampaignDefined
from reftrail.contracts.times import now
from reftrail.contracts.topics import CAMPAIGNS
from reftrail.reference import read_all, write


def apply_campaigns(
    installation: Installation, campaigns: Iterable[Campaign], *, dry_run: bool = False
) -> list[Applied]:
    """Write a new version of each campaign whose rules differ from its last one.

    Returns when Kafka has them; with dry_run nothing is written, and what would be is returned. Two
    at once for the same campaign may write the same version number; the later one then counts.
    Raises `ExpectedError`, before anything is written, if a campaign is there twice, or later
    when the broker fails.
    """
    campaigns = list(campaigns)
    ids = [campaign.campaign_id for campaign in campaigns]
    if twice := sorted({campaign_id for campaign_id in ids if ids.count(campaign_id) > 1}):
        raise ExpectedError(f"campaign {twice[0]} is defined more than once; keep one of them")
    last = {defined.campaign_id: defined for defined in defined_campaigns(installation)}
    outcome = [
        next_version(campaign, last.get(campaign.campaign_id), now()) for campaign in campaigns
    ]
    new = [applied.defined for applied in outcome if applied.written]
    if new and not dry_run:
        write(installation, CAMPAIGNS, new)
    return outcome


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
