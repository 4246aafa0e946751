"""Rebuild of the warehouse from the log, its comparison, and the exchange of tables."""

import asyncio
from collections.abc import Iterator
from typing import Any, Final

import pytest
from clickhouse_connect.driver.client import Client
from support.clickhouse import ClickHouse, nowhere, over_http, part_of
from support.programme import T0, attributed, campaign, click, code, entry, purchase, signup, view

from reftrail.contracts.codec import encode
from reftrail.contracts.conversions import Touched
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.record import DAY, Record
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import ATTRIBUTIONS, CAMPAIGNS, CODES, EVENTS, REWARDS, TOUCHES
from reftrail.warehouse.blocks import Part
from reftrail.warehouse.checksums import checksums, fact_tables
from reftrail.warehouse.definitions import VIEWS
from reftrail.warehouse.ledger import Ledger, Load, Range
from reftrail.warehouse.loader import Loader, Work
from reftrail.warehouse.metrics import WarehouseMetrics
from reftrail.warehouse.rebuild import (
    Rebuild,
    compare,
    create_database,
    drop_database,
    missing_messages,
    positions_to_reach,
    replace,
)

DATABASE: Final = "re-built"
"""A name that must be quoted, as one of a server's may have to be."""


def touched(visitor: str, arm: str, offset: int) -> Touched:
    return Touched(
        event_id=f"t{visitor}{offset}",
        event_time=T0,
        received_at=T0,
        cause_topic="events",
        cause_partition=0,
        cause_offset=offset,
        cause_event_id="cause",
        rules="1",
        visitor_id=visitor,
        type="click",
        touch_event_id="cause",
        expires_at=T0 + DAY,
        code="AMY",
        campaign_id="spring",
        arm=arm,
    )


CLICKS: Final = [click(f"v{n}", "AMY", event_id=f"c{n}") for n in range(40)]
LOG: Final[dict[Topic, list[Record]]] = {
    EVENTS: [
        view("v1", "AMY"),
        *CLICKS,
        *CLICKS[:10],
        signup("uma", "v1"),
        purchase("uma"),
    ],
    CAMPAIGNS: [campaign("spring", category="books"), campaign("spring", category="toys")],
    CODES: [
        code("AMY", "spring"),
        code("AMY", "spring", channel="mail"),
        code("BOB", "spring", owner_user_id="amy", revision=1),
        code("BOB", "spring", owner_user_id="bob", revision=2),
    ],
    TOUCHES: [touched("v1", "a", 1), touched("v1", "a", 2), touched("v2", "b", 3)],
    ATTRIBUTIONS: [attributed("uma", "AMY")],
    REWARDS: [
        entry("r1", "AMY", "uma", value=5_000_000),
        entry("r1", "AMY", "uma", value=2_000_000, status="reversed"),
    ],
}
VALUES: Final = {topic: [encode(record) for record in records] for topic, records in LOG.items()}


class MemoryLog:
    """The log's messages, some of each topic at a time; and more than was loaded."""

    def __init__(self, size: int) -> None:
        self._at = dict.fromkeys(VALUES, 0)
        self._size = size

    async def read(self, timeout_seconds: float) -> dict[Topic, list[Part]]:
        del timeout_seconds
        found = {}
        for topic, values in VALUES.items():
            later: list[bytes | None] = [*values, values[0], b"junk"]
            if some := later[self._at[topic] : self._at[topic] + self._size]:
                found[topic] = [part_of(some, self._at[topic])]
                self._at[topic] += len(some)
        return found


BATCHES: Final = 2
"""In which the warehouse has loaded them."""


