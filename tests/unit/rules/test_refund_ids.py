"""Refunds with ids of their own, and totals of what was refunded of an order by then."""

from itertools import permutations
from typing import Any

import pytest
from support.reward_orders import (
    UNIT,
    bought,
    ledger_of,
    on_nth,
    on_purchase,
    paid_back,
    signed_up,
)

from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.policy import OnRefund
from reftrail.testing import Outline, refused


def part(amount: float | None, at: str, **overrides: Any) -> Outline:
    """A refund of order o1 in dollars; each has an event of its own."""
    money = {} if amount is None else {"currency": "USD"}
    return paid_back("o1", amount, at=at, action_event_id=f"refund at {at}", **(money | overrides))


def in_all(total: float, at: str, **overrides: Any) -> Outline:
    return part(
        None, at, amount_refunded_micros=round(total * UNIT), **({"currency": "USD"} | overrides)
    )


def taken(*records: Outline) -> float:
    """The part of the referee's 10 dollars that the refunds of an order of 100 dollars take."""
    story = on_purchase(on_refund=OnRefund.PROPORTIONAL).given(signed_up())
    entries: list[RewardDecided] = []
    for record in records:
        story = story.when(record)
        entries += [
            entry
            for entry in story.followed
            if isinstance(entry, RewardDecided)
            and (entry.role, entry.status) == ("referee", "reversed")
        ]
    return sum(entry.value_micros for entry in entries) / UNIT


ORDER = bought("o1", 100)


def test_a_refund_counts_once_under_whatever_event_ids() -> None:
    one = part(10, "12:00", refund_id="re_1")
    again = part(10, "12:05", refund_id="re_1")
    other = part(10, "12:10", refund_id="re_2")
    assert taken(ORDER, one, again) == 1
    assert taken(ORDER, one, again, other) == 2
    assert taken(ORDER, part(10, "12:00"), part(10, "12:05")) == 2


def test_the_larger_amount_under_an_id_holds_in_either_order() -> None:
    small, large = part(10, "12:00", refund_id="re_1"), part(25, "12:05", refund_id="re_1")
    assert taken(ORDER, small, large) == taken(ORDER, large, small) == 2.5


def test_totals_are_taken_as_what_is_more_than_known() -> None:
    assert taken(ORDER, in_all(10, "12:00"), in_all(30, "12:05"), in_all(30, "12:10")) == 3
    assert taken(ORDER, in_all(30, "12:05"), in_all(10, "12:00")) == 3


REFUNDS = {
    "ids": [part(10, "12:00", refund_id="re_1"), part(20, "12:05", refund_id="re_2")],
    "totals": [in_all(10, "12:00"), in_all(30, "12:05")],
    "a total with its amount": [
        part(10, "12:00", amount_refunded_micros=10 * UNIT),
        part(20, "12:05", amount_refunded_micros=30 * UNIT),
    ],
    "ids and totals of the same refunds": [
        part(10, "12:00", refund_id="re_1"),
        in_all(10, "12:01"),
        part(20, "12:05", refund_id="re_2"),
        in_all(30, "12:06"),
    ],
    "a total of which one refund is missing": [
        part(10, "12:00", refund_id="re_1"),
        in_all(30, "1:06"),
    ],
}


@pytest.mark.parametrize("refunds", REFUNDS.values(), ids=REFUNDS)
def test_refunds_of_30_take_3_in_every_order_of_arrival(refunds: list[Outline]) -> None:
    for records in permutations([ORDER, *refunds]):
        left = on_purchase(on_refund=OnRefund.PROPORTIONAL).given(signed_up())
        balance = 0
        for record in records:
            left = left.when(record)
            balance += sum(map(_effect, left.followed))
        assert balance == 7 * UNIT, records


def _effect(event: object) -> int:
    if not isinstance(event, RewardDecided) or event.role != "referee":
        return 0
    return {"granted": 1, "reversed": -1}[event.status] * event.value_micros


def test_a_total_is_no_refund_in_full_and_all_of_it_is() -> None:
    story = on_purchase().given(signed_up(), ORDER)
    assert ledger_of(story.when(in_all(99, "12:00"))) == []
    assert ledger_of(story.when(in_all(100, "12:00"))) == [("purchase:o1", "reversed")]


def test_a_total_lowers_the_count_of_orders() -> None:
    story = on_nth(1).given(signed_up(), ORDER)
    assert ledger_of(story.when(in_all(100, "12:00"))) == [("nth_purchase:1", "reversed")]


def test_a_total_in_another_currency_is_refused() -> None:
    story = on_purchase().given(signed_up(), ORDER)
    story.when(in_all(100, "12:00", currency="EUR")).then(refused("refund_currency"))
