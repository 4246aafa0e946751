"""Checks for settings that are allowed in a policy and probably not meant."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Final

from reftrail.campaigns.definition import Campaign
from reftrail.campaigns.evidence import REASONS, UNITS
from reftrail.campaigns.experiment_checks import (
    arm_gone,
    arm_without_reward,
    arms_alike,
    shares_move_codes,
)
from reftrail.campaigns.findings import Around, Check, Finding
from reftrail.campaigns.kind_checks import (
    is_all_paid_out,
    item_without_use,
    payout_in_units,
    payout_that_expires,
    unknown_kind,
)
from reftrail.campaigns.link_checks import (
    link_in_clear,
    link_with_a_ref,
    store_without_referrer,
)
from reftrail.campaigns.money_checks import (
    approval_in_default_currency,
    bonus_above_budget,
    bonus_outside_budget,
    budget_below_reward,
    gives_something,
    minimum_in_default_currency,
    minimum_in_units,
    share_in_one_currency,
)
from reftrail.campaigns.order_checks import (
    later_for_one_order,
    months_for_one_order,
    number_without_repeats,
    part_of_an_item,
    setting_without_effect,
    tier_from_the_first,
)
from reftrail.campaigns.text import time_said
from reftrail.campaigns.toml_file import Where
from reftrail.campaigns.units import duration_text
from reftrail.contracts.policy import MilestoneKind, OnRefund
from reftrail.contracts.reference import Trigger
from reftrail.contracts.times import millis

_FOR_SEVERAL_ORDERS: Final = (Trigger.NTH_PURCHASE, Trigger.AMOUNT_REACHED)


def lint(campaign: Campaign, around: Around) -> list[Finding]:
    """All warnings about a policy."""
    return [finding for check in CHECKS for finding in check(campaign, around)]


def hold_shorter_than_refunds(campaign: Campaign, around: Around) -> Iterator[Finding]:
    """A reward is granted while the order that earned it may still be sent back."""
    if (
        campaign.trigger != Trigger.SIGNUP
        and campaign.on_refund != OnRefund.KEEP
        and campaign.hold_for < around.refund_window
        and gives_something(campaign)
        and not is_all_paid_out(campaign)
    ):
        yield Finding(
            "hold-shorter-than-refunds",
            ("hold_for",),
            f"hold_for is {duration_text(campaign.hold_for)}, and orders can be sent back for "
            f"{duration_text(around.refund_window)}: rewards will be fulfilled and then taken back",
        )


def refunds_reverse_all(campaign: Campaign, _: Around) -> Iterator[Finding]:
    """A reward for several orders is reversed as a whole, not in proportion to a refund."""
    if campaign.on_refund == OnRefund.PROPORTIONAL and campaign.trigger in _FOR_SEVERAL_ORDERS:
        yield Finding(
            "refunds-reverse-all",
            ("on_refund",),
            f'with trigger = "{campaign.trigger}" on_refund = "proportional" acts as "reverse": '
            f'a reward is taken back whole once too few orders are left; write "reverse" or '
            f'"keep"',
        )


def unknown_reason(campaign: Campaign, _: Around) -> Iterator[Finding]:
    """The policy speaks of a reason that no rule gives."""
    fraud = campaign.fraud
    named: list[tuple[Where, str]] = [
        *((("fraud", "weights", reason), reason) for reason in fraud.weights),
        *((("fraud", "limits", reason), reason) for reason in fraud.limits),
        *((("fraud", "decisive", place), reason) for place, reason in enumerate(fraud.decisive)),
    ]
    for where, reason in named:
        if reason not in REASONS:
            close = get_close_matches(reason, REASONS, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(REASONS)}"
            yield Finding("unknown-reason", where, f"no rule knows the reason {reason}; {hint}")


def limit_without_use(campaign: Campaign, _: Around) -> Iterator[Finding]:
    """A limit is given for a reason that has none."""
    for reason in campaign.fraud.limits:
        if reason in REASONS and reason not in UNITS:
            yield Finding(
                "limit-without-use",
                ("fraud", "limits", reason),
                f"{reason} holds or doesn't; those with a limit are {', '.join(UNITS)}",
            )


def decisive_without_weight(campaign: Campaign, _: Around) -> Iterator[Finding]:
    """A reason is left out and decisive at once."""
    for place, reason in enumerate(campaign.fraud.decisive):
        if campaign.fraud.weights.get(reason) == 0:
            yield Finding(
                "decisive-without-weight",
                ("fraud", "decisive", place),
                f"{reason} is decisive and its weight 0 leaves it out: it never rejects",
            )


def cap_without_effect(campaign: Campaign, _: Around) -> Iterator[Finding]:
    """More is allowed in a day than in all."""
    caps = campaign.caps
    for name in ("per_code", "per_referrer", "budget"):
        whole, day = getattr(caps, name), getattr(caps, f"{name}_per_day")
        if whole is not None and day is not None and day > whole:
            yield Finding(
                "cap-without-effect",
                ("caps", f"{name}_per_day"),
                f"{name}_per_day is more than {name}, so it never limits anything",
            )


def milestones_out_of_order(campaign: Campaign, _: Around) -> Iterator[Finding]:
    """A tier comes after one that takes more, or as much."""
    highest = 0
    for place, milestone in enumerate(campaign.milestones):
        if milestone.kind == MilestoneKind.TIER:
            if milestone.grants <= highest:
                yield Finding(
                    "milestones-out-of-order",
                    ("milestones", place, "grants"),
                    f"the tier {milestone.name} takes {milestone.grants} grants, and one before it "
                    f"{highest}; write tiers from the lowest to the highest",
                )
            highest = max(highest, milestone.grants)


def milestone_out_of_reach(campaign: Campaign, _: Around) -> Iterator[Finding]:
    """A milestone takes more grants than a referrer can have."""
    most = campaign.caps.per_referrer
    if most is None or campaign.repeats != 1:
        return
    for place, milestone in enumerate(campaign.milestones):
        if milestone.grants > most:
            yield Finding(
                "milestone-out-of-reach",
                ("milestones", place, "grants"),
                f"{milestone.name} takes {milestone.grants} grants, and caps.per_referrer "
                f"allows {most}",
            )


def never_in_force(campaign: Campaign, around: Around) -> Iterator[Finding]:
    """A version that is there already comes into force later, and goes first from then on."""
    at = millis(campaign.effective_from)
    later = [
        version for version in around.versions if at is not None and version.effective_from > at
    ]
    if later:
        yield Finding(
            "never-in-force",
            ("effective_from",),
            f"version {later[-1].version} comes into force after this one, at "
            f"{time_said(later[-1].effective_from)}, and holds from then on",
        )


def in_the_past(campaign: Campaign, around: Around) -> Iterator[Finding]:
    """A further version comes into force before it is there."""
    at = millis(campaign.effective_from)
    is_further = around.versions and around.versions[-1].effective_from != at
    if at is not None and is_further and at < around.now:
        yield Finding(
            "in-the-past",
            ("effective_from",),
            f"{time_said(at)} has passed: what was decided since then stays as it is, and a replay "
            f"would decide it by these rules; leave effective_from out to begin now",
        )


def over_already(campaign: Campaign, around: Around) -> Iterator[Finding]:
    """Nothing earns any more."""
    ends_at, begins = millis(campaign.ends_at), millis(campaign.effective_from)
    if ends_at is not None and begins is not None and begins >= ends_at:
        yield Finding("over-already", ("ends_at",), "these rules come into force when all is over")
    elif ends_at is not None and ends_at <= around.now:
        yield Finding(
            "over-already", ("ends_at",), f"{time_said(ends_at)} has passed: nothing new will earn"
        )


def nothing_to_earn(campaign: Campaign, _: Around) -> Iterator[Finding]:
    """No reward has a value."""
    bonuses = any(milestone.kind == MilestoneKind.BONUS for milestone in campaign.milestones)
    if not gives_something(campaign) and not bonuses:
        yield Finding("nothing-to-earn", (), "no side earns anything; set a reward's value")


CHECKS: Final[tuple[Check, ...]] = (
    hold_shorter_than_refunds,
    refunds_reverse_all,
    unknown_reason,
    limit_without_use,
    decisive_without_weight,
    budget_below_reward,
    bonus_above_budget,
    bonus_outside_budget,
    cap_without_effect,
    milestones_out_of_order,
    milestone_out_of_reach,
    never_in_force,
    in_the_past,
    over_already,
    nothing_to_earn,
    item_without_use,
    unknown_kind,
    payout_that_expires,
    payout_in_units,
    setting_without_effect,
    minimum_in_units,
    minimum_in_default_currency,
    approval_in_default_currency,
    share_in_one_currency,
    months_for_one_order,
    later_for_one_order,
    tier_from_the_first,
    part_of_an_item,
    number_without_repeats,
    arms_alike,
    arm_without_reward,
    arm_gone,
    shares_move_codes,
    link_in_clear,
    link_with_a_ref,
    store_without_referrer,
)
