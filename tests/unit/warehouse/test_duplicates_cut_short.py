"""A load of events that is cut short at each step: nothing is lost, and nothing is stored twice."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import pytest
from support.clickhouse import ClickHouse
from support.cut_short import Crash, CutShort
from support.event_loads import (
    MONTH,
    T0,
    Warehouse,
    check_rollup,
    click,
    duplicates,
    restart,
    stored,
    values,
)

from reftrail.warehouse.duplicates import EventKey
from reftrail.warehouse.known_events import Digests, KnownEvents
from reftrail.warehouse.ledger import Ledger


@pytest.fixture(autouse=True)
def no_merges(clickhouse: ClickHouse) -> None:
    clickhouse.stop_merges()


# The claim, the events, the duplicates, the closing.
STEPS = [(nth, after) for nth in (1, 2, 3, 4) for after in (False, True)]
SECOND = (
    click("e1", "B"),
    click("e3"),
    click("e3", "B", received_at=T0 + 5),
    click("e4", at=T0 + MONTH),
    click("e5", at=T0 + 2 * MONTH),
)
FOUND = [(event_id, "A") for event_id in ("e1", "e2", "e3", "e4", "e5")]


@pytest.mark.parametrize("again", [0, 2], ids=lambda n: f"{n} more crashes")
@pytest.mark.parametrize(("nth", "after"), STEPS)
def test_a_crash_at_any_step(clickhouse: ClickHouse, nth: int, *, after: bool, again: int) -> None:
    warehouse = Warehouse(clickhouse.writing)
    warehouse.load(values(click("e1"), click("e2")))
    work = warehouse.next_work(values(*SECOND))
    with pytest.raises(Crash):
        asyncio.run(Warehouse(CutShort(clickhouse.writing, nth, after=after)).loader.load([work]))

    for crash in range(again):
        with suppress(Crash):  # after the last step there is nothing left to do
            restart(CutShort(clickhouse.writing, crash + 1, after=True), work)
    restart(clickhouse.writing, work)

    assert stored(clickhouse) == FOUND
    assert duplicates(clickhouse) == [("e1", "B"), ("e3", "B")]
    assert Ledger(clickhouse.writing).unfinished() == []
    check_rollup(clickhouse)


@pytest.mark.parametrize("month", [0, 1, 2])
@pytest.mark.parametrize("table", ["events", "duplicate_events"])
def test_rows_whose_token_was_noted_before_a_crash_are_not_lost(
    clickhouse: ClickHouse, table: str, month: int
) -> None:
    """A kill may leave the parts of some months, with the tokens of all."""
    warehouse = Warehouse(clickhouse.writing)
    warehouse.load(values(click("e1"), click("e2")))
    work = warehouse.next_work(values(*SECOND))
    with pytest.raises(Crash):
        asyncio.run(Warehouse(CutShort(clickhouse.writing, 4, after=False)).loader.load([work]))
    clickhouse.writing.command("SYSTEM START MERGES")
    at = T0 + month * MONTH
    clickhouse.writing.command(
        f"ALTER TABLE {table} DELETE WHERE load = 2 "
        f"AND toYYYYMM(event_time) = toYYYYMM(fromUnixTimestamp64Milli({at}))",
        settings={"mutations_sync": 1},
    )

    restart(clickhouse.writing, work)

    assert stored(clickhouse) == FOUND
    assert duplicates(clickhouse) == [("e1", "B"), ("e3", "B")]
    check_rollup(clickhouse)


def test_without_the_rows_of_the_load_itself_left_out_a_retry_would_find_only_duplicates(
    clickhouse: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: the tests above can fail."""
    warehouse = Warehouse(clickhouse.writing)
    work = warehouse.next_work(values(*SECOND))
    with pytest.raises(Crash):
        asyncio.run(Warehouse(CutShort(clickhouse.writing, 2, after=True)).loader.load([work]))

    def stored_by_anybody(
        _: KnownEvents, ids: Sequence[bytes], digests: Digests, load: int
    ) -> dict[EventKey, int]:
        found = clickhouse.rows("SELECT event_id, type, ifNull(key_kind, '') FROM events")
        return {EventKey(*key): load + 1 for key in found}

    monkeypatch.setattr(KnownEvents, "stored_before", stored_by_anybody)

    restart(clickhouse.writing, work)

    assert len(duplicates(clickhouse)) > 2
