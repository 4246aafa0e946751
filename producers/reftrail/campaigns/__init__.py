"""Campaigns: from policy files to versions of rules on the topic `campaigns`.

Input: TOML files. Output: the topic `campaigns`. Guarantee: a version once written is never
changed; what is the same as the last version writes nothing. `apply` has what needs Kafka.
"""

from reftrail.campaigns.definition import Campaign
from reftrail.campaigns.file import CampaignFile, campaign_file, read_campaigns
from reftrail.campaigns.findings import Around, Finding
from reftrail.campaigns.lint import lint
from reftrail.campaigns.text import ChangedSetting, as_toml, differences, time_said
from reftrail.campaigns.toml_file import FaultyFile
from reftrail.campaigns.versions import Applied, next_version

__all__ = [
    "Applied",
    "Around",
    "Campaign",
    "CampaignFile",
    "ChangedSetting",
    "FaultyFile",
    "Finding",
    "as_toml",
    "campaign_file",
    "differences",
    "lint",
    "next_version",
    "read_campaigns",
    "time_said",
]
