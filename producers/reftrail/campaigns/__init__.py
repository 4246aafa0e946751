"""Campaigns: from policy files to versions of rules on the topic `campaigns`.

Input: TOML files. Output: the topic `campaigns`. Guarantee: a version once written is never
changed; what is the same as the last version writes nothing.
"""

from reftrail.campaigns.apply import Applied, apply_campaigns, defined_campaigns, next_version
from reftrail.campaigns.definition import Campaign
from reftrail.campaigns.file import CampaignFile, campaign_file, read_campaigns
from reftrail.campaigns.findings import Around, Finding
from reftrail.campaigns.lint import lint
from reftrail.campaigns.text import Difference, as_toml, differences, time_said
from reftrail.campaigns.toml_file import FaultyFile

__all__ = [
    "Applied",
    "Around",
    "Campaign",
    "CampaignFile",
    "Difference",
    "FaultyFile",
    "Finding",
    "apply_campaigns",
    "as_toml",
    "campaign_file",
    "defined_campaigns",
    "differences",
    "lint",
    "next_version",
    "read_campaigns",
    "time_said",
]
