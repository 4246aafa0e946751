"""Rewards by order: reservations, turns that come free, thresholds, and refunds whenever they come.

Nothing of that is bounded by a number of orders or refunds.
"""

from typing import Any

import msgspec
import pytest

from reftrail.contracts.decisions import Action, RewardDecided, Role
from reftrail.contracts.policy import (
    Caps,
    Fraud,
    Milestone,
    MilestoneKind,
    OnRefund,
    OrderIds,
    Policy,
    policy_text,
)
from reftrail.contracts.record import DAY, HOUR, MICROS_PER_UNIT
from reftrail.contracts.reference import Trigger
from reftrail.contracts.reward_reasons import Reason
from reftrail.rules.decider import Refused
from reftrail.rules.fraud.case import Signals
from reftrail.testing import (
    Outline,
    Scenario,
    campaign,
    claim_id,
    claimed,
    code,
    expired,
    fulfilled,
    given,
    granted,
    moment,
    places_answered,
    places_asked,
    refused,
    rejected,
    reported,
    reviewed,
    signal_checked,
    taken_from,
    tick,
    to_fulfil,
)

REFERRER, REFEREE = Role.REFERRER, Role.REFEREE
BOTH = (REFERRER, REFEREE)
UNIT = MICROS_PER_UNIT


def signed_up(at: str = "10:00", **told: Any) -> Outline:
    return claimed(Action.SIGNUP, "AMY", at, **told)


def bought(order: str, paid: float = 100, *, at: str = "11:00", **told: Any) -> Outline:
    money = {"amount_micros": round(paid * UNIT), "currency": "USD"}
    fields = {"event_id": claim_id("AMY", f"{order} {at}")}
    return claimed(Action.PURCHASE, "AMY", at, order_id=order, **(fields | money | told))


def paid_back(
    order: str, amount: float | None = None, *, at: str = "12:00", **told: Any
) -> Outline:
    money = None if amount is None else round(amount * UNIT)
    return claimed(Action.REFUND, "AMY", at, order_id=order, amount_micros=money, **told)


def answered(order: str, *, at: str = "11:00", **told: Any) -> Outline:
    return places_answered(of=claim_id("AMY", f"{order} {at}"), **told)


def paying(trigger: Trigger, minimum: float = 0, **policy: Any) -> Scenario:
    rules: dict[str, Any] = {"trigger": trigger, "minimum_amount_micros": round(minimum * UNIT)}
    return given(campaign(policy=policy_text(Policy(**policy)), **rules), code("AMY"))


def on_purchase(**policy: Any) -> Scenario:
    return paying(Trigger.FIRST_PURCHASE, **({"order_ids": OrderIds.USER} | policy))


def on_nth(count: int, **policy: Any) -> Scenario:
    every: dict[str, Any] = {"order_ids": OrderIds.USER, "trigger_count": count, "repeats": 0}
    return paying(Trigger.NTH_PURCHASE, **(every | policy))


def on_amount(amount: float, **policy: Any) -> Scenario:
    every: dict[str, Any] = {"order_ids": OrderIds.USER, "repeats": 0}
    return paying(Trigger.AMOUNT_REACHED, amount, **(every | policy))


def both(entry: Any, *reasons: str, **told: Any) -> tuple[Outline, ...]:
    made = [entry(role, "AMY", *reasons, **told) for role in BOTH]
    return tuple(one for each in made for one in (each if isinstance(each, tuple) else (each,)))


def both_granted(**told: Any) -> tuple[Outline, ...]:
    return tuple(
        one for role in BOTH for one in (granted(role, "AMY", **told), to_fulfil(role, "AMY"))
    )


def told(story: Scenario) -> list[tuple[str, str]]:
    """Actions and statuses of the referee's entries."""
    return [
        (one.action, one.status)
        for one in story.followed
        if isinstance(one, RewardDecided) and one.role == REFEREE
    ]


# An order pays once in an installation.


def test_a_reward_for_an_order_asks_for_the_order_first() -> None:
    story = paying(Trigger.FIRST_PURCHASE).when(bought("o1"))
    story.then(places_asked("order:o1|1|1", claim_id=claim_id("AMY", "o1 11:00"), user_id="u1"))
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
        places_asked(
            "order:o%3A1|1|1",
            f"cap_budget:spring:USD|{20 * UNIT}|{100 * UNIT}",
            "cap_per_referrer:spring:owner|1|3",
        )
    )


