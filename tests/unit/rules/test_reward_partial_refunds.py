"""Refunds in parts: what each takes, and what remains."""

from typing import Any

from support.reward_lives import (
    REFEREE,
    REFERRER,
    UNIT,
    balance,
    both,
    both_granted,
    bought,
    entries,
    on_purchase,
    on_refund_in_parts,
    only_referee,
    paid_back,
)

from reftrail.contracts.policy import OnRefund
from reftrail.contracts.record import DAY
from reftrail.contracts.reference import Trigger
from reftrail.contracts.reward_reasons import Reason
from reftrail.testing import (
    rejected,
    reported,
    reversed_reward,
    reviewed,
    taken_from,
    tick,
)


def test_a_refund_of_a_held_reward_rejects_it() -> None:
    story = on_purchase(hold_for=DAY).given(bought("o1"))
    story.when(paid_back("o1")).then(
        *both(rejected, Reason.REFUNDED, Reason.HOLDING_PERIOD, order_id="o1")
    )
    story.when(tick("9d 00:00")).then_nothing()


def test_a_campaign_may_keep_rewards_whatever_is_refunded() -> None:
    story = on_purchase(on_refund=OnRefund.KEEP).given(bought("o1"))
    story.when(paid_back("o1")).then_nothing()


def test_proportional_refunds_add_up_to_the_grant_exactly() -> None:
    """Ten dollars for an order of three, paid back by thirds: no third of ten is whole cents."""
    story = on_purchase(on_refund=OnRefund.PROPORTIONAL).given(bought("o1", 3))
    parts = []
    for minute, reason in ((1, "partly_refunded"), (2, "partly_refunded"), (3, "refunded")):
        story.when(paid_back("o1", 1, at=f"12:0{minute}"))
        story.then(*both(taken_from, reasons=[reason]))
        parts.append(entries(story)[0].value_micros)
    assert parts == [3_330_000, 3_340_000, 3_330_000]
    story.when(paid_back("o1", 1, at="12:09")).then_nothing()


def test_proportional_refunds_never_take_more_than_the_grant() -> None:
    story = on_purchase(on_refund=OnRefund.PROPORTIONAL).given(bought("o1", 100))
    story.when(paid_back("o1", 30)).then(*both(taken_from, value_micros=3 * UNIT))
    story.when(paid_back("o1", 1_000, at="12:01")).then(
        *both(taken_from, value_micros=7 * UNIT, reasons=[Reason.REFUNDED])
    )
    story.when(paid_back("o1", at="12:02")).then_nothing()


def test_a_refund_too_small_to_matter_takes_nothing() -> None:
    story = on_purchase(on_refund=OnRefund.PROPORTIONAL).given(bought("o1"), paid_back("o1", 30))
    story.when(paid_back("o1", 0.000001, at="12:30")).then_nothing()


def test_the_refund_of_a_free_order_takes_everything() -> None:
    story = on_purchase(on_refund=OnRefund.PROPORTIONAL).given(bought("o1", 0))
    story.when(paid_back("o1")).then(*both(taken_from, reasons=[Reason.REFUNDED]))


def test_the_effects_of_all_entries_are_what_a_reward_is_worth() -> None:
    story = only_referee(on_refund_in_parts(), trigger=Trigger.FIRST_PURCHASE)
    steps: list[tuple[Any, float]] = [
        (bought("o1"), 10),
        (paid_back("o1", 30, at="12:00"), 7),
        (reported(REFEREE, "12:01", outcome="failed", action="purchase:o1"), 0),
        (paid_back("o1", 20, at="12:02"), 0),
        (reviewed("approve", "12:03"), 5),
        (reported(REFEREE, "12:04", action="purchase:o1"), 5),
        (paid_back("o1", 49, at="12:05"), 0.1),
        (reviewed("reverse", "12:06"), 0),
    ]
    total = 0
    for step, worth in steps:
        total += balance(story.when(step))
        assert total == round(worth * UNIT), step


def test_a_part_paid_back_while_a_reward_is_held_is_left_out_of_the_grant() -> None:
    story = on_purchase(on_refund=OnRefund.PROPORTIONAL, hold_for=DAY).given(bought("o1", 100))
    story.when(paid_back("o1", 25)).then_nothing()
    story.when(tick("1d 11:00")).then(*both_granted(value_micros=7_500_000))
    story.when(paid_back("o1", at="1d 12:00")).then(
        *both(taken_from, value_micros=7_500_000, reasons=[Reason.REFUNDED])
    )


def test_a_clawback_after_fulfilment_is_bound_to_the_grant() -> None:
    story = on_purchase().when(bought("o1"))
    grant = story.followed[2].event_id
    story.given(reported(REFEREE, "11:30", action="purchase:o1"))
    story.when(paid_back("o1")).then(
        *taken_from(REFERRER, "AMY", clawback_micros=None),
        reversed_reward(REFEREE, "AMY", supersedes=grant, clawback_micros=10 * UNIT),
    )
