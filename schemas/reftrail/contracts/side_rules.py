"""Rules for one side's reward in a campaign's policy: its value, tiers, bands and later orders."""

from typing import Final

import msgspec

from reftrail.contracts.record import Micros


class Percent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One side's reward as a share of each order's net amount, in the order's currency.

    rate is in millionths: 20 percent is 200,000. maximum_micros is the most for one order, in the
    campaign's currency.
    """

    rate: int
    maximum_micros: Micros | None = None


class RewardValue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The value that one side earns for an action: in the campaign's currency, or a share."""

    value_micros: Micros = 0
    percent: Percent | None = None


class Tier(RewardValue, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The value that the referrer earns from a number of qualified referrals on.

    It holds for a referral whose number under its code is at least referrals. The number is one
    more than how many other referrals of the code qualify in the campaign (as for milestones) when
    the first order or signup of the referral is decided on; it stays the same for all of its
    rewards.
    """

    referrals: int


class Band(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The value of an order whose net amount is at least amount_micros, in the same currency."""

    amount_micros: Micros
    value_micros: Micros


class SideRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One side's values that replace its usual reward: by referrals, by order, or by amount.

    tiers and bands are in ascending order, and the last one that is reached holds. later is for
    the orders of a user after the first one that earned. An order below all bands earns nothing.
    """

    tiers: list[Tier] = []
    later: RewardValue | None = None
    bands: list[Band] = []


NO_RULES: Final = SideRules()
