"""Refunds, decisions and reports that arrive early or late."""

from typing import Any

import pytest
from support.reward_orders import (
    BOTH,
    REFEREE,
    UNIT,
    answered,
    both,
    both_granted,
    bought,
    on_purchase,
    paid_back,
    signed_up,
)

from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.policy import (
    Caps,
    OnRefund,
    OrderIds,
    Policy,
    policy_text,
)
from reftrail.contracts.record import DAY
from reftrail.contracts.reference import Trigger
from reftrail.contracts.reward_reasons import Reason
from reftrail.testing import (
    Scenario,
    campaign,
    code,
    fulfilled,
    given,
    granted,
    limits_requested,
    moment,
    refused,
    rejected,
    reported,
    reviewed,
    tick,
    to_fulfil,
)


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
    entries = [record for record in story.followed if isinstance(record, RewardDecided)]
    assert [(entry.status, entry.value_micros) for entry in entries] == expected * 2


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
        limits_requested(f"cap_budget:spring:USD|{10 * UNIT}|{100 * UNIT}")
    )
    story.given(answered("o1")).when(paid_back("o1", 50, at="12:01"))
    back = [record for record in story.followed if not isinstance(record, RewardDecided)]
    each = [f"cap_budget:spring:USD|{5 * UNIT}|{100 * UNIT}"]
    assert [record.limits for record in back] == [each, each]  # type: ignore[attr-defined]


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
            record
            for role in BOTH
            for record in (
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
