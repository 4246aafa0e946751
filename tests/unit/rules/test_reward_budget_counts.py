"""Amounts that budgets count: the rewards' final cost, or all that was ever granted."""

import pytest
from support.reward_orders import UNIT, answered, bought, on_purchase, paid_back

from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.policy import BudgetCounts, Caps, OnRefund, Policy, policy_in, policy_text
from reftrail.contracts.record import DAY
from reftrail.contracts.stage_messages import LimitRequested
from reftrail.rules.limit_names import LimitReservation
from reftrail.testing import Scenario, reviewed

NET, GROSS = BudgetCounts.NET, BudgetCounts.GROSS


def released(story: Scenario) -> float:
    """The amount of the budget that the last record released."""
    asked = [
        request
        for request in story.followed
        if isinstance(request, LimitRequested) and request.releasing
    ]
    return (
        sum(LimitReservation.parse(text).amount for request in asked for text in request.limits)
        / UNIT
    )


def on_a_budget(counts: BudgetCounts, hold_for: int = 0) -> Scenario:
    caps = Caps(budget_micros=100 * UNIT, budget_counts=counts)
    story = on_purchase(caps=caps, on_refund=OnRefund.PROPORTIONAL, hold_for=hold_for)
    return story.given(bought("o1", 100), answered("o1"))


@pytest.mark.parametrize(("counts", "part", "rest"), [(NET, 10, 10), (GROSS, 0, 0)])
def test_a_refund_frees_its_part_of_a_net_budget_only(
    counts: BudgetCounts, part: float, rest: float
) -> None:
    story = on_a_budget(counts)
    assert released(story.when(paid_back("o1", 50))) == part
    assert released(story.when(paid_back("o1", at="12:05"))) == rest


@pytest.mark.parametrize("counts", [NET, GROSS])
def test_a_reward_that_was_never_granted_frees_its_part(counts: BudgetCounts) -> None:
    story = on_a_budget(counts, hold_for=14 * DAY)
    assert released(story.when(paid_back("o1", 50))) == 0, "its part goes when it is granted"
    assert released(story.when(paid_back("o1", at="12:05"))) == 20


@pytest.mark.parametrize("counts", [NET, GROSS])
def test_a_reinstated_reward_counts_once(counts: BudgetCounts) -> None:
    """Its part of a gross budget was never freed, so it needs none again."""
    story = on_a_budget(counts).given(reviewed("reverse", "12:00"))
    story.when(reviewed("reinstate", "13:00", reason="false_positive"))
    asked = [request for request in story.followed if isinstance(request, LimitRequested)]
    grants = [record for record in story.followed if isinstance(record, RewardDecided)]
    if counts == NET:
        assert [LimitReservation.parse(request.limits[0]).amount for request in asked] == [
            20 * UNIT
        ]
        assert not grants
    else:
        assert not asked
        assert [entry.status for entry in grants] == ["granted", "granted"]
        assert released(story.when(paid_back("o1", 50, at="13:30"))) == 0


def test_only_a_gross_budget_needs_the_newer_language() -> None:
    net = policy_text(Policy(caps=Caps(budget_micros=1)))
    assert net is not None
    assert "budget_counts" not in net
    assert "language" not in net
    gross = policy_text(Policy(caps=Caps(budget_counts=GROSS)))
    assert policy_in(gross).language == 2