def load_log(client: Client) -> None:
    """The topics in another order, and in other batches, than a rebuild takes them."""
    loader = Loader(client, Ledger(client), nowhere, WarehouseMetrics())
    for begin, end in ((0, 1), (1, 3)):
        batch = []
        for topic, values in reversed(VALUES.items()):
            at, to = (len(values) * third // 3 for third in (begin, end))
            batch.append(Work(topic, (part_of(values[at:to], at),)))
        asyncio.run(loader.load(batch))


@pytest.fixture(scope="module")
def of_log(clickhouse_engine: ClickHouse) -> tuple[dict[str, Any], dict[str, Any]]:
    """Rows of the tables and figures of the views that were loaded once."""
    clickhouse_engine.empty()
    load_log(clickhouse_engine.writing)
    return rows(clickhouse_engine.writing), figures(clickhouse_engine.writing)


@pytest.fixture
def rows_of_log(of_log: tuple[dict[str, Any], dict[str, Any]]) -> dict[str, Any]:
    return of_log[0]


@pytest.fixture
def figures_of_log(of_log: tuple[dict[str, Any], dict[str, Any]]) -> dict[str, Any]:
    return of_log[1]


@pytest.fixture
def kept(clickhouse: ClickHouse) -> Client:
    load_log(clickhouse.writing)
    return clickhouse.writing


@pytest.fixture
def fresh(clickhouse: ClickHouse) -> Iterator[Client]:
    create_database(clickhouse.writing, DATABASE)
    client = clickhouse.connect(DATABASE)
    yield client
    client.close()
    drop_database(clickhouse.writing, DATABASE)


def rebuilt(
    kept: Client, fresh: Client, *, size: int = 7, load_rows: int = 20, load_bytes: int = 1 << 20
) -> list[str]:
    said: list[str] = []
    again = Rebuild(kept, fresh, said.append)
    ends = positions_to_reach(kept)
    asyncio.run(again.load(MemoryLog(size), {}, ends, load_rows=load_rows, load_bytes=load_bytes))
    return said


def different(kept: Client, fresh: Client) -> list[str]:
    return [table.name for table in compare(kept, fresh) if not table.is_same]


NOT_ASKED: Final = ("v_reconciliation", "v_activity", "v_funnel_daily")
"""A view by load, and loads are others after a rebuild; and two made of parts that are asked."""


def rows(client: Client) -> dict[str, Any]:
    """The rows of all tables of facts, without the number of the load that they came in with."""
    return {
        name: client.query(
            f"SELECT * EXCEPT (load) FROM {name} {'FINAL' if 'Replacing' in engine else ''} "
            "ORDER BY ALL"
        ).result_rows
        for name, engine in fact_tables(client).items()
    }


def figures(client: Client) -> dict[str, Any]:
    """What the views say: 2 s of processor time to plan, and few ms for the rows of all tables."""
    return {
        name: client.query(f"SELECT * FROM {name} ORDER BY ALL").result_rows
        for name in VIEWS
        if name not in NOT_ASKED
    }


@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_a_rebuild_has_the_same_rows(kept: Client, fresh: Client, size: int) -> None:
    said = rebuilt(kept, fresh, size=size)

    assert different(kept, fresh) == []
    assert said[-1] == f"loaded {sum(map(len, VALUES.values()))} messages"
    found = {table.name: table.rebuilt.rows for table in compare(kept, fresh)}
    assert (found["events"], found["duplicate_events"], found["touched_arms"]) == (43, 10, 3)
    assert [name for (name,) in fresh.query("SHOW TABLES LIKE 'v\\_%'").result_rows] == []


def test_large_messages_are_loaded_a_few_at_a_time(kept: Client, fresh: Client) -> None:
    """Up to as many bytes, and what one read has beyond: else memory would be the limit."""
    said = rebuilt(kept, fresh, size=3, load_rows=1_000, load_bytes=500)

    assert len(said) > sum(len(value) for values in VALUES.values() for value in values) / 3_000
    assert different(kept, fresh) == []


@pytest.mark.parametrize(
    ("fault", "table"),
    [
        ("DELETE FROM events WHERE event_id = 'c7'", "events"),
        ("INSERT INTO events SELECT * FROM events WHERE event_id = 'c7'", "events"),
        ("DELETE FROM rewards WHERE status = 'reversed'", "rewards"),
        (
            "ALTER TABLE rewards UPDATE value_micros = 1 WHERE status = 'reversed'",
            "rewards",
        ),
        ("TRUNCATE TABLE touched_arms", "touched_arms"),
    ],
)
def test_what_differs_is_found_and_replaced(
    rows_of_log: dict[str, Any], kept: Client, fresh: Client, fault: str, table: str
) -> None:
    kept.command(fault, settings={"mutations_sync": 1, "insert_deduplicate": 0})
    assert rows(kept) != rows_of_log
    rebuilt(kept, fresh)
    assert different(kept, fresh) == [table]

    replace(kept, DATABASE)

    assert different(kept, fresh) == [table]
    assert rows(kept) == rows_of_log
    assert positions_to_reach(kept) == {(topic.name, 0): len(VALUES[topic]) for topic in VALUES}


@over_http
def test_after_it_the_warehouse_goes_on(kept: Client, fresh: Client) -> None:
    """Events from before are known, and materialized views write into the tables in place."""
    rebuilt(kept, fresh)
    replace(kept, DATABASE)
    drop_database(fresh, DATABASE)

    end = len(VALUES[TOUCHES])
    more = part_of([encode(touched("v9", "a", 9))], end)
    again = part_of(
        [encode(CLICKS[3]), encode(click("v", "AMY", event_id="new"))], len(VALUES[EVENTS])
    )
    loader = Loader(kept, Ledger(kept), nowhere, WarehouseMetrics())
    asyncio.run(loader.load([Work(TOUCHES, (more,)), Work(EVENTS, (again,))]))

    found = checksums(kept)
    assert (found["events"].rows, found["duplicate_events"].rows) == (44, 11)
    assert found["touched_arms"].rows == 4


class Killed(BaseException):
    """The process is gone."""


class KilledAtACommand:
    """A client that is cut off before its nth command, counted from 1."""

    def __init__(self, client: Client, nth: int) -> None:
        self._client = client
        self._left = nth

    def command(self, *args: Any, **kwargs: Any) -> Any:
        self._left -= 1
        if not self._left:
            raise Killed
        return self._client.command(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


@pytest.mark.parametrize("nth", [1, 2, 3, 12, 20])
def test_killed_between_two_exchanges_it_is_complete_and_goes_on(
    rows_of_log: dict[str, Any], kept: Client, fresh: Client, nth: int
) -> None:
    rebuilt(kept, fresh, size=1_000, load_rows=1_000)
    with pytest.raises(Killed):
        replace(KilledAtACommand(kept, nth), DATABASE)  # type: ignore[arg-type]
    drop_database(kept, DATABASE)

    assert rows(kept) == rows_of_log
    facts = checksums(kept)
    for _ in range(BATCHES + 1):  # so that numbers of loads before would come again
        loader = Loader(kept, Ledger(kept), nowhere, WarehouseMetrics())
        at = positions_to_reach(kept)[EVENTS.name, 0]
        everything = part_of(VALUES[EVENTS], at)
        asyncio.run(loader.load([Work(EVENTS, (everything,))]))
    came_again = facts.pop("duplicate_events").rows + (BATCHES + 1) * len(VALUES[EVENTS])
    after = checksums(kept)
    assert after.pop("duplicate_events").rows == came_again
    assert after == facts


@pytest.mark.parametrize("killed_at", [12, None])
def test_views_say_the_same_of_exchanged_tables(
    figures_of_log: dict[str, Any], kept: Client, fresh: Client, killed_at: int | None
) -> None:
    """Whatever was wrong in the tables of before: those of a rebuild have the same rows."""
    rebuilt(kept, fresh)
    if killed_at is None:
        replace(kept, DATABASE)
    else:
        with pytest.raises(Killed):
            replace(KilledAtACommand(kept, killed_at), DATABASE)  # type: ignore[arg-type]
    drop_database(kept, DATABASE)

    assert figures(kept) == figures_of_log


def test_a_load_that_is_open_is_refused(kept: Client, fresh: Client) -> None:
    ledger = Ledger(kept)
    ledger.positions()
    ledger.open([Load(EVENTS.name, (Range(0, len(VALUES[EVENTS]), 100),))])

    with pytest.raises(ExpectedError, match="start it once"):
        rebuilt(kept, fresh)


def test_messages_that_are_gone_are_named() -> None:
    begins = {("events", 0): 5, ("events", 1): 0, ("codes", 0): 7, ("claims", 0): 3}
    ends = {("events", 0): 10, ("events", 1): 10, ("codes", 0): 10}

    assert missing_messages(begins, ends, {"codes"}) == ["events[0] before 5"]


def test_of_a_code_s_former_owner_the_lines_make_no_difference(kept: Client, fresh: Client) -> None:
    """An upgrade finds, and Kafka keeps, only the latest revision of a code where others were."""
    rebuilt(kept, fresh)
    kept.command("DELETE FROM user_page WHERE about = 'user:amy' AND item = 'code:BOB'")
    assert different(kept, fresh) == []

    kept.command("DELETE FROM user_page WHERE about = 'user:bob' AND item = 'code:BOB'")
    assert different(kept, fresh) == ["user_page"]
