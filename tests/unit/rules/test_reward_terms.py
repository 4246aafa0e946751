"""Terms that differ: for later orders, by the order's amount, and from the signup."""

from typing import Any

import pytest
from hypothesis import given as draws
from hypothesis import strategies as st
from support.reward_orders import UNIT, bought, paid_back, paying, signed_up

from reftrail.contracts.decisions import RewardDecided, Role
from reftrail.contracts.policy import Caps, OnRefund, OrderIds, Policy, TermsFrom, policy_text
from reftrail.contracts.record import DAY
from reftrail.contracts.reference import Trigger
from reftrail.contracts.side_rules import Band, Percent, RewardValue, SideRules
from reftrail.testing import Outline, Scenario, campaign, code, given

FIRST_ONLY = SideRules(later=RewardValue())
BANDS = SideRules(
    bands=[
        Band(amount_micros=50 * UNIT, value_micros=5 * UNIT),
        Band(amount_micros=100 * UNIT, value_micros=15 * UNIT),
    ]
)


def on_orders(minimum: float = 0, **policy: Any) -> Scenario:
    usual: dict[str, Any] = {"order_ids": OrderIds.USER, "repeats": 0}
    return paying(Trigger.FIRST_PURCHASE, minimum, **(usual | policy)).given(signed_up())


def entries(story: Scenario, role: str = Role.REFEREE) -> list[tuple[str, float]]:
    return [
        (entry.status, entry.value_micros / UNIT)
        for entry in story.followed
        if isinstance(entry, RewardDecided) and entry.role == role
    ]


def test_later_orders_have_terms_of_their_own() -> None:
    later = SideRules(later=RewardValue(percent=Percent(rate=50_000)))
    story = on_orders(referrer_rules=later, referee_rules=FIRST_ONLY)
    story.when(bought("o1", 100))
    assert (entries(story, Role.REFERRER), entries(story)) == ([("granted", 10)], [("granted", 10)])
    story.when(bought("o2", 100))
    assert (entries(story, Role.REFERRER), entries(story)) == ([("granted", 5)], [])


def test_an_order_that_earned_nothing_is_not_the_first() -> None:
    story = on_orders(20, referee_rules=FIRST_ONLY).given(bought("o1", 10))
    story.given(paid_back("o2"), bought("o2", 100))
    assert entries(story.when(bought("o3", 100))) == [("granted", 10)]
    assert entries(story.when(bought("o4", 100))) == []


def test_the_first_order_stays_the_first_once_it_was_paid_back() -> None:
    story = on_orders(referee_rules=FIRST_ONLY).given(bought("o1", 100))
    assert entries(story.when(paid_back("o1"))) == [("reversed", 10)]
    assert entries(story.when(bought("o2", 100))) == []


@draws(st.permutations(["o1", "o2", "o3", "o4"]))
def test_one_order_has_the_first_order_s_terms_in_whatever_order_they_come(
    orders: list[str],
) -> None:
    story = on_orders(referee_rules=SideRules(later=RewardValue(value_micros=UNIT)))
    found = [entries(story.when(bought(order, 100))) for order in orders]
    assert found == [[("granted", 10)], [("granted", 1)], [("granted", 1)], [("granted", 1)]]


@pytest.mark.parametrize(
    ("paid", "value"),
    [(49.99, None), (50, 5), (99.99, 5), (100, 15), (1_000, 15)],
)
def test_the_order_s_amount_says_the_value(paid: float, value: float | None) -> None:
    story = on_orders(referee_rules=BANDS).when(bought("o1", paid))
    assert entries(story) == ([] if value is None else [("granted", value)])


def test_bands_are_of_the_net_amount() -> None:
    story = on_orders(referee_rules=BANDS)
    assert entries(story.when(bought("o1", 119, net_amount_micros=99 * UNIT))) == [("granted", 5)]


