"""Campaign files, flat and of tables, and the campaigns that they define."""

from pathlib import Path

import msgspec

from reftrail.campaigns import Campaign, next_version, read_campaigns
from reftrail.contracts.reference import CampaignDefined

FLAT = """
[[campaign]]
campaign_id = "summer"
name = "Summer"
category = "retail"
starts_at = 2025-06-01T00:00:00Z
ends_at = 2025-09-01T00:00:00+02:00
attribution_window = "14 days"
counts_views = true
typed_code_wins = true
late_touch_grace = "6 hours"
trigger = "first_purchase"
minimum_amount = "20.00"
referrer_reward = "5.00"
referee_reward = "2.5"
referee_reward_kind = "discount"
reward_currency = "EUR"

[[campaign]]
campaign_id = "plain"
name = "Plain"
"""

NESTED = """
[campaign]
campaign_id = "all"
name = "Everything"
once_per = "campaign"
trigger = "nth_purchase"
trigger_count = 3
repeats = "no limit"
hold_for = "30 days"
expires_after = "52 weeks"
backdated_touch_for = "90 minutes"
on_refund = "proportional"
order_ids = "user"
checkout_tolerance = "1 hour"
new_customers_only = true
once_per_email = false

[campaign.reward]
currency = "EUR"
referrer = { value = "50.00", kind = "cash" }
referee.value = "1"
referee.kind = "shipment"
referee.item = "Mug"

[campaign.caps]
per_code = 1
per_code_per_day = 2
per_referrer = 3
per_referrer_per_day = "no limit"
budget = "1000"
budget_per_day = "100"

[campaign.fraud]
grant_up_to = 40
reject_from = 90
review_for = "2 days"
at_review_end = "grant"
decisive = ["ring", "forged_code", "ring"]
weights = { burst = 7 }
[campaign.fraud.limits]
fast_signup = "5 seconds"
users_per_ip_24h = 4

[[campaign.milestones]]
name = "Silver"
kind = "tier"
grants = 5
[[campaign.milestones]]
name = "Ten"
kind = "bonus"
grants = 10
value = "100"
currency = "points"
"""


def read(tmp_path: Path, text: str) -> list[Campaign]:
    file = tmp_path / "campaigns.toml"
    file.write_text(text)
    return read_campaigns(file)


def defined(campaign: Campaign, version: int = 1) -> CampaignDefined:
    first = next_version(campaign, None, 1_000).defined
    return msgspec.structs.replace(first, version=version)