def test_an_order_that_may_count_towards_a_threshold_is_asked_for_before_it_counts() -> None:
    story = paying(Trigger.NTH_PURCHASE, trigger_count=2)
    story.when(bought("o1")).then(places_asked("order:o1|1|1"))
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
        places_asked("order:o1|1|1", releasing=True),
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


# Turns.


def test_the_earliest_order_that_was_skipped_is_decided_on_when_a_turn_comes_free() -> None:
    story = on_purchase().given(bought("o1", at="11:00"))
    story.when(bought("late", at="11:30"), bought("early", at="11:10")).then_nothing()
    story.when(paid_back("o1")).then(
        *both(taken_from, action="purchase:o1"),
        *both_granted(action="purchase:early", action_time=moment("11:10")),
    )
    story.when(paid_back("early")).then(
        *both(taken_from, action="purchase:early"), *both_granted(action="purchase:late")
    )
    story.when(paid_back("late"), bought("early", at="11:10")).then(*both(taken_from))


def test_an_order_that_was_paid_back_since_it_was_skipped_is_passed_over() -> None:
    story = on_purchase().given(bought("o1"), bought("o2", at="11:10"), bought("o3", at="11:20"))
    story.given(paid_back("o2"))
    story.when(paid_back("o1", at="12:01"))
    assert told(story) == [("purchase:o1", "reversed"), ("purchase:o3", "granted")]


def test_a_skipped_order_that_is_rejected_passes_its_turn_on() -> None:
    story = on_purchase().given(code("AMY", regions=["DE"]), bought("o1", country="DE"))
    story.given(bought("o2", at="11:10", country="US"), bought("o3", at="11:20", country="DE"))
    story.when(paid_back("o1"))
    assert told(story) == [
        ("purchase:o1", "reversed"),
        ("purchase:o2", "rejected"),
        ("purchase:o3", "granted"),
    ]


def test_a_skipped_order_of_another_user_passes_its_turn_on() -> None:
    story = on_purchase(order_ids=OrderIds.INSTALLATION)
    story.given(bought("o1"), answered("o1"))
    story.given(bought("o2", at="11:10"), bought("o3", at="11:20"))
    story.when(paid_back("o1"))
    assert told(story) == [("purchase:o1", "reversed")]
    story.when(answered("o2", at="11:10", refused_by="order:o2"))
    assert told(story) == [("purchase:o2", "rejected")]
    assert type(story.followed[-1]).__name__ == "LimitRequested"
    story.when(answered("o3", at="11:20")).then(*both_granted(action="purchase:o3"))


def test_a_skipped_order_whose_refund_is_under_way_passes_its_turn_on() -> None:
    """The refunds of both orders wait behind a claim that waits for its checks."""
    story = on_purchase().given(bought("o1"), bought("o2", at="11:10"), bought("o3", at="11:20"))
    story.given(bought("o4", at="11:30", checks=["ip"]), paid_back("o1"), paid_back("o2"))
    story.when(signal_checked("ip", of=claim_id("AMY", "o4 11:30")))
    assert told(story) == [("purchase:o1", "reversed"), ("purchase:o3", "granted")]


def test_what_a_review_took_back_frees_no_turn() -> None:
    story = on_purchase().given(bought("o1"), bought("o2", at="11:10"))
    story.when(reviewed("reverse", "11:30"))
    assert {action for action, _ in told(story)} == {"purchase:o1"}
    story.when(paid_back("o1"), bought("o3", at="12:30")).then_nothing()


def test_after_a_review_declined_a_reward_the_next_order_is_decided_on_by_itself() -> None:
    """Those that were skipped meanwhile earn nothing, even when that order is paid back."""
    story = on_purchase(hold_for=DAY).given(bought("o1"), bought("o2", at="11:10"))
    story.when(reviewed("decline", "11:30"))
    assert told(story) == [("purchase:o1", "rejected")]
    story.when(paid_back("o1"), bought("o2", at="11:10")).then_nothing()
    story.when(bought("o3", at="12:30"), bought("o4", at="12:40"))
    assert told(story) == [("purchase:o3", "held")]
    story.when(paid_back("o3", at="13:00"))
    assert told(story) == [("purchase:o3", "rejected"), ("purchase:o4", "held")]


def test_a_reward_that_a_review_declined_on_one_side_only_keeps_its_turn() -> None:
    story = on_purchase(hold_for=DAY).when(bought("o1"))
    referee = story.followed[1].reward_id  # type: ignore[attr-defined]
    story.given(reviewed("decline", "11:30", reward_id=referee))
    story.when(bought("o2", at="12:30")).then_nothing()
    story.given(reviewed("decline", "12:40"))
    story.when(bought("o3", at="12:50"))
    assert told(story) == [("purchase:o3", "held")]


