"""An event's key is its id, its type and the kind of API key that it came under."""

import asyncio
from typing import Any

import pytest
from support.clickhouse import ClickHouse
from support.cut_short import Crash, CutShort
from support.event_loads import (
    T0,
    Warehouse,
    check_rollup,
    click,
    duplicates,
    restart,
    values,
)

from reftrail.contracts.events import Click, Event, KeyKind, Purchase, View


@pytest.fixture(autouse=True)
def no_merges(clickhouse: ClickHouse) -> None:
    clickhouse.stop_merges()


def of_each_kind() -> tuple[Event, ...]:
    """Events under one id: all but the last one are different events."""
    common: dict[str, Any] = {"event_id": "e1", "event_time": T0, "user_id": "amy"}
    page: dict[str, Any] = {**common, "visitor_id": "w", "key_kind": KeyKind.PUBLISHABLE}
    own: dict[str, Any] = {**common, "visitor_id": "w", "key_kind": KeyKind.SECRET}
    order: dict[str, Any] = {"order_id": "o", "amount_micros": 1_000_000, "currency": "EUR"}
    return (
        View(**page, received_at=T0, code="GUESSED"),
        Purchase(**common, **order, received_at=T0 + 1, key_kind=KeyKind.SECRET),
        Click(**own, received_at=T0 + 3, code="OWN"),
        Click(**page, received_at=T0 + 2, code="PAGE"),
        Click(**common, visitor_id="w", received_at=T0 + 4, code="OLD"),
        Click(**page, received_at=T0 + 5, code="AGAIN"),
    )


KINDS = [
    ("click", None, "OLD"),
    ("click", "publishable", "PAGE"),
    ("click", "secret", "OWN"),
    ("purchase", "secret", None),
    ("view", "publishable", "GUESSED"),
]


def kinds(clickhouse: ClickHouse) -> list[tuple[Any, ...]]:
    return clickhouse.rows(
        "SELECT type, key_kind, code FROM events ORDER BY type, key_kind NULLS FIRST, code"
    )


@pytest.mark.parametrize("loads", [1, 2, 6])
def test_an_id_is_unique_by_type_and_kind_of_key_alone(clickhouse: ClickHouse, loads: int) -> None:
    """A page's view under a guessed id would hide the purchase from all reports."""
    events = of_each_kind()
    size = len(events) // loads
    for at in range(0, len(events), size):
        Warehouse(clickhouse.writing).load(values(*events[at : at + size]))
    Warehouse(clickhouse.writing).load(values(*events))

    assert kinds(clickhouse) == KINDS
    assert clickhouse.rows("SELECT count() FROM duplicate_events") == [(7,)]
    check_rollup(clickhouse)


@pytest.mark.parametrize(("nth", "after"), [(2, True), (3, False), (3, True), (4, False)])
def test_events_under_one_id_survive_a_crash(
    clickhouse: ClickHouse, nth: int, *, after: bool
) -> None:
    warehouse = Warehouse(clickhouse.writing)
    work = warehouse.next_work(values(*of_each_kind()))
    with pytest.raises(Crash):
        asyncio.run(Warehouse(CutShort(clickhouse.writing, nth, after=after)).loader.load([work]))

    restart(clickhouse.writing, work)

    assert kinds(clickhouse) == KINDS
    assert duplicates(clickhouse) == [("e1", "AGAIN")]


def test_a_token_without_rows_is_noticed_by_the_whole_key(clickhouse: ClickHouse) -> None:
    """An event under the same id is there; the purchase isn't."""
    warehouse = Warehouse(clickhouse.writing)
    work = warehouse.next_work(values(*of_each_kind()))
    with pytest.raises(Crash):
        asyncio.run(Warehouse(CutShort(clickhouse.writing, 4, after=False)).loader.load([work]))
    clickhouse.writing.command("SYSTEM START MERGES")
    clickhouse.writing.command(
        "ALTER TABLE events DELETE WHERE type = 'purchase'", settings={"mutations_sync": 1}
    )

    restart(clickhouse.writing, work)

    assert kinds(clickhouse) == KINDS


def test_an_event_of_a_type_that_no_record_has(clickhouse: ClickHouse) -> None:
    """ClickHouse takes what the writer's schema reads; its key is found without the record."""
    page = Click(event_id="e1", event_time=T0, received_at=T0, visitor_id="v", key_kind="strange")
    Warehouse(clickhouse.writing).load(values(page, click("e1")))
    Warehouse(clickhouse.writing).load(values(page))

    assert clickhouse.rows("SELECT key_kind FROM events ORDER BY ALL NULLS LAST") == [
        ("strange",),
        (None,),
    ]
    assert clickhouse.rows("SELECT key_kind FROM duplicate_events") == [("strange",)]
