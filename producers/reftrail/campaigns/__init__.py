"""Campaigns: from policy files to versions of rules on the topic `campaigns`.

Input: TOML files. Output: the topic `campaigns`. Guarantee: a version once written is never
changed; what is the same as the last version writes nothing.
"""

from reftrail.campaigns.apply import Applied, apply_campaigns, defined_campaigns
from reftrail.campaigns.definition import Campaign
from reftrail.campaigns.file import read_campaigns

__all__ = ["Applied", "Campaign", "apply_campaigns", "defined_campaigns", "read_campaigns"]