def test_after_a_hold_that_ended_in_a_rejection_the_next_order_is_decided_on_by_itself() -> None:
    suspects = Fraud(weights={"disposable_email": 60}, review_for=DAY)
    story = on_purchase(fraud=suspects).given(bought("o1", email_disposable=True))
    story.when(bought("o2", at="11:10"), tick("1d 12:00"))
    assert told(story) == [("purchase:o1", "rejected")]
    story.when(bought("o3", at="1d 12:30")).then(*both_granted(action="purchase:o3"))


def test_a_declined_reward_by_number_uses_no_turn_up() -> None:
    story = on_nth(2, repeats=1, hold_for=DAY).given(bought("o1"), bought("o2"))
    story.given(reviewed("decline", "11:30"))
    story.when(bought("o3"), bought("o4"), bought("o5"), bought("o6"))
    assert told(story) == [("nth_purchase:2", "held")]


def test_the_signup_s_reward_counts_among_those_that_repeats_allows() -> None:
    rules: dict[str, Any] = {"trigger": Trigger.FIRST_PURCHASE}
    by_user = policy_text(Policy(order_ids=OrderIds.USER, repeats=2))
    story = given(
        campaign(policy=by_user),
        campaign(version=2, effective_from=moment("10:30"), policy=by_user, **rules),
        code("AMY"),
    )
    story.given(signed_up()).when(bought("o1"), bought("o2", at="11:10"))
    assert told(story) == [("purchase:o1", "granted")]


# Thresholds count what stands.


def test_each_nth_standing_order_earns() -> None:
    story = on_nth(2)
    for nth in range(6):
        story.when(bought(f"o{nth}"))
        expected = [(f"nth_purchase:{(nth + 1) // 2}", "granted")] if nth % 2 else []
        assert told(story) == expected


def test_a_threshold_that_falls_is_reversed_and_given_again_under_its_next_number() -> None:
    story = on_nth(2).given(*(bought(f"o{nth}") for nth in range(4)))
    story.when(paid_back("o0"))
    assert told(story) == [("nth_purchase:2", "reversed")]
    story.when(paid_back("o1"))
    assert told(story) == []
    story.when(paid_back("o2"))
    assert told(story) == [("nth_purchase:1", "reversed")]
    ids = set()
    for times in (2, 3, 4):
        story.when(bought(f"more{times}"))
        assert told(story) == [(f"nth_purchase:1:{times}", "granted")]
        ids |= {one.event_id for one in story.followed}
        story.when(paid_back(f"more{times}"))
        assert told(story) == [(f"nth_purchase:1:{times}", "reversed")]
    assert len(ids) == 6


def test_one_order_may_reach_an_amount_several_times() -> None:
    story = on_amount(100).when(bought("o1", 350))
    assert told(story) == [(f"amount_reached:{nth}", "granted") for nth in (1, 2, 3)]
    story.when(bought("o2", 50))
    assert told(story) == [("amount_reached:4", "granted")]
    story.when(paid_back("o1", 201))
    assert told(story) == [(f"amount_reached:{nth}", "reversed") for nth in (4, 3, 2)]


def test_one_order_reaches_no_more_than_repeats_allows_and_a_fall_frees_that() -> None:
    story = on_amount(100, repeats=2).when(bought("o1", 350))
    assert told(story) == [(f"amount_reached:{nth}", "granted") for nth in (1, 2)]
    story.when(paid_back("o1", 200))
    assert told(story) == [("amount_reached:2", "reversed")]
    story.when(bought("o2", 60))
    assert told(story) == [("amount_reached:2:2", "granted")]


def test_one_order_reaches_1000_rewards_and_what_is_beyond_goes_to_the_dead_letters() -> None:
    assert len(told(on_amount(1).when(bought("o1", 1_000)))) == 1_000
    assert type(on_amount(1).when(bought("o1", 1_000)).followed[-1]).__name__ == "RewardGranted"
    story = on_amount(1).when(bought("o1", 1_001))
    assert len(told(story)) == 1_000
    assert refused("too_many_rewards").describes(story.followed[-1])


