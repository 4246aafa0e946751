"""Events under one key, whenever and however they come: the one received first stays.

The others are in duplicate_events, each once.
"""

import asyncio
import json
from collections.abc import Sequence
from random import Random
from typing import Any, Final

import pytest
from support.clickhouse import ClickHouse, over_http
from support.cut_short import Crash, CutShort
from support.event_loads import (
    MONTH,
    T0,
    Warehouse,
    check_rollup,
    click,
    duplicates,
    stored,
    values,
)

from reftrail.contracts.codec import encode, encode_datum
from reftrail.contracts.decisions import DeadLettered
from reftrail.contracts.events import Click, Purchase
from reftrail.contracts.record import DAY
from reftrail.contracts.registry import schemas
from reftrail.warehouse import known_events
from reftrail.warehouse.loader import Loader
from reftrail.warehouse.metrics import WarehouseMetrics

pytestmark = over_http

LONG_ID: Final = "x" * 300


@pytest.fixture(autouse=True)
def no_merges(clickhouse: ClickHouse) -> None:
    clickhouse.stop_merges()


@pytest.mark.parametrize("other", ["A", "B"], ids=["same", "other contents"])
def test_twice_in_one_load(clickhouse: ClickHouse, other: str) -> None:
    late = click("e1", other, received_at=T0 + 1)

    Warehouse(clickhouse.writing).load(values(late, click("e2")), values(click("e1"), late))

    assert stored(clickhouse) == [("e1", "A"), ("e2", "A")]
    assert duplicates(clickhouse) == [("e1", other)] * 2
    check_rollup(clickhouse)


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("other", ["A", "B"], ids=["same", "other contents"])
def test_in_the_next_load(clickhouse: ClickHouse, other: str, *, restarted: bool) -> None:
    first = Warehouse(clickhouse.writing)
    first.load(values(click("e1"), click("e2")))

    after = Warehouse(clickhouse.writing) if restarted else first
    after.load(values(click("e1", other), click("e3")))

    assert stored(clickhouse) == [("e1", "A"), ("e2", "A"), ("e3", "A")]
    assert duplicates(clickhouse) == [("e1", other)]
    check_rollup(clickhouse)


@pytest.mark.parametrize("restarted", [False, True])
def test_a_month_later_and_dated_otherwise(clickhouse: ClickHouse, *, restarted: bool) -> None:
    """Many loads lie between, and the other one belongs to another partition."""
    first = Warehouse(clickhouse.writing)
    first.load(values(click("e1")))
    for day in range(0, 31, 5):
        first.load(values(*(click(f"{day}-{n}", at=T0 + day * DAY) for n in range(50))))

    after = Warehouse(clickhouse.writing) if restarted else first
    after.load(values(click("e1", "B", T0 + MONTH, T0 + MONTH), click("10-7", "B")))

    assert clickhouse.rows("SELECT count(), uniqExact(event_id) FROM events") == [(351, 351)]
    assert duplicates(clickhouse) == [("10-7", "B"), ("e1", "B")]
    check_rollup(clickhouse)


def test_ids_are_read_in_slices_at_a_start(
    clickhouse: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_events, "_SLICE", 20)
    events = [click(f"e{n}", at=T0 + n % 3 * MONTH) for n in range(150)]
    Warehouse(clickhouse.writing).load(values(*events[:90]))
    Warehouse(clickhouse.writing).load(values(*events[90:]))

    slices = [ids.to_list() for ids in known_events._slices(clickhouse.writing, 0, 3)]
    Warehouse(clickhouse.writing).load(values(*events, click("new")))

    assert len(slices) == 9
    assert sorted(event_id.decode() for ids in slices for event_id in ids) == sorted(
        event.event_id for event in events
    )
    assert clickhouse.rows("SELECT count() FROM duplicate_events") == [(150,)]
    assert clickhouse.rows("SELECT count() FROM events") == [(151,)]


