"""Checks of how rewards follow orders: whether they can, and whether it is said how often."""

from collections.abc import Iterator
from typing import Final

from reftrail.campaigns.definition import Campaign
from reftrail.campaigns.findings import Around, Finding
from reftrail.campaigns.money_checks import sides_by_arm
from reftrail.campaigns.tables import NEEDS_ITEM
from reftrail.contracts.policy import OnRefund, OrderIds, TermsFrom
from reftrail.contracts.reference import Trigger

_ORDINALS: Final = {1: "st", 2: "nd", 3: "rd"}


def part_of_an_item(campaign: Campaign, _: Around) -> Iterator[Finding]:
    """A reward that is an item is to be taken back in parts."""
    if campaign.on_refund != OnRefund.PROPORTIONAL or campaign.trigger != Trigger.FIRST_PURCHASE:
        return
    kinds = (campaign.reward.referrer.kind, campaign.reward.referee.kind)
    for kind in NEEDS_ITEM:
        given = (zip(kinds, sides, strict=True) for sides in sides_by_arm(campaign))
        if any(its == kind and any(side.values) for sides in given for its, side in sides):
            yield Finding(
                "part-of-an-item",
                ("on_refund",),
                f'no part of a {kind} can be taken back: with on_refund = "proportional" a partial '
                f"refund lowers what it is worth in the ledger, and the {kind} is sent all the "
                f'same; write "reverse" or "keep"',
            )


def number_without_repeats(campaign: Campaign, _: Around) -> Iterator[Finding]:
    """A reward by number or amount doesn't say whether it is for the first time only."""
    if "repeats" in campaign.model_fields_set:
        return
    match campaign.trigger:
        case Trigger.NTH_PURCHASE:
            count = campaign.trigger_count
            once, again = f"the {_nth(count)} purchase", f"every {_nth(count)}"
        case Trigger.AMOUNT_REACHED:
            once, again = "the amount reached first", "each time that it is reached"
        case _:
            return
    yield Finding(
        "number-without-repeats",
        ("trigger",),
        f"without repeats a user earns once, for {once}; write repeats = 1 if that is meant, "
        f'"no limit" for {again}, or how many',
    )


def setting_without_effect(campaign: Campaign, _: Around) -> Iterator[Finding]:
    """Settings for purchases in a campaign that signups earn in."""
    if campaign.trigger != Trigger.SIGNUP:
        return
    no_orders = "a signup has no order"
    for name, is_set, why in (
        ("minimum_amount", bool(campaign.minimum_amount), "signups have no amount"),
        ("repeats", campaign.repeats != 1, "a user signs up once"),
        ("on_refund", campaign.on_refund != OnRefund.REVERSE, no_orders),
        ("order_ids", campaign.order_ids != OrderIds.INSTALLATION, no_orders),
        ("terms_from", campaign.terms_from == TermsFrom.SIGNUP, no_orders),
    ):
        if is_set:
            yield Finding(
                "setting-without-effect",
                (name,),
                f'{why}; with trigger = "signup" {name} has no effect',
            )


def _nth(count: int) -> str:
    is_teen = count % 100 in (11, 12, 13)
    return f"{count}{'th' if is_teen else _ORDINALS.get(count % 10, 'th')}"


def months_for_one_order(campaign: Campaign, _: Around) -> Iterator[Finding]:
    """Orders earn for months, and only the first of them does."""
    if campaign.earning_months is not None and campaign.repeats == 1:
        yield Finding(
            "months-for-one-order",
            ("repeats",),
            f"a user's orders earn for {campaign.earning_months} months, and with repeats = 1 only "
            f'one of them does; write repeats = "no limit", or how many',
        )


def later_for_one_order(campaign: Campaign, _: Around) -> Iterator[Finding]:
    """Later orders have terms of their own, and only one order earns."""
    for side in ("referrer", "referee"):
        if getattr(campaign.reward, side).later is not None and campaign.repeats == 1:
            yield Finding(
                "later-for-one-order",
                ("reward", side, "later"),
                "this is for a user's later orders, and with repeats = 1 only one earns; write "
                'repeats = "no limit", or how many',
            )


def tier_from_the_first(campaign: Campaign, _: Around) -> Iterator[Finding]:
    """A tier holds from the first referral on, so that the usual reward never does."""
    for place, tier in enumerate(campaign.reward.referrer.tiers):
        if tier.referrals == 1:
            yield Finding(
                "tier-from-the-first",
                ("reward", "referrer", "tiers", place, "referrals"),
                "this tier holds from the first referral on, so that the referrer's usual reward "
                "is never given; make it the usual one, or give the tier more referrals",
            )
