"""The ledger: what is loaded, what was left open, whose topics these are."""

from dataclasses import replace

import pytest
from support.clickhouse import ClickHouse, over_http

from reftrail.contracts.errors import ExpectedError
from reftrail.hosting.kafka.log_bounds import Position, RecordMark
from reftrail.warehouse.clickhouse import insert_rows
from reftrail.warehouse.ddl_files import ddl_files
from reftrail.warehouse.ledger import Counts, Ledger, Load, Range, Source

pytestmark = over_http

LOAD = Load("events", (Range(0, 10, 20), Range(2, 0, 5)))
SOURCE = Source("events", "shop.events", "id-1", "cluster-1")


@pytest.fixture
def ledger(clickhouse: ClickHouse) -> Ledger:
    return Ledger(clickhouse.writing)


def test_a_token_says_what_is_loaded() -> None:
    assert LOAD.token == "events/0:10-20,2:0-5"


def test_an_open_load_moves_no_position(ledger: Ledger) -> None:
    ledger.open([LOAD])

    assert ledger.positions() == {}
    assert ledger.unfinished() == [LOAD]


def test_a_closed_load_moves_its_positions(ledger: Ledger) -> None:
    ledger.open([LOAD])
    ledger.close({LOAD: Counts(15, 0)})
    later = Load("events", (Range(0, 20, 23),))
    ledger.open([later])
    ledger.close({later: Counts(3, 1)})

    assert ledger.positions() == {("events", 0): Position(23), ("events", 2): Position(5)}
    assert ledger.unfinished() == []


def test_the_mark_of_the_last_record_goes_with_the_position(ledger: Ledger) -> None:
    first, last = (RecordMark.of(offset, 1_000, b"k", b"v") for offset in (19, 22))
    loads = [
        Load("events", (Range(0, 20, 23),)),
        Load("events", (Range(0, 23, 25), Range(1, 0, 9))),
    ]
    ledger.open([LOAD, *loads])
    ledger.close({LOAD: Counts(15, 0, {0: first}), loads[0]: Counts(3, 1, {0: last})})
    ledger.close({loads[1]: Counts(9, 0)})  # nothing but markers in partition 0

    positions = ledger.positions()
    assert positions["events", 0] == Position(25, last)
    assert positions["events", 1] == Position(9)


def test_counts_stand_there_once(ledger: Ledger, clickhouse: ClickHouse) -> None:
    ledger.open([LOAD])
    ledger.close({LOAD: Counts(15, 2)})

    assert clickhouse.rows("SELECT sum(messages), sum(dead_letters) FROM loads FINAL") == [(15, 2)]


def test_the_same_installation_may_come_back(ledger: Ledger) -> None:
    ledger.claim([SOURCE])
    ledger.claim([SOURCE, replace(SOURCE, topic="codes", full_name="shop.codes")])
    ledger.claim([SOURCE])


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (replace(SOURCE, full_name="store.events"), "shop.events .* now pointed at store.events"),
        (replace(SOURCE, cluster_id="cluster-2"), "cluster cluster-1.* on cluster-2"),
        (replace(SOURCE, topic_id="id-2"), "was deleted and made again"),
    ],
)
def test_another_installation_is_refused(ledger: Ledger, other: Source, says: str) -> None:
    ledger.claim([SOURCE])

    with pytest.raises(ExpectedError, match=says):
        ledger.claim([other])


def test_loads_from_before_they_had_numbers_are_taken_over(clickhouse: ClickHouse) -> None:
    """An open one is finished first, and its number keeps others from claiming the next."""
    old: dict[str, str | int] = {
        "topic": "events",
        "partition": 0,
        "messages": 0,
        "dead_letters": 0,
    }
    rows = [
        old | {"from_offset": 0, "to_offset": 20, "load": "events/0:0-20", "closed": 1},
        old | {"from_offset": 20, "to_offset": 30, "load": "events/0:20-30", "closed": 0},
    ]
    insert_rows(clickhouse.writing, "ledger", rows)
    (file,) = (path for path in ddl_files() if path.name == "027_loads.sql")
    for statement in file.statements():
        clickhouse.writing.command(statement)
    clickhouse.writing.command("TRUNCATE TABLE ledger")

    ledger = Ledger(clickhouse.writing)
    (left,) = ledger.unfinished()
    assert left == Load("events", (Range(0, 20, 30),))
    ledger.close({left: Counts(10, 0)})
    assert ledger.positions()["events", 0].offset == 30
    later = Load("events", (Range(0, 30, 31),))
    ledger.open([later])
    ledger.close({later: Counts(1, 0)})
    assert clickhouse.rows("SELECT DISTINCT number FROM loads ORDER BY number") == [(0,), (1,)]