def test_a_standby_that_follows_reads_only_what_came_since(
    clickhouse: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, standby = Warehouse(clickhouse.writing), Warehouse(clickhouse.writing)
    first.load(values(click("e1")))
    standby.loader.follow()
    first.load(values(click("e2")))
    read: list[tuple[int, int]] = []
    slices = known_events._slices

    def reading(client: Any, begin: int, end: int) -> Any:
        read.append((begin, end))
        return slices(client, begin, end)

    monkeypatch.setattr(known_events, "_slices", reading)
    standby.load(values(click("e1", "B"), click("e2", "B"), click("e3")))

    assert read == [(2, 3)]
    assert stored(clickhouse) == [("e1", "A"), ("e2", "A"), ("e3", "A")]
    assert duplicates(clickhouse) == [("e1", "B"), ("e2", "B")]


def test_two_duplicates_alone_are_a_load(clickhouse: ClickHouse) -> None:
    warehouse = Warehouse(clickhouse.writing)
    warehouse.load(values(click("e1")))
    warehouse.load(values(click("e1"), click("e1", "B")))

    assert stored(clickhouse) == [("e1", "A")]
    assert duplicates(clickhouse) == [("e1", "A"), ("e1", "B")]


@pytest.mark.parametrize("its_id", ["it's", 'quo"te', "back\\slash", "tab\tit", "ü€", LONG_ID, ""])
def test_ids_of_all_kinds(clickhouse: ClickHouse, its_id: str) -> None:
    warehouse = Warehouse(clickhouse.writing)
    warehouse.load(values(click(its_id)))
    warehouse.load(values(click(its_id, "B"), click("other")))
    Warehouse(clickhouse.writing).load(values(click(its_id, "C")))

    assert duplicates(clickhouse) == [(its_id, "B"), (its_id, "C")]


def test_of_several_versions_of_the_schema(clickhouse: ClickHouse) -> None:
    """Each version is a block of its own, and one load."""
    old = next(
        schema for schema in schemas().values() if (schema.record, schema.version) == ("Event", 1)
    )
    fields = json.loads(old.text)["fields"]
    datum: dict[str, Any] = {field["name"]: None for field in fields}
    datum |= {"event_id": "e1", "type": "click", "event_time": T0, "received_at": T0 - 1}
    datum |= {"visitor_id": "v", "code": "OLD", "is_bot": False}

    load: list[bytes | None] = [encode(click("e1")), encode_datum(old, datum), encode(click("e2"))]
    Warehouse(clickhouse.writing).load(load)

    assert stored(clickhouse) == [("e1", "OLD"), ("e2", "A")]
    assert duplicates(clickhouse) == [("e1", "A")]


def test_a_message_that_can_t_be_read_displaces_nothing(clickhouse: ClickHouse) -> None:
    """It has the id of a good one, and comes before it."""
    buried: list[DeadLettered] = []

    async def bury(letters: Sequence[DeadLettered]) -> None:
        buried.extend(letters)

    warehouse = Warehouse(clickhouse.writing)
    warehouse.loader = Loader(clickhouse.writing, warehouse.ledger, bury, WarehouseMetrics())
    broken = encode(click("e1", "BROKEN"))[:-4]
    warehouse.load([broken, encode(click("e1")), broken[:7], encode(click("e2"))])

    assert stored(clickhouse) == [("e1", "A"), ("e2", "A")]
    assert duplicates(clickhouse) == []
    assert len(buried) == 2


def test_events_received_at_the_same_time(clickhouse: ClickHouse) -> None:
    """Which of them stays doesn't depend on their order in a load."""
    pair = [click("e1", "A"), click("e1", "B")]
    stayed = []
    for order in (pair, pair[::-1]):
        clickhouse.empty()
        Warehouse(clickhouse.writing).load(values(*order))
        stayed.append(stored(clickhouse))

    assert stayed[0] == stayed[1]


@pytest.mark.parametrize("seed", range(3))
def test_any_loads_equal_those_of_a_model(clickhouse: ClickHouse, seed: int) -> None:
    """Ids from a small pool, in loads of random sizes, with crashes and restarts."""
    chance = Random(seed)
    known: dict[tuple[str, str], str] = {}
    others: list[tuple[str, str]] = []
    warehouse = Warehouse(clickhouse.writing)
    for _ in range(12):
        parts: list[list[Click]] = [
            [
                click(
                    f"e{chance.randrange(30)}",
                    f"c{chance.randrange(10**6)}",
                    T0 + chance.randrange(3) * MONTH,
                    T0 + chance.randrange(5),
                    chance.choice([None, "secret", "publishable"]),
                )
                for _ in range(chance.randrange(1, 15))
            ]
            for _ in range(2)
        ]
        flat = [event for part in parts for event in part]
        fresh: dict[tuple[str, str], Click] = {}
        for event in sorted(flat, key=lambda event: (event.received_at, encode(event))):
            if (key := (event.event_id, event.key_kind or "")) not in known:
                fresh.setdefault(key, event)
        known |= {key: str(event.code) for key, event in fresh.items()}
        stay = {id(event) for event in fresh.values()}
        others += [(event.event_id, str(event.code)) for event in flat if id(event) not in stay]
        work = warehouse.next_work(*(values(*part) for part in parts))
        if chance.random() < 0.5:
            stumbling = CutShort(clickhouse.writing, chance.randrange(1, 4), after=True)
            try:
                asyncio.run(Warehouse(stumbling).loader.load([work]))
            except Crash:
                warehouse = Warehouse(clickhouse.writing)
                for _ in warehouse.ledger.unfinished():
                    asyncio.run(warehouse.loader.recover(work))
            else:
                warehouse = Warehouse(clickhouse.writing)
        else:
            asyncio.run(warehouse.loader.load([work]))

    assert stored(clickhouse) == sorted((key[0], its_code) for key, its_code in known.items())
    assert sorted(duplicates(clickhouse)) == sorted(others)
    check_rollup(clickhouse)


def test_orders_are_found_too(clickhouse: ClickHouse) -> None:
    order = Purchase(
        event_id="p",
        event_time=T0,
        received_at=T0,
        user_id="u",
        order_id="o",
        amount_micros=1,
        currency="USD",
    )
    Warehouse(clickhouse.writing).load(values(order), values(order))

    assert clickhouse.rows("SELECT count() FROM events") == [(1,)]
