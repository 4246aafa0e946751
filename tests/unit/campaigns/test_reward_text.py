"""Rewards of a side in words, as in the list of campaigns."""

import pytest

from reftrail.campaigns.reward_text import side_text
from reftrail.contracts.record import MICROS_PER_UNIT as UNIT
from reftrail.contracts.side_rules import Band, Percent, RewardValue, SideRules, Tier

TEN = RewardValue(value_micros=10 * UNIT)
SHARE = Percent(rate=125_000)


@pytest.mark.parametrize(
    ("usual", "rules", "text"),
    [
        (TEN, SideRules(), "10.00 EUR"),
        (RewardValue(percent=SHARE), SideRules(), "12.5 %"),
        (
            TEN,
            SideRules(tiers=[Tier(referrals=5, percent=SHARE), Tier(referrals=9)]),
            "10.00 EUR, from referral 5: 12.5 %, from referral 9: 0.00 EUR",
        ),
        (TEN, SideRules(later=RewardValue(percent=SHARE)), "10.00 EUR, later: 12.5 %"),
        (
            RewardValue(),
            SideRules(
                bands=[
                    Band(amount_micros=0, value_micros=UNIT),
                    Band(amount_micros=50 * UNIT, value_micros=5 * UNIT),
                ]
            ),
            "from 0.00: 1.00 EUR, from 50.00: 5.00 EUR",
        ),
    ],
)
def test_what_a_side_earns(usual: RewardValue, rules: SideRules, text: str) -> None:
    assert side_text(usual, rules, "EUR") == text
