"""Sums of the ledger, for any order of arrival, parts and repetitions."""

from collections.abc import Sequence
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from property.order_histories import (
    CAMPAIGNS_BY_CODE,
    MINOR_UNITS,
    UNIT,
    Order,
    arrived,
    come,
    entries_after,
    every_code,
    history,
    host_with,
    ledger_of,
    of_many,
    orders,
    ranks,
    signed_up,
    sums_after,
    sums_of,
    times,
)
from property.programmes import repetitions, with_repetitions

from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.events import Event, Purchase, Refund
from reftrail.contracts.record import HOUR
from reftrail.testing.times import FIRST_DAY


@every_code
def test_in_these_histories_something_is_earned(bought_under: str) -> None:
    """Else the properties below would say nothing."""
    found = [Order(customer, 100, ()) for customer in (0, 1, 2) for _ in range(3)]
    assert len(sums_after(history(found, bought_under))) == 4


@every_code
@of_many
@given(orders, ranks)
def test_the_order_of_arrival_changes_no_sum(
    bought_under: str, found: list[Order], arrival: list[int]
) -> None:
    events = history(found, bought_under)
    assert sums_after(arrived(events, arrival)) == sums_after(events)


@given(orders, ranks)
def test_shares_and_bands_are_those_of_what_remains(found: list[Order], arrival: list[int]) -> None:
    left = [order.paid - sum(order.parts) for order in found]
    cents = [min(round(units * Fraction(1234, 100)), 20_00) for units in left]
    in_bands = sum(9 if units >= 100 else 2 if units >= 30 else 0 for units in left)
    by_rate = sums_after(arrived(history(found, "RATE"), arrival))
    assert by_rate.get(("owner of RATE", "EUR"), 0) == sum(cents) * UNIT // 100
    by_bands = sums_after(arrived(history(found, "BANDS"), arrival))
    assert by_bands.get(("owner of BANDS", "EUR"), 0) == in_bands * UNIT


@st.composite
def _split(draw: st.DrawFn) -> tuple[int, tuple[int, ...]]:
    """An amount in minor units, and parts that don't add up to more."""
    parts = draw(st.lists(st.integers(1, 400), min_size=1, max_size=6))
    parts *= draw(st.sampled_from([1, 1, 2, 20]))
    return sum(parts) + draw(st.sampled_from([0, 0, 1, 1_000])), tuple(parts)


@given(
    _split(),
    st.sampled_from(sorted(MINOR_UNITS)),
    st.sampled_from(["EACH", "SHARE", "RATE"]),
    st.integers(0, 130),
)
@settings(max_examples=60)
def test_refunds_in_parts_take_what_one_refund_of_their_sum_takes(
    split: tuple[int, tuple[int, ...]], currency: str, bought_under: str, before: int
) -> None:
    """Also where some of them come before the purchase; always whole minor units."""
    paid, parts = split
    campaigns = [
        msgspec.structs.replace(
            CAMPAIGNS_BY_CODE[bought_under], reward_currency=currency, minimum_amount_micros=0
        )
    ]
    unit = MINOR_UNITS[currency]
    purchase = Purchase(
        **times("purchase", 100),
        user_id="u0",
        order_id="order",
        amount_micros=paid * unit,
        currency=currency,
    )

    def entries(amounts: Sequence[int], come_before: int) -> list[RewardDecided]:
        refunds: list[Event] = [
            Refund(
                **times(f"refund {nth}", 1_000 + nth),
                user_id="u0",
                order_id="order",
                amount_micros=amount * unit,
                currency=currency,
            )
            for nth, amount in enumerate(amounts)
        ]
        refunds.insert(min(come_before, len(refunds)), purchase)
        return entries_after([*signed_up(0, bought_under), *refunds], campaigns)

    in_parts = entries(parts, before)
    assert sums_of(in_parts) == sums_of(entries([sum(parts)], 0))
    assert all(entry.value_micros % unit == 0 for entry in in_parts)
    if sum(parts) == paid:
        assert sums_of(in_parts) == {}


@every_code
@of_many
@given(orders, ranks)
def test_nothing_is_left_where_every_order_was_paid_back(
    bought_under: str, found: list[Order], arrival: list[int]
) -> None:
    """In parts and then the rest, or all at once; wherever the refunds come between the others."""
    events = history(found, bought_under)
    rest = [
        Refund(
            **times(f"rest {nth}", 2_000 + nth),
            user_id=f"u{order.customer}",
            order_id=f"order {nth}",
            amount_micros=None,
        )
        for nth, order in enumerate(found)
    ]
    assert sums_after(arrived([*events, *rest], arrival)) == {}


@every_code
@of_many
@given(orders, repetitions)
def test_what_comes_again_changes_no_sum(
    bought_under: str, found: list[Order], again: list[tuple[int, int]]
) -> None:
    """The same events at any distance."""
    events = history(found, bought_under)
    assert sums_after(with_repetitions(events, again)) == sums_after(events)


@every_code
@of_many
@given(orders, ranks)
def test_an_order_that_is_reported_under_two_ids_changes_no_sum(
    bought_under: str, found: list[Order], arrival: list[int]
) -> None:
    events = history(found, bought_under)
    again = [
        msgspec.structs.replace(event, event_id=f"{event.event_id} again")
        for event in events
        if isinstance(event, Purchase)
    ]
    assert sums_after(arrived([*events, *again], arrival)) == sums_after(events)


@every_code
@pytest.mark.parametrize("distance", [2, 70, 300])
def test_what_comes_again_after_many_orders_adds_no_entry(bought_under: str, distance: int) -> None:
    """The first order and the first refund; that order also when it is reported anew, as of now."""
    host, found = host_with(), [Order(0, 60, ()), *[Order(0, 60, (1,))] * 2]
    found += [Order(0, 60, ())] * (distance - 2)
    events = history(found, bought_under)
    come(host, events)
    before = ledger_of(host)
    first = next(event for event in events if isinstance(event, Purchase))
    first_refund = next(event for event in events if isinstance(event, Refund))
    now = {"event_id": "reported anew", "event_time": FIRST_DAY + 59 * HOUR}
    come(host, [msgspec.structs.replace(first, **now), first, first_refund])
    assert ledger_of(host) == before


@every_code
@pytest.mark.parametrize("count", [20, 70, 150])
@pytest.mark.parametrize("first", ["purchases", "refunds"])
def test_nothing_is_left_of_many_orders_that_were_paid_back(
    bought_under: str, count: int, first: str
) -> None:
    """Refunds after all purchases, and before any of them."""
    events = history([Order(0, 60, (60,)) for _ in range(count)], bought_under)
    events.sort(key=lambda event: isinstance(event, Refund) == (first == "purchases"))
    assert sums_after(events) == {}