def test_an_order_in_another_currency_than_the_bands_is_rejected() -> None:
    story = on_orders(referee_rules=BANDS).when(bought("o1", 60, currency="EUR"))
    assert [status for status, _ in entries(story)] == ["rejected"]


def test_a_refund_leaves_the_value_for_what_remains() -> None:
    story = on_orders(referee_rules=BANDS).given(bought("o1", 120))
    assert entries(story.when(paid_back("o1", 20))) == []
    assert entries(story.when(paid_back("o1", 10, at="12:01"))) == [("reversed", 10)]
    assert entries(story.when(paid_back("o1", 41, at="12:02"))) == [("reversed", 5)]


@draws(
    refunds=st.lists(st.integers(1, 60), max_size=5),
    purchase_at=st.integers(0, 5),
    on_refund=st.sampled_from([OnRefund.REVERSE, OnRefund.PROPORTIONAL]),
)
def test_what_stays_is_the_value_for_what_remains_in_whatever_order(
    refunds: list[int], purchase_at: int, on_refund: OnRefund
) -> None:
    story = on_orders(referee_rules=BANDS, on_refund=on_refund)
    records: list[Outline] = [
        paid_back("o1", amount, at=f"12:{nth:02}", currency="USD")
        for nth, amount in enumerate(refunds)
    ]
    records.insert(purchase_at, bought("o1", 120))
    balance = 0.0
    for record in records:
        for status, value in entries(story.when(record)):
            balance += {"granted": 1, "reversed": -1}[status] * value
    left = 120 - sum(refunds)
    assert balance == (15 if left >= 100 else 5 if left >= 50 else 0)


def test_with_a_budget_later_shares_in_another_currency_are_rejected() -> None:
    later = SideRules(later=RewardValue(percent=Percent(rate=50_000)))
    story = on_orders(referrer_rules=later, caps=Caps(budget_micros=100 * UNIT))
    assert {status for status, _ in entries(story.when(bought("o1", currency="EUR")))} == {
        "rejected"
    }


SIGNUP_AT = signed_up().record().event_time


def two_versions(first: TermsFrom, second: TermsFrom) -> Scenario:
    """10 dollars each; from the day after the signup on, 4 for the referee."""
    common: dict[str, Any] = {"order_ids": OrderIds.USER, "repeats": 0}
    old = policy_text(Policy(**common, terms_from=first))
    new = policy_text(Policy(**common, terms_from=second))
    trigger = Trigger.FIRST_PURCHASE
    return given(
        campaign(trigger=trigger, policy=old),
        campaign(
            trigger=trigger,
            policy=new,
            version=2,
            effective_from=SIGNUP_AT + DAY,
            referee_reward_micros=4 * UNIT,
        ),
        code("AMY"),
        signed_up(),
    )


@pytest.mark.parametrize(
    ("first", "second", "value"),
    [
        (TermsFrom.ACTION, TermsFrom.ACTION, 4),
        (TermsFrom.SIGNUP, TermsFrom.ACTION, 10),
        (TermsFrom.SIGNUP, TermsFrom.SIGNUP, 10),
        (TermsFrom.ACTION, TermsFrom.SIGNUP, 4),
    ],
)
def test_the_version_at_the_signup_may_hold_for_the_orders(
    first: TermsFrom, second: TermsFrom, value: float
) -> None:
    story = two_versions(first, second)
    at = SIGNUP_AT + 2 * DAY
    assert entries(story.when(bought("o1", 100, event_time=at))) == [("granted", value)]
    versions = {e.campaign_version for e in story.followed if isinstance(e, RewardDecided)}
    assert versions == ({1} if value == 10 else {2})


def test_refunds_of_such_an_order_are_as_its_version_says() -> None:
    story = two_versions(TermsFrom.SIGNUP, TermsFrom.ACTION)
    story.given(bought("o1", 100, event_time=SIGNUP_AT + 2 * DAY))
    assert entries(story.when(paid_back("o1"))) == [("reversed", 10)]
