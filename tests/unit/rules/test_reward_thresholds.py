"""Rewards by number or amount: they rest on the orders that count."""

from typing import Any

from support.reward_orders import (
    UNIT,
    both,
    both_granted,
    bought,
    ledger_of,
    on_nth,
    paid_back,
    paying,
)

from reftrail.contracts.policy import (
    OrderIds,
    Policy,
    policy_text,
)
from reftrail.contracts.reference import Trigger
from reftrail.contracts.reward_reasons import Reason
from reftrail.rules.decider import Refused
from reftrail.testing import (
    Scenario,
    campaign,
    code,
    given,
    moment,
    refused,
    rejected,
    taken_from,
)


def on_amount(amount: float, **policy: Any) -> Scenario:
    every: dict[str, Any] = {"order_ids": OrderIds.USER, "repeats": 0}
    return paying(Trigger.AMOUNT_REACHED, amount, **(every | policy))


def test_each_nth_standing_order_earns() -> None:
    story = on_nth(2)
    for nth in range(6):
        story.when(bought(f"o{nth}"))
        expected = [(f"nth_purchase:{(nth + 1) // 2}", "granted")] if nth % 2 else []
        assert ledger_of(story) == expected


def test_a_threshold_that_falls_is_reversed_and_given_again_under_its_next_number() -> None:
    story = on_nth(2).given(*(bought(f"o{nth}") for nth in range(4)))
    story.when(paid_back("o0"))
    assert ledger_of(story) == [("nth_purchase:2", "reversed")]
    story.when(paid_back("o1"))
    assert ledger_of(story) == []
    story.when(paid_back("o2"))
    assert ledger_of(story) == [("nth_purchase:1", "reversed")]
    ids = set()
    for times in (2, 3, 4):
        story.when(bought(f"more{times}"))
        assert ledger_of(story) == [(f"nth_purchase:1:{times}", "granted")]
        ids |= {record.event_id for record in story.followed}
        story.when(paid_back(f"more{times}"))
        assert ledger_of(story) == [(f"nth_purchase:1:{times}", "reversed")]
    assert len(ids) == 6


def test_one_order_may_reach_an_amount_several_times() -> None:
    story = on_amount(100).when(bought("o1", 350))
    assert ledger_of(story) == [(f"amount_reached:{nth}", "granted") for nth in (1, 2, 3)]
    story.when(bought("o2", 50))
    assert ledger_of(story) == [("amount_reached:4", "granted")]
    story.when(paid_back("o1", 201))
    assert ledger_of(story) == [(f"amount_reached:{nth}", "reversed") for nth in (4, 3, 2)]


def test_one_order_reaches_no_more_than_repeats_allows_and_a_fall_frees_that() -> None:
    story = on_amount(100, repeats=2).when(bought("o1", 350))
    assert ledger_of(story) == [(f"amount_reached:{nth}", "granted") for nth in (1, 2)]
    story.when(paid_back("o1", 200))
    assert ledger_of(story) == [("amount_reached:2", "reversed")]
    story.when(bought("o2", 60))
    assert ledger_of(story) == [("amount_reached:2:2", "granted")]


def test_one_order_reaches_1000_rewards_and_what_is_beyond_goes_to_the_dead_letters() -> None:
    assert len(ledger_of(on_amount(1).when(bought("o1", 1_000)))) == 1_000
    assert type(on_amount(1).when(bought("o1", 1_000)).followed[-1]).__name__ == "RewardGranted"
    story = on_amount(1).when(bought("o1", 1_001))
    assert len(ledger_of(story)) == 1_000
    assert refused("too_many_rewards").describes(story.followed[-1])


def test_what_one_order_reaches_beyond_1000_rewards_is_never_paid() -> None:
    story = on_amount(2).given(bought("o1", 1)).when(bought("o2", 5_000))
    assert len(ledger_of(story)) == 1_000
    refusal = story.followed[-1]
    assert isinstance(refusal, Refused)
    assert "3000.00 USD of order o2" in refusal.detail
    story.when(bought("o3", 1))
    assert [action for action, _ in ledger_of(story)] == ["amount_reached:1001"]
    story.when(paid_back("o2", 3_000)).then_nothing()
    story.when(paid_back("o2", 2, at="12:01"))
    assert ledger_of(story) == [("amount_reached:1001", "reversed")]
    story.when(paid_back("o2", at="12:02"))
    assert len(ledger_of(story)) == 999


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
    assert ledger_of(story) == [(f"purchase:o{nth}", "rejected") for nth in range(3)]
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