def test_what_one_order_reaches_beyond_1000_rewards_is_never_paid() -> None:
    story = on_amount(2).given(bought("o1", 1)).when(bought("o2", 5_000))
    assert len(told(story)) == 1_000
    refusal = story.followed[-1]
    assert isinstance(refusal, Refused)
    assert "3000.00 USD of order o2" in refusal.detail
    story.when(bought("o3", 1))
    assert [action for action, _ in told(story)] == ["amount_reached:1001"]
    story.when(paid_back("o2", 3_000)).then_nothing()
    story.when(paid_back("o2", 2, at="12:01"))
    assert told(story) == [("amount_reached:1001", "reversed")]
    story.when(paid_back("o2", at="12:02"))
    assert len(told(story)) == 999


def test_an_amount_is_reached_by_small_orders_however_many() -> None:
    story = on_amount(258)
    for nth in range(257):
        story.when(bought(f"o{nth}", 1)).then_nothing()
    story.when(bought("last", 1)).then(*both_granted(action="amount_reached:1"))


def test_an_order_under_a_rule_that_it_breaks_counts_for_nothing() -> None:
    story = on_nth(2).given(code("AMY", regions=["DE"]))
    story.when(bought("o1", country="US")).then(
        *both(rejected, Reason.NOT_FOR_REGION, action="purchase:o1")
    )
    story.when(bought("o2", country="DE")).then_nothing()
    story.when(bought("o3", country="DE")).then(*both_granted(action="nth_purchase:1"))


def test_orders_in_other_currencies_are_never_added_up() -> None:
    """Three invoices of 100 yen are no 100 euros."""
    story = on_amount(100)
    story.when(*(bought(f"o{nth}", 100, currency="JPY") for nth in range(3)))
    assert told(story) == [(f"purchase:o{nth}", "rejected") for nth in range(3)]
    story.when(bought("o9", 99)).then_nothing()


def test_amounts_in_two_currencies_of_two_versions_rise_and_fall_apart() -> None:
    by_user = policy_text(Policy(order_ids=OrderIds.USER, repeats=0))
    rules: dict[str, Any] = {
        "trigger": Trigger.AMOUNT_REACHED,
        "minimum_amount_micros": 100 * UNIT,
        "policy": by_user,
    }
    story = given(
        campaign(reward_currency="EUR", **rules),
        campaign(version=2, effective_from=moment("11:30"), **rules),
        code("AMY"),
    )
    story.given(bought("euros", currency="EUR", at="11:00"), bought("dollars", at="12:00"))
    story.when(paid_back("euros", at="13:00")).then(
        *both(taken_from, action="amount_reached:1", currency="EUR")
    )
    story.when(paid_back("dollars", at="13:01")).then(
        *both(taken_from, action="amount_reached:1:2", currency="USD")
    )


# No bound.


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
    story.when(bought("o0", at="13:00", action_event_id="told again")).then_nothing()
    story.when(paid_back("o0", at="14:00")).then(*both(taken_from, action="purchase:o0"))


def test_what_waits_is_not_cut_off() -> None:
    story = on_purchase()
    orders = [bought(f"o{nth}", at=f"11:{nth:02}", checks=["ip"]) for nth in range(60)]
    story.when(*orders, paid_back("o0")).then_nothing()
    for order in reversed(orders):
        story.given(signal_checked("ip", of=order.record().event_id))
    story.when(paid_back("o1", at="12:01"))
    assert told(story) == [("purchase:o1", "reversed"), ("purchase:o2", "granted")]


# Refunds, whenever they come.


@pytest.mark.parametrize(
    ("on_refund", "expected"),
    [
        (OnRefund.PROPORTIONAL, [("granted", 5 * UNIT)]),
        (OnRefund.REVERSE, [("granted", 10 * UNIT)]),
        (OnRefund.KEEP, [("granted", 10 * UNIT)]),
    ],
)
def test_half_of_an_order_paid_back_before_it_arrives(
    on_refund: OnRefund, expected: list[tuple[str, int]]
) -> None:
    story = on_purchase(on_refund=on_refund).given(paid_back("o1", 50)).when(bought("o1", 100))
    entries = [one for one in story.followed if isinstance(one, RewardDecided)]
    assert [(one.status, one.value_micros) for one in entries] == expected * 2


@pytest.mark.parametrize("on_refund", list(OnRefund))
def test_an_order_paid_back_before_it_arrives_earns_only_where_rewards_are_kept(
    on_refund: OnRefund,
) -> None:
    story = on_purchase(on_refund=on_refund).given(paid_back("o1")).when(bought("o1"))
    assert bool(story.followed) == (on_refund == OnRefund.KEEP)


