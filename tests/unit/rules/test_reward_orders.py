"""Rewards by order: the reservation of the order, which no number of orders or refunds bounds."""

from support.reward_orders import (
    REFERRER,
    UNIT,
    answered,
    both,
    both_granted,
    bought,
    ledger_of,
    on_nth,
    on_purchase,
    paid_back,
    paying,
    signed_up,
)

from reftrail.contracts.policy import (
    Caps,
    OnRefund,
)
from reftrail.contracts.record import DAY
from reftrail.contracts.reference import Trigger
from reftrail.contracts.reward_reasons import Reason
from reftrail.testing import (
    campaign,
    claim_id,
    code,
    given,
    limits_requested,
    rejected,
    reviewed,
    signal_checked,
    taken_from,
)


def test_a_reward_for_an_order_asks_for_the_order_first() -> None:
    story = paying(Trigger.FIRST_PURCHASE).when(bought("o1"))
    story.then(limits_requested("order:o1|1|1", claim_id=claim_id("AMY", "o1 11:00"), user_id="u1"))
    story.when(bought("o1")).then_nothing()
    story.when(answered("o1")).then(*both_granted(action="purchase:o1"))


def test_an_order_of_another_user_is_rejected_and_uses_nothing_up() -> None:
    story = paying(Trigger.FIRST_PURCHASE).given(bought("o1"))
    story.when(answered("o1", refused_by="order:o1")).then(
        *both(rejected, Reason.ORDER_OF_ANOTHER, action="purchase:o1", order_id="o1")
    )
    story.given(bought("o2")).when(answered("o2")).then(*both_granted(action="purchase:o2"))


def test_an_order_is_asked_for_before_other_limits() -> None:
    story = paying(Trigger.FIRST_PURCHASE, caps=Caps(budget_micros=100 * UNIT, per_referrer=3))
    story.when(bought("o:1")).then(
        limits_requested(
            "order:o%3A1|1|1",
            f"cap_budget:spring:USD|{20 * UNIT}|{100 * UNIT}",
            "cap_per_referrer:spring:owner|1|3",
        )
    )


def test_an_order_that_may_count_towards_a_threshold_is_asked_for_before_it_counts() -> None:
    story = paying(Trigger.NTH_PURCHASE, trigger_count=2)
    story.when(bought("o1")).then(limits_requested("order:o1|1|1"))
    story.when(answered("o1")).then_nothing()
    story.given(bought("o2"))
    story.when(answered("o2", refused_by="order:o2")).then(
        *both(rejected, Reason.ORDER_OF_ANOTHER, action="purchase:o2")
    )
    story.given(bought("o3")).when(answered("o3")).then(*both_granted(action="nth_purchase:1"))


def test_where_order_ids_clash_an_order_is_asked_for_by_nobody() -> None:
    on_purchase().when(bought("o1")).then(*both_granted())
    on_nth(1).when(bought("o1")).then(*both_granted())


def test_a_signup_asks_for_no_order() -> None:
    given(campaign(), code("AMY")).when(signed_up()).then(*both_granted())


def test_an_order_is_left_to_others_once_both_sides_of_its_reward_are_rejected() -> None:
    story = paying(Trigger.FIRST_PURCHASE, hold_for=DAY)
    story.given(bought("o1"), answered("o1"))
    story.when(reviewed("decline", "11:30")).then(
        *both(rejected, Reason.DECLINED, Reason.HOLDING_PERIOD),
        limits_requested("order:o1|1|1", releasing=True),
    )


def test_an_order_that_was_paid_back_stays_its_users() -> None:
    story = paying(Trigger.FIRST_PURCHASE, hold_for=DAY)
    story.given(bought("o1"), answered("o1"))
    story.when(paid_back("o1")).then(*both(rejected, Reason.REFUNDED, Reason.HOLDING_PERIOD))


def test_an_order_is_kept_where_one_side_was_granted_and_reversed() -> None:
    story = paying(Trigger.FIRST_PURCHASE, hold_for=DAY).given(bought("o1"))
    entries = story.when(answered("o1")).followed
    referee = entries[1].reward_id  # type: ignore[attr-defined]
    story.given(reviewed("approve", "11:30", reward_id=referee))
    story.given(reviewed("reverse", "11:31", reward_id=referee))
    story.when(reviewed("decline", "11:32")).then(
        rejected(REFERRER, "AMY", Reason.DECLINED, Reason.HOLDING_PERIOD)
    )


def test_130_refunds_of_one_order_add_up() -> None:
    story = on_purchase()
    story.given(bought("o1", 130))
    for nth in range(129):
        at = f"12:{nth // 60:02}:{nth % 60:02}"
        story.when(paid_back("o1", 1, at=at)).then_nothing()
    story.when(paid_back("o1", 1, at="13:00")).then(*both(taken_from))


def test_100_refunds_by_100th_parts_take_everything_back_in_proportion() -> None:
    story = on_purchase(on_refund=OnRefund.PROPORTIONAL).given(bought("o1", 100))
    parts = []
    for nth in range(100):
        story.when(paid_back("o1", 1, at=f"12:{nth // 60:02}:{nth % 60:02}"))
        story.then(*both(taken_from))
        parts.append(story.followed[0].value_micros)  # type: ignore[attr-defined]
    assert parts == [UNIT // 10] * 100


def test_an_order_is_known_for_ever_whoever_reports_it_again() -> None:
    story = on_purchase(repeats=0).given(*(bought(f"o{nth}") for nth in range(301)))
    story.when(bought("o0", at="13:00", action_event_id="sent again")).then_nothing()
    story.when(paid_back("o0", at="14:00")).then(*both(taken_from, action="purchase:o0"))


def test_what_waits_is_not_cut_off() -> None:
    story = on_purchase()
    orders = [bought(f"o{nth}", at=f"11:{nth:02}", checks=["ip"]) for nth in range(60)]
    story.when(*orders, paid_back("o0")).then_nothing()
    for order in reversed(orders):
        story.given(signal_checked("ip", of=order.record().event_id))
    story.when(paid_back("o1", at="12:01"))
    assert ledger_of(story) == [("purchase:o1", "reversed"), ("purchase:o2", "granted")]
