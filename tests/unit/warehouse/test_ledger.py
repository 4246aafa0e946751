"""The ledger: what is loaded, what was left open, whose topics these are."""

from dataclasses import replace

import pytest
from support.clickhouse import ClickHouse

from reftrail.contracts.errors import ExpectedError
from reftrail.hosting.kafka.log_bounds import Position, RecordMark
from reftrail.warehouse.ledger import Counts, Ledger, Load, Range, Source

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