def test_what_was_left_of_a_reward_is_what_it_takes_of_a_budget_and_leaves() -> None:
    caps = Caps(budget_micros=100 * UNIT)
    story = on_purchase(on_refund=OnRefund.PROPORTIONAL, hold_for=DAY, caps=caps)
    story.given(paid_back("o1", 50))
    story.when(bought("o1", 100)).then(
        places_asked(f"cap_budget:spring:USD|{10 * UNIT}|{100 * UNIT}")
    )
    story.given(answered("o1")).when(paid_back("o1", 50, at="12:01"))
    back = [one for one in story.followed if not isinstance(one, RewardDecided)]
    each = [f"cap_budget:spring:USD|{5 * UNIT}|{100 * UNIT}"]
    assert [one.limits for one in back] == [each, each]  # type: ignore[attr-defined]


def test_parts_are_whole_minor_units_and_add_up() -> None:
    """A third of 100 yen is 33 yen."""
    rules: dict[str, Any] = {
        "trigger": Trigger.FIRST_PURCHASE,
        "reward_currency": "JPY",
        "referrer_reward_micros": 0,
        "referee_reward_micros": 100 * UNIT,
        "policy": policy_text(Policy(order_ids=OrderIds.USER, on_refund=OnRefund.PROPORTIONAL)),
    }
    story = given(campaign(**rules), code("AMY")).given(bought("o1", 300, currency="JPY"))
    parts = []
    for minute in (1, 2, 3):
        story.when(paid_back("o1", 100, at=f"12:0{minute}", currency="JPY"))
        part, rest = story.followed
        parts.append((part.value_micros, rest.remaining_micros))  # type: ignore[attr-defined]
    assert parts == [(33 * UNIT, 67 * UNIT), (34 * UNIT, 33 * UNIT), (33 * UNIT, 0)]


# Windows and expiry.


def test_the_window_is_that_of_the_version_in_force_at_the_touch() -> None:
    window: dict[str, Any] = {"attribution_window_ms": 30 * DAY}
    shorter: dict[str, Any] = {"attribution_window_ms": 7 * DAY, "trigger": Trigger.SIGNUP}
    story = given(
        campaign(**window),
        campaign(version=2, effective_from=moment("1d 00:00"), **shorter),
        code("AMY"),
    )
    story.when(signed_up("20d 10:00", signed_up_at=moment("20d 10:00"))).then(*both_granted())
    later = {"touch_time": moment("1d 09:00"), "user_id": "u2"}
    story.when(signed_up("20d 10:00", signed_up_at=moment("20d 10:00"), **later)).then(
        *both(rejected, Reason.OUTSIDE_WINDOW)
    )


@pytest.mark.parametrize(
    ("told_of", "granted_at"),
    [
        ({"received_at": moment("47d 11:00")}, "47d 11:00"),
        ({"received_at": moment("11:00"), "signed_up_at": moment("2d 10:00")}, "2d 10:00"),
        ({"received_at": moment("10:59")}, "11:00"),
    ],
)
def test_expiry_counts_from_the_grant(told_of: dict[str, Any], granted_at: str) -> None:
    story = on_purchase(expires_after=30 * DAY).when(bought("o1", **told_of))
    due_at = moment(granted_at) + 30 * DAY
    story.then(
        *(
            one
            for role in BOTH
            for one in (
                granted(role, "AMY", due_at=due_at),
                to_fulfil(role, "AMY", expires_at=due_at),
            )
        )
    )


def only_referee() -> Scenario:
    rules = campaign(policy=policy_text(Policy(expires_after=DAY)), referrer_reward_micros=0)
    return given(rules, code("AMY"), signed_up())


def only_referee_expired() -> Scenario:
    return only_referee().given(tick("1d 10:00"))


def test_a_delivery_before_expiry_that_is_reported_later_counts() -> None:
    story = only_referee_expired()
    report = reported(REFEREE, "1d 09:59:59.999", received_at=moment("3d 10:00"))
    story.when(report).then(
        granted(REFEREE, "AMY", reasons=[Reason.DELIVERED_IN_TIME], value_micros=10 * UNIT),
        fulfilled(REFEREE, "AMY", value_micros=10 * UNIT),
    )
    story.when(report, tick("9d 00:00")).then_nothing()


def test_a_delivery_after_expiry_is_refused() -> None:
    story = only_referee_expired()
    story.when(reported(REFEREE, "1d 10:00")).then(refused("not_allowed"))


