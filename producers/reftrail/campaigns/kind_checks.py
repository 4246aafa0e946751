"""Checks of the kinds of rewards: items, unknown kinds, and what statements pay out."""

from collections.abc import Iterator
from typing import Final

from reftrail.campaigns.definition import Campaign
from reftrail.campaigns.findings import Around, Finding
from reftrail.campaigns.money_checks import (
    sides_by_arm,
)
from reftrail.campaigns.tables import NEEDS_ITEM
from reftrail.campaigns.units import duration_text
from reftrail.contracts.money import is_currency

PAYOUT: Final = "payout"
"""The kind of reward that fulfilment leaves to statements of pay-outs."""


KINDS: Final = ("credit", "code", "shipment", "cash", PAYOUT)
"""Kinds of reward that somebody is known to fulfil."""


def item_without_use(campaign: Campaign, _: Around) -> Iterator[Finding]:
    """Something is said of a reward that isn't given, or that needs it not."""
    for place, side in enumerate(("referrer", "referee")):
        reward = getattr(campaign.reward, side)
        is_given = any(any(sides[place].values) for sides in sides_by_arm(campaign))
        if reward.item is not None and not is_given:
            yield Finding(
                "item-without-use",
                ("reward", side, "item"),
                f"the {side}'s reward has no value, so {reward.item} is never given; give it one",
            )
        elif reward.item is not None and reward.kind in KINDS and reward.kind not in NEEDS_ITEM:
            yield Finding(
                "item-without-use",
                ("reward", side, "item"),
                f'rewards of kind "{reward.kind}" have no use for an item',
            )


def unknown_kind(campaign: Campaign, _: Around) -> Iterator[Finding]:
    """A kind of reward that nobody is known to fulfil."""
    for side in ("referrer", "referee"):
        kind = getattr(campaign.reward, side).kind
        if kind not in KINDS:
            yield Finding(
                "unknown-kind",
                ("reward", side, "kind"),
                f'"{kind}" is none of {", ".join(KINDS)}; see that somebody fulfils it',
            )


def payout_that_expires(campaign: Campaign, _: Around) -> Iterator[Finding]:
    """A reward that statements pay out may expire before its statement is approved."""
    if campaign.expires_after is not None and _paid_out(campaign):
        yield Finding(
            "payout-that-expires",
            ("expires_after",),
            f"what isn't in an approved statement within {duration_text(campaign.expires_after)} "
            f'is lost; leave expires_after out where rewards are of kind "{PAYOUT}"',
        )


def payout_in_units(campaign: Campaign, _: Around) -> Iterator[Finding]:
    """A reward that statements pay out is in a unit that no provider pays."""
    if is_currency(campaign.reward.currency):
        return
    for side in _paid_out(campaign):
        yield Finding(
            "payout-in-units",
            ("reward", side, "kind"),
            f'"{campaign.reward.currency}" is no currency, so no provider can pay it; give the '
            f"currency's code, or another kind",
        )


def _paid_out(campaign: Campaign) -> list[str]:
    """The sides whose rewards statements pay out."""
    sides = ("referrer", "referee")
    return [side for side in sides if getattr(campaign.reward, side).kind == PAYOUT]


def is_all_paid_out(campaign: Campaign) -> bool:
    """Whether statements pay out all rewards, and so wait for refunds by themselves."""
    sides = (campaign.reward.referrer, campaign.reward.referee)
    return all(side.kind == PAYOUT for side in sides if any(side.values) or side.shares)
