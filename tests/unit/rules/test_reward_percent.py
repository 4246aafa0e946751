"""Rewards in percent: shares of orders, for so many orders or months, less their refunds."""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import pytest
from hypothesis import given as draws
from hypothesis import strategies as st
from support.reward_orders import UNIT, bought, paid_back, paying, signed_up

from reftrail.contracts.decisions import RewardDecided, RewardGranted, Role
from reftrail.contracts.policy import Caps, OnRefund, OrderIds
from reftrail.contracts.record import DAY
from reftrail.contracts.reference import Trigger
from reftrail.contracts.side_rules import Percent
from reftrail.testing import Outline, Scenario

TWENTY = Percent(rate=200_000)


def shares(minimum: float = 0, **policy: Any) -> Scenario:
    """The referrer gets a share of each order, the referee 10 dollars as usual."""
    usual = {"order_ids": OrderIds.USER, "repeats": 0, "referrer": TWENTY}
    return paying(Trigger.FIRST_PURCHASE, minimum, **(usual | policy)).given(signed_up())


def entries(story: Scenario, role: str = Role.REFERRER) -> list[tuple[str, float, str]]:
    return [
        (entry.status, entry.value_micros / UNIT, entry.currency)
        for entry in story.followed
        if isinstance(entry, RewardDecided) and entry.role == role
    ]


def test_the_referrer_gets_a_share_of_every_order() -> None:
    story = shares()
    assert entries(story.when(bought("o1", 50))) == [("granted", 10, "USD")]
    assert entries(story.when(bought("o2", 9.99))) == [("granted", 2, "USD")]
    assert entries(story, Role.REFEREE) == [("granted", 10, "USD")]


def test_an_entry_says_rate_and_base() -> None:
    story = shares(referrer=Percent(rate=125_000)).when(
        bought("o1", 100, net_amount_micros=80 * UNIT)
    )
    entry = next(e for e in story.followed if isinstance(e, RewardDecided) and e.role == "referrer")
    assert (entry.rate_percent, entry.base_micros, entry.value_micros) == (
        "12.5",
        80 * UNIT,
        10 * UNIT,
    )
    other = next(e for e in story.followed if isinstance(e, RewardDecided) and e.role == "referee")
    assert (other.rate_percent, other.base_micros) == (None, None)


def test_a_share_is_in_the_order_s_currency_and_its_minor_units() -> None:
    story = shares()
    assert entries(story.when(bought("o1", 999, currency="JPY"))) == [("granted", 200, "JPY")]
    assert entries(story, Role.REFEREE) == [("granted", 10, "USD")]
    grants = [record for record in story.followed if isinstance(record, RewardGranted)]
    assert [(grant.role, grant.currency) for grant in grants] == [
        ("referrer", "JPY"),
        ("referee", "USD"),
    ]


def test_a_share_has_a_maximum() -> None:
    story = shares(referrer=Percent(rate=200_000, maximum_micros=15 * UNIT))
    assert entries(story.when(bought("o1", 1_000))) == [("granted", 15, "USD")]
    assert entries(story.when(paid_back("o1", 900))) == []
    assert entries(story.when(paid_back("o1", 50, at="12:05"))) == [("reversed", 5, "USD")]


@pytest.mark.parametrize(
    "policy",
    [
        {"referrer": Percent(rate=200_000, maximum_micros=15 * UNIT)},
        {"caps": Caps(budget_micros=100 * UNIT)},
        {"caps": Caps(budget_per_day_micros=100 * UNIT)},
    ],
)
def test_an_order_that_a_bound_can_t_be_compared_with_is_rejected(policy: dict[str, Any]) -> None:
    story = shares(**policy).when(bought("o1", 1_000, currency="EUR"))
    assert [status for status, _, _ in entries(story)] == ["rejected"]
    assert {tuple(e.reasons) for e in story.followed if isinstance(e, RewardDecided)} == {
        ("currency_mismatch",)
    }


def test_a_share_follows_refunds_whatever_the_policy_says_but_keep() -> None:
    for on_refund in (OnRefund.REVERSE, OnRefund.PROPORTIONAL):
        story = shares(on_refund=on_refund).given(bought("o1", 50))
        assert entries(story.when(paid_back("o1", 25))) == [("reversed", 5, "USD")]
        assert entries(story.when(paid_back("o1", at="12:05"))) == [("reversed", 5, "USD")]
    story = shares(on_refund=OnRefund.KEEP).given(bought("o1", 50))
    assert entries(story.when(paid_back("o1"))) == []


def test_below_the_minimum_a_share_is_taken_back_as_a_whole() -> None:
    story = shares(minimum=40, on_refund=OnRefund.REVERSE).given(bought("o1", 50))
    assert entries(story.when(paid_back("o1", 25))) == [("reversed", 10, "USD")]


def test_orders_earn_for_so_many_months_from_the_signup() -> None:
    story = shares(earning_months=1)
    end = START + 31 * DAY
    assert entries(story.when(bought("o1", 50, event_time=end - 1))) == [("granted", 10, "USD")]
    assert story.when(bought("o2", 50, at="11:01", event_time=end)).followed == []


START = signed_up().record().event_time


def test_so_many_orders_earn() -> None:
    story = shares(repeats=2).given(bought("o1", 50), bought("o2", 50))
    assert entries(story.when(bought("o3", 50))) == []


@draws(
    paid=st.integers(1, 100_000),
    net=st.none() | st.integers(0, 100_000),
    rate=st.integers(1, 1_000_000),
    most=st.none() | st.integers(0, 1_000),
    refunds=st.lists(st.integers(1, 40_000), max_size=5),
    purchase_at=st.integers(0, 5),
)
def test_what_stays_is_the_rate_of_what_remains(  # noqa: PLR0917
    paid: int, net: int | None, rate: int, most: int | None, refunds: list[int], purchase_at: int
) -> None:
    """In cents, by decimals; wherever the purchase comes among its refunds."""
    cent = UNIT // 100
    percent = Percent(rate=rate, maximum_micros=None if most is None else most * cent)
    story = shares(referrer=percent, on_refund=OnRefund.PROPORTIONAL)
    records: list[Outline] = [
        paid_back("o1", amount / 100, at=f"12:{nth:02}", currency="USD")
        for nth, amount in enumerate(refunds)
    ]
    net_micros = None if net is None else min(net, paid) * cent
    records.insert(purchase_at, bought("o1", paid / 100, net_amount_micros=net_micros))
    balance = 0
    for record in records:
        for entry in story.when(record).followed:
            if isinstance(entry, RewardDecided) and entry.role == Role.REFERRER:
                sign = {"granted": 1, "reversed": -1}[entry.status]
                balance += sign * entry.value_micros
    left = Decimal(max(0, paid - sum(refunds))) / paid
    base = Decimal(paid if net is None else min(net, paid)) * left
    expected = (base * rate / 1_000_000).quantize(Decimal(1), ROUND_HALF_EVEN)
    if most is not None:
        expected = min(expected, Decimal(most))
    assert balance == int(expected) * cent