@pytest.mark.parametrize("delivered_at", ["11:30", "10:30"])
def test_a_delivery_that_is_reported_after_a_failure_counts_and_is_not_ordered_again(
    delivered_at: str,
) -> None:
    story = only_referee().given(reported(REFEREE, "11:00", outcome="failed"))
    report = reported(REFEREE, delivered_at, received_at=moment("12:00"), event_id="delivered")
    story.when(report).then(
        granted(REFEREE, "AMY", reasons=[Reason.DELIVERED_IN_TIME], value_micros=10 * UNIT),
        fulfilled(REFEREE, "AMY", value_micros=10 * UNIT),
    )
    story.when(report).then_nothing()
    story.when(reviewed("approve", "13:00")).then(refused("not_allowed"))


# What counts for milestones.


def qualified(story: Scenario) -> list[tuple[str, int | None]]:
    return [
        (one.status, one.qualifies)
        for one in story.followed
        if isinstance(one, RewardDecided) and one.role == REFERRER
    ]


def test_a_referral_counts_with_its_first_grant_to_the_referrer_until_its_last_is_reversed() -> (
    None
):
    story = on_purchase(repeats=0)
    assert qualified(story.when(bought("o1"))) == [("granted", 1)]
    assert qualified(story.when(bought("o2"))) == [("granted", None)]
    assert qualified(story.when(paid_back("o1"))) == [("reversed", None)]
    assert qualified(story.when(paid_back("o2"))) == [("reversed", -1)]
    assert qualified(story.when(bought("o3"))) == [("granted", 1)]


def test_a_held_referral_counts_once_it_is_granted() -> None:
    story = on_purchase(hold_for=HOUR)
    assert qualified(story.when(bought("o1"))) == [("held", None)]
    assert qualified(story.when(tick("12:00"))) == [("granted", 1)]
    assert qualified(story.when(reported(REFERRER, "12:01", action="purchase:o1"))) == [
        ("fulfilled", None)
    ]
    assert qualified(story.when(paid_back("o1", at="12:02"))) == [("reversed", -1)]


def test_a_part_taken_back_or_an_expiry_leaves_the_referral_counting() -> None:
    story = on_purchase(on_refund=OnRefund.PROPORTIONAL, expires_after=DAY).given(bought("o1"))
    assert qualified(story.when(paid_back("o1", 50))) == [("reversed", None)]
    story.when(tick("1d 11:00")).then(*both(expired, value_micros=5 * UNIT, qualifies=None))


def test_where_there_are_milestones_a_referrer_s_side_worth_nothing_counts_too() -> None:
    badge = Milestone(name="first", kind=MilestoneKind.BADGE, grants=1)
    policy = policy_text(Policy(milestones=[badge]))
    story = given(campaign(policy=policy, referrer_reward_micros=0), code("AMY"))
    story.when(signed_up()).then(
        granted(REFERRER, "AMY", value_micros=0, qualifies=1),
        granted(REFEREE, "AMY", qualifies=None),
        to_fulfil(REFEREE, "AMY"),
    )


# Evidence.


DEVICE = Fraud(weights={"users_per_device_24h": 100})


def test_the_answers_about_the_signup_count_for_every_later_claim() -> None:
    story = on_purchase(repeats=0, fraud=DEVICE)
    story.given(signed_up(event_id="s", checks=["device"]))
    story.given(signal_checked("device", of="s", day=9, month=9))
    for nth in range(20):
        story.when(bought(f"o{nth}"))
        assert {status for _, status in told(story)} == {"rejected"}


def test_what_the_signup_and_its_touch_showed_is_kept_for_every_later_claim() -> None:
    shown: dict[str, Any] = {"device_hash": "d", "email_hash": "e", "touch_ip_hash": "i"}
    seen: dict[str, Any] = {"touch_received_at": moment("09:01"), "touch_key_kind": "publishable"}
    story = on_purchase().given(signed_up(**shown, **seen))
    referral = story.states["reward/AMY:u1"]
    assert referral.signals == (
        Signals(device_hash="d", email_hash="e"),
        Signals(ip_hash="i"),
    )
    assert (referral.touch_received_at, referral.touch_key_kind) == (
        moment("09:01"),
        "publishable",
    )


def test_cells_of_a_referral_stay_small() -> None:
    story = on_nth(3).given(*(bought(f"o{nth}") for nth in range(200)))
    sizes = [len(msgspec.msgpack.encode(cell)) for cell in story.states.values()]
    assert max(sizes) < 1_000
