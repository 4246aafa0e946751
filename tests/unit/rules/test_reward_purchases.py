"""Purchases that earn, and their number."""

from typing import Any

import msgspec
from support.reward_lives import (
    UNIT,
    both,
    both_granted,
    bought,
    on_purchase,
    paid_back,
    programme,
    signed_up,
)

from reftrail.contracts.policy import OnRefund, Policy
from reftrail.contracts.record import HOUR
from reftrail.contracts.reference import Trigger
from reftrail.contracts.reward_reasons import Reason
from reftrail.testing import (
    Scenario,
    campaign,
    moment,
    rejected,
    taken_from,
)


def test_the_nth_purchase_earns() -> None:
    story = programme(Policy(trigger_count=3), trigger=Trigger.NTH_PURCHASE)
    story.when(bought("o1"), bought("o2"), bought("o2"), bought("o1")).then_nothing()
    story.when(bought("o3")).then(*both_granted(action="nth_purchase:1", order_id="o3"))
    story.when(bought("o4"), bought("o5"), bought("o6")).then_nothing()


def test_purchases_that_were_paid_back_are_not_counted() -> None:
    story = programme(Policy(trigger_count=2), trigger=Trigger.NTH_PURCHASE)
    story.given(bought("o1"), paid_back("o1")).when(bought("o2")).then_nothing()
    story.when(bought("o3")).then(*both_granted())
    story.when(paid_back("o2")).then(*both(taken_from))


def test_purchases_below_the_minimum_are_not_counted() -> None:
    story = programme(
        Policy(trigger_count=2), trigger=Trigger.NTH_PURCHASE, minimum_amount_micros=50 * UNIT
    )
    story.when(bought("o1", 49), bought("o2", 50)).then_nothing()
    story.when(bought("o3", 51)).then(*both_granted())


def amount_reached(**policy: Any) -> Scenario:
    return programme(
        Policy(**policy), trigger=Trigger.AMOUNT_REACHED, minimum_amount_micros=100 * UNIT
    )


def test_purchases_that_add_up_to_the_amount_earn() -> None:
    story = amount_reached()
    story.when(bought("o1", 60), bought("o2", 39.999999)).then_nothing()
    story.when(bought("o3", 0.000001)).then(*both_granted(action="amount_reached:1"))
    story.when(paid_back("o2", 0.000001)).then(*both(taken_from))


def test_what_was_paid_back_or_is_rejected_for_its_currency_does_not_add_up() -> None:
    story = amount_reached().given(bought("o1", 90), paid_back("o1", 50))
    story.when(bought("o2", 500, currency="EUR")).then(
        *both(rejected, Reason.CURRENCY_MISMATCH, action="purchase:o2", order_id="o2")
    )
    story.when(bought("o3", 59)).then_nothing()
    story.when(bought("o4", 1)).then(*both_granted(action="amount_reached:1"))


def test_an_amount_reached_is_reversed_as_a_whole_also_where_refunds_take_parts() -> None:
    story = amount_reached(on_refund=OnRefund.PROPORTIONAL).given(bought("o1", 60))
    story.given(bought("o2", 40)).when(paid_back("o1", 30))
    story.then(*both(taken_from, value_micros=10 * UNIT, reasons=[Reason.REFUNDED]))


def test_so_many_orders_earn_as_the_policy_says_and_one_paid_back_leaves_its_turn() -> None:
    story = on_purchase(repeats=3)
    story.when(bought("o1")).then(*both_granted(action="purchase:o1"))
    story.when(bought("o1")).then_nothing()
    story.when(bought("o2")).then(*both_granted(action="purchase:o2", order_id="o2"))
    story.when(paid_back("o2")).then(*both(taken_from, action="purchase:o2"))
    story.when(bought("o2")).then_nothing()
    story.when(bought("o3")).then(*both_granted(action="purchase:o3"))
    story.when(bought("o4")).then(*both_granted(action="purchase:o4"))
    story.when(bought("o5")).then_nothing()
    story.when(paid_back("o1")).then(
        *both(taken_from, action="purchase:o1"), *both_granted(action="purchase:o5")
    )


def test_without_a_limit_300_purchases_earn_and_none_ever_twice_in_cells_that_do_not_grow() -> None:
    story = on_purchase(repeats=0)
    orders = [
        bought(f"o{nth}").but(event_time=moment("11:00") + nth * HOUR, event_id=f"c{nth}")
        for nth in range(300)
    ]
    sizes = set()
    for order in orders:
        story.when(order)
        assert len(story.followed) == 4
        sizes.add(len(msgspec.msgpack.encode(story.states["reward/AMY:u1"])))
    for order in orders:
        story.when(order).then_nothing()
    assert max(sizes) < 90
    assert story.states["reward/AMY"].users == 1


def test_a_rejected_signup_uses_nothing_up_under_a_later_version_that_pays_for_purchases() -> None:
    story = programme(version=2, effective_from=moment("10:30"), trigger=Trigger.FIRST_PURCHASE)
    story.given(campaign(ends_at=moment("09:00")))
    story.when(signed_up()).then(*both(rejected, Reason.CAMPAIGN_NOT_RUNNING))
    story.when(bought("o1")).then(*both_granted(action="purchase:o1"))


def test_a_rejected_order_is_not_judged_again_when_it_comes_again() -> None:
    story = programme(Policy(repeats=0), trigger=Trigger.FIRST_PURCHASE, minimum_amount_micros=UNIT)
    story.when(bought("o1", currency="EUR")).then(*both(rejected, Reason.CURRENCY_MISMATCH))
    story.when(bought("o1", currency="EUR")).then_nothing()
    story.when(bought("o2")).then(*both_granted(action="purchase:o2"))
