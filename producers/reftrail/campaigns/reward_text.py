"""Text of a side's reward, in a line."""

from reftrail.contracts.money import amount_text, percent_text
from reftrail.contracts.side_rules import RewardValue, SideRules


def side_text(usual: RewardValue, rules: SideRules, currency: str) -> str:
    """A side's reward in words, such as `20 %, from referral 5: 25 %`."""
    if rules.bands:
        return ", ".join(
            f"from {amount_text(band.amount_micros, currency)}: "
            f"{amount_text(band.value_micros, currency)} {currency}"
            for band in rules.bands
        )
    parts = [_text(usual, currency)]
    parts += [f"from referral {tier.referrals}: {_text(tier, currency)}" for tier in rules.tiers]
    if rules.later is not None:
        parts.append(f"later: {_text(rules.later, currency)}")
    return ", ".join(parts)


def _text(reward: RewardValue, currency: str) -> str:
    if reward.percent is not None:
        return f"{percent_text(reward.percent.rate)} %"
    return f"{amount_text(reward.value_micros, currency)} {currency}"
