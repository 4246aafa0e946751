"""The view v_orders: what was paid back of an order, however it was reported."""

from typing import Any

import pytest
from support.clickhouse import ClickHouse
from support.programme import T0, purchase, refund
from support.raw_orders import paid_back

from reftrail.contracts.events import DisputeLost, DisputeOpened
from reftrail.contracts.record import DAY
from reftrail.contracts.topics import EVENTS

EUROS = {"currency": "EUR"}
AMOUNT = 20_000_000


def dispute(kind: type[DisputeOpened | DisputeLost], name: str, **given: Any) -> Any:
    about = {"user_id": "uma", "order_id": "o1", "dispute_id": name, "event_id": f"{kind}{name}"}
    return kind(**(about | {"event_time": T0, "received_at": T0} | given))


def back(micros: int | None = None, **given: Any) -> Any:
    return refund("uma", amount_micros=micros, **given)


CASES: dict[str, tuple[list[Any], int]] = {
    "nothing": ([], 0),
    "all of it": ([back()], AMOUNT),
    "parts": ([back(5_000_000), back(1_000_000)], 6_000_000),
    "one part twice": ([back(5_000_000, refund_id="r"), back(5_000_000, refund_id="r")], 5_000_000),
    "a total after parts": ([back(5_000_000), back(amount_refunded_micros=7_000_000)], 7_000_000),
    "more than was paid": ([back(15_000_000), back(15_000_000)], AMOUNT),
    "another currency": ([back(5_000_000, **EUROS), back(2_000_000, currency="USD")], 2_000_000),
    "an open dispute": ([dispute(DisputeOpened, "d", amount_micros=3_000_000)], 0),
    "a lost dispute": ([dispute(DisputeLost, "d")], AMOUNT),
    "a lost part and a refund": (
        [dispute(DisputeLost, "d", amount_micros=3_000_000), back(1_000_000)],
        4_000_000,
    ),
    "a loss of what was opened": (
        [dispute(DisputeOpened, "d", amount_micros=3_000_000), dispute(DisputeLost, "d")],
        3_000_000,
    ),
    "a loss in another currency": (
        [dispute(DisputeLost, "d", amount_micros=3_000_000, **EUROS)],
        0,
    ),
}


@pytest.mark.parametrize("case", CASES)
async def test_what_was_paid_back(clickhouse: ClickHouse, case: str) -> None:
    """By the view, and by the sums that reports are compared with."""
    events, expected = CASES[case]
    await clickhouse.load(EVENTS, [purchase("uma", order_id="o1"), *events, *events])

    assert clickhouse.rows("SELECT amount_micros, refunded_micros FROM v_orders") == [
        (AMOUNT, expected)
    ]
    reports = clickhouse.reading.query("SELECT * FROM v_events WHERE type != 'purchase'")
    assert paid_back(AMOUNT, "USD", list(reports.named_results())) == expected


async def test_the_earliest_order_of_a_person_is_the_first(clickhouse: ClickHouse) -> None:
    bought = [purchase("uma", order_id=f"o{nth}", event_time=T0 - nth * DAY) for nth in range(3)]
    await clickhouse.load(EVENTS, [*bought, purchase("vic", order_id="o1")])

    rows = clickhouse.rows("SELECT user_id, order_id FROM v_orders WHERE is_first ORDER BY user_id")
    assert rows == [("uma", "o2"), ("vic", "o1")]
