"""New versions of campaigns, where their rules have changed."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

import uuid_utils

from reftrail.campaigns.definition import Campaign, millis, rules_of
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.installation import Installation
from reftrail.contracts.record import Millis
from reftrail.contracts.reference import CampaignDefined
from reftrail.contracts.topics import CAMPAIGNS
from reftrail.reference import read_all, write


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of one campaign: written says whether its version is a new one."""

    defined: CampaignDefined
    written: bool


def apply_campaigns(installation: Installation, campaigns: Iterable[Campaign]) -> list[Applied]:
    """Write a new version of each campaign whose rules differ from its last one.

    Returns when Kafka has them. Two at once for the same campaign may write the same version
    number; the later one then counts. Raises `ExpectedError`, before anything is written, if a
    campaign stands there twice, or later when the broker fails.
    """
    campaigns = list(campaigns)
    ids = [campaign.campaign_id for campaign in campaigns]
    if twice := sorted({one for one in ids if ids.count(one) > 1}):
        raise ExpectedError(f"campaign {twice[0]} is defined more than once; keep one of them")
    last = {defined.campaign_id: defined for defined in defined_campaigns(installation)}
    now = time.time_ns() // 1_000_000
    outcome = [
        next_version(campaign, last.get(campaign.campaign_id), now) for campaign in campaigns
    ]
    if new := [applied.defined for applied in outcome if applied.written]:
        write(installation, CAMPAIGNS, new)
    return outcome


def next_version(campaign: Campaign, last: CampaignDefined | None, now: Millis) -> Applied:
    """The version that a definition makes after the last one; the last one if nothing changed."""
    asked = millis(campaign.effective_from)
    if (
        last is not None
        and rules_of(last) == campaign.rules()
        and asked in (None, last.effective_from)
    ):
        return Applied(last, written=False)
    default = 0 if last is None else now
    defined = CampaignDefined(
        event_id=str(uuid_utils.uuid7()),
        event_time=now,
        received_at=now,
        campaign_id=campaign.campaign_id,
        version=1 if last is None else last.version + 1,
        effective_from=default if asked is None else asked,
        **campaign.rules(),
    )
    return Applied(defined, written=True)


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
