"""Events of a warehouse from before, whose table was ordered by their ids."""

import asyncio
from collections.abc import Sequence

import pytest
from support.clickhouse import ClickHouse, nowhere, part_of
from support.cut_short import Crash, CutShort
from support.event_loads import Warehouse, restart, values

from reftrail.contracts.codec import container, encode
from reftrail.contracts.events import Click, Event
from reftrail.contracts.record import DAY
from reftrail.contracts.topics import EVENTS
from reftrail.warehouse.ddl_files import DdlFile, ddl_files, note_applied
from reftrail.warehouse.ledger import Ledger
from reftrail.warehouse.loader import Loader, Work
from reftrail.warehouse.metrics import WarehouseMetrics

T0 = 1_790_000_000_000


def click(event_id: str, code: str, received_at: int = T0, key_kind: str | None = None) -> Click:
    return Click(
        event_id=event_id,
        event_time=T0 + len(event_id) * 31 * DAY,
        received_at=received_at,
        visitor_id="v",
        code=code,
        key_kind=key_kind,
    )


FIRST = [
    click("e1", "EARLY"),
    click("e1", "LATE", T0 + 1),
    click("e-2", "A"),
    click("e-2", "OWN", key_kind="secret"),
]
SECOND = [click("e1", "LATER", T0 + 2), click("e-2", "A"), click("e--3", "A")]
KEPT = [("e--3", "A"), ("e-2", "A"), ("e-2", "OWN"), ("e1", "EARLY")]


def ddl(number: str) -> DdlFile:
    return next(file for file in ddl_files() if file.name.startswith(number))


@pytest.fixture
def before(remade: ClickHouse) -> ClickHouse:
    """The table as it was, with two loads; merges, which would take the doubled rows, rest."""
    run = remade.writing.command
    run("DROP TABLE events")
    run("DROP TABLE duplicate_events")
    for number in ("002", "020", "028"):
        for statement in ddl(number).statements():
            if " events" in statement.partition("(")[0]:
                run(statement)
    for statement in ddl("035").statements():
        run(statement)
    remade.stop_merges()
    for nth, load in enumerate((FIRST, SECOND)):
        _insert(remade, load, f"load {nth}")
    return remade


def migrate(clickhouse: ClickHouse) -> None:
    """Apply 036, and note it as applied now. Merges rest, so single rows can't be deleted."""
    for statement in ddl("036").statements():
        clickhouse.writing.command(statement)
    clickhouse.writing.command("TRUNCATE TABLE ddl_applied")
    note_applied(clickhouse.writing, ddl_files())


def _insert(clickhouse: ClickHouse, events: Sequence[Event], token: str) -> None:
    block = container([encode(event) for event in events])
    settings = {"insert_deduplication_token": token}
    clickhouse.writing.raw_insert("events", insert_block=block, fmt="Avro", settings=settings)


def stored(clickhouse: ClickHouse) -> list[tuple[str, ...]]:
    return clickhouse.rows("SELECT event_id, code FROM v_events ORDER BY event_id, code")


STATEMENTS = len(list(ddl("036").statements()))


@pytest.mark.parametrize("done", range(STATEMENTS + 1))
def test_each_event_is_there_once_however_often_the_file_was_begun(
    before: ClickHouse, done: int
) -> None:
    assert before.rows("SELECT count() FROM events") == [(7,)]
    for statement in list(ddl("036").statements())[:done]:
        before.writing.command(statement)

    for statement in ddl("036").statements():
        before.writing.command(statement)

    assert stored(before) == KEPT
    assert before.rows("SELECT count() FROM events") == [(4,)]
    assert before.rows("SELECT count() FROM duplicate_events") == [(0,)]


def test_a_load_that_was_open_is_finished_after_it(before: ClickHouse) -> None:
    """Its rows were stored before loads had numbers; they are neither new nor duplicates."""
    work = Work(EVENTS, (part_of([encode(event) for event in SECOND], 4),))
    Ledger(before.writing).open([work.load])
    migrate(before)

    loader = Loader(before.writing, Ledger(before.writing), nowhere, WarehouseMetrics())
    asyncio.run(loader.recover(work))

    assert stored(before) == KEPT
    assert before.rows("SELECT count() FROM duplicate_events") == [(0,)]
    assert before.rows("SELECT closed FROM loads FINAL") == [(1,)]
    assert before.rows("SELECT id FROM v_reconciliation WHERE check = 'events_stored'") == []


def test_events_from_before_are_known(before: ClickHouse) -> None:
    migrate(before)

    loader = Loader(before.writing, Ledger(before.writing), nowhere, WarehouseMetrics())
    again = [encode(click("e1", "AGAIN")), encode(click("new", "A"))]
    asyncio.run(loader.load([Work(EVENTS, (part_of(again),))]))

    assert stored(before) == sorted([*KEPT, ("new", "A")])
    assert before.rows("SELECT event_id, code FROM duplicate_events") == [("e1", "AGAIN")]


@pytest.mark.parametrize(("nth", "after"), [(1, True), (2, False), (2, True), (3, False)])
def test_a_later_load_that_is_finished_has_its_duplicates_of_events_from_before(
    before: ClickHouse, nth: int, *, after: bool
) -> None:
    """It has a number, so the event without one isn't its own."""
    migrate(before)
    work = Warehouse(before.writing).next_work(values(click("e1", "AGAIN"), click("new", "A")))
    with pytest.raises(Crash):
        asyncio.run(Warehouse(CutShort(before.writing, nth, after=after)).loader.load([work]))

    restart(before.writing, work)

    assert stored(before) == sorted([*KEPT, ("new", "A")])
    assert before.rows("SELECT event_id, code FROM duplicate_events") == [("e1", "AGAIN")]
