"""When a placer places, and what it removes."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from itertools import count
from time import monotonic
from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError
from support.clickhouse import ClickHouse
from support.placed_programme import answers, come_late, funnel
from support.placing import AS_OF, Clock
from support.programme import (
    click,
)

from reftrail.contracts.topics import (
    EVENTS,
)
from reftrail.reports.placed_facts import PlacedFacts
from reftrail.warehouse.placing import placer as placer_module
from reftrail.warehouse.placing.placer import Placer
from reftrail.warehouse.placing.tables import Placing


@pytest.fixture
def placed_so_far(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """The databases that placings have made, for tests that ask when and not what: each is empty.

    To fill one takes 1.2 s of processor time.
    """
    found = list[str | None]()

    def counted(placing: Placing, *_: Any) -> PlacedFacts:
        placing.drop()
        placing.client.command(f"CREATE DATABASE {placing.database}")
        found.append(placing.database)
        return PlacedFacts(placing.database, frozenset())

    monkeypatch.setattr(Placing, "place", counted)
    return found


async def until(holds: Callable[[], bool]) -> None:
    end = monotonic() + 120
    while not await asyncio.to_thread(holds):
        assert monotonic() < end
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    "error",
    [DatabaseError("not enough privileges: CREATE DATABASE"), OverflowError("out of range")],
    ids=["a refusal", "a fault"],
)
async def test_it_places_once_all_is_loaded_and_goes_on_after_an_error(
    programme: ClickHouse,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    monkeypatch.setattr(placer_module, "_LEAST_REST_SECONDS", 0.0)
    monkeypatch.setattr(placer_module, "_REST", 0)
    place, tries, loaded = Placing.place, count(1), asyncio.Event()

    def refused_twice(placing: Placing, *given: Any) -> PlacedFacts:
        if next(tries) <= 2:
            raise error
        return place(placing, *given)

    monkeypatch.setattr(Placing, "place", refused_twice)
    placer = Placer(programme.writing, lambda: AS_OF if loaded.is_set() else None)
    running = asyncio.create_task(placer.run())
    await asyncio.sleep(0)
    assert placer.facts(programme.reading, 0) is None
    assert next(tries) == 1

    loaded.set()
    await until(lambda: placer.facts(programme.reading, 0) is not None)
    running.cancel()
    said = [record.message for record in caplog.records if "can't be placed" in record.message]
    assert len(said) == 1


async def test_what_was_placed_before_is_dropped_once_nobody_reads_it(
    programme: ClickHouse, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def databases() -> set[str]:
        return {str(name) for (name,) in programme.rows("SELECT name FROM system.databases")}

    monkeypatch.setattr(placer_module, "_LEAST_REST_SECONDS", 0.0)
    placer = Placer(programme.writing, lambda: AS_OF)
    placer.place()
    await come_late(programme)
    placer.place()
    assert {"default_placed_0", "default_placed_1"} <= databases()

    running = asyncio.create_task(placer.run())
    clock.now += 91
    await until(lambda: "default_placed_0" not in databases())
    running.cancel()
    found = placer.facts(programme.reading, 0)
    assert found is not None
    assert funnel(programme, found)


async def test_a_warehouse_whose_turn_is_over_changes_nothing_that_is_placed_in_a_later_one(
    programme: ClickHouse,
) -> None:
    with closing(programme.connect()) as connection:
        late = Placer(connection, lambda: AS_OF)
        following = Placer(programme.writing, lambda: AS_OF)
        late.begin_turn(7)
        late.place()
        following.begin_turn(8)
        following.place()
        found = following.facts(programme.reading, 0)
        assert found is not None
        before = funnel(programme, found)

        with pytest.raises(ClickHouseError):
            late._visits.bring_up_to_date(found)
        await come_late(programme)
        late.place()
        assert funnel(programme, found) == before
        databases = {str(name) for (name,) in programme.rows("SHOW DATABASES")}
        assert "default_turn_8_placed_visits" in databases

        following.place()
        now = following.facts(programme.reading, 0)
        assert now is not None
        assert funnel(programme, now) != before


async def test_while_more_is_loaded_a_placing_waits_but_not_for_long(
    programme: ClickHouse, clock: Clock, placed_so_far: list[str | None]
) -> None:
    placer = Placer(programme.writing, lambda: AS_OF)

    def placed() -> int | None:
        placer.step()
        found = placer.facts(programme.reading, 3600)
        return None if found is None else found.version

    first = placed()
    assert first is not None

    for number in range(3):
        await programme.load(EVENTS, [click("v9", "A", event_id=f"steady {number}")])
        clock.now += 9
        assert placed() == first, "more is loaded at each look"
    await programme.load(EVENTS, [click("v9", "A", event_id="steady for long")])
    clock.now += 3
    second = placed()
    assert second != first, "it has waited for 20 s"

    await programme.load(EVENTS, [click("v9", "A", event_id="the last")])
    clock.now += 2
    assert placed() == second
    clock.now += 2
    assert placed() != second, "nothing more was loaded"


async def test_a_placing_waits_for_messages_that_are_being_loaded_but_not_for_long(
    programme: ClickHouse, clock: Clock, placed_so_far: list[str | None]
) -> None:
    """A load may take longer than the time between two looks."""
    is_behind = [True]
    placer = Placer(programme.writing, lambda: AS_OF, lambda: is_behind[0])

    def placed() -> int | None:
        placer.step()
        found = placer.facts(programme.reading, 3600)
        return None if found is None else found.version

    first = placed()
    await programme.load(EVENTS, [click("v9", "A", event_id="one load")])
    for _ in range(3):
        assert placed() == first
        clock.now += 6
    is_behind[0] = False
    second = placed()
    assert second != first, "all is loaded"

    is_behind[0] = True
    await programme.load(EVENTS, [click("v9", "A", event_id="another load")])
    assert placed() == second
    clock.now += 21
    assert placed() != second, "it has waited for 20 s"


async def test_a_placing_waits_longer_for_a_steady_load_while_nobody_asks_for_facts(
    programme: ClickHouse, clock: Clock, placed_so_far: list[str | None]
) -> None:
    placer = Placer(programme.writing, lambda: AS_OF)
    placer.step()
    assert len(placed_so_far) == 1

    async def look(number: int) -> int:
        await programme.load(EVENTS, [click("v9", "A", event_id=f"steady {number}")])
        clock.now += 20
        placer.step()
        return len(placed_so_far)

    assert [await look(number) for number in range(8)] == [1, 1, 1, 1, 1, 1, 2, 2]
    assert await look(8) == 2
    placer.latest()
    assert await look(9) == 3, "a reader came, and it has waited for 20 s"
    assert await look(10) == 3


async def test_a_first_placing_waits_for_messages_that_are_being_loaded(
    programme: ClickHouse, clock: Clock, placed_so_far: list[str | None]
) -> None:
    """Two looks may see the same tables while a load is under way."""
    as_of: list[str | None] = [None]
    is_behind = [True]
    placer = Placer(programme.writing, lambda: as_of[0], lambda: is_behind[0])
    placer.step()
    as_of[0] = AS_OF
    clock.now += 2
    placer.step()
    assert not placed_so_far
    is_behind[0] = False
    clock.now += 6
    placer.step()
    assert placed_so_far


async def test_a_placing_that_nobody_asks_for_waits_for_a_pause_of_some_seconds(
    programme: ClickHouse, clock: Clock, placed_so_far: list[str | None]
) -> None:
    placer = Placer(programme.writing, lambda: AS_OF)
    placer.step()

    async def looks(name: str, *, read: bool) -> list[int]:
        await programme.load(EVENTS, [click("v9", "A", event_id=name)])
        found = []
        for _ in range(5):
            clock.now += 2
            placer.step()
            found.append(len(placed_so_far))
            if read:
                placer.latest()
        return found

    assert await looks("one", read=False) == [1, 1, 1, 2, 2]
    assert await looks("another", read=True) == [2, 3, 3, 3, 3]


async def test_what_is_erased_while_more_is_loaded_is_placed_at_once(
    programme: ClickHouse, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    placer = Placer(programme.writing, lambda: AS_OF)
    placer.step()
    await programme.load(EVENTS, [click("v9", "A", event_id="steady")])
    programme.writing.command("DELETE FROM events WHERE event_id = 'e2'")
    clock.now += 2

    def refused(*_: object) -> PlacedFacts:
        raise DatabaseError("too busy")

    with monkeypatch.context() as patched:
        patched.setattr(Placing, "place", refused)
        with pytest.raises(DatabaseError):
            placer.step()
    await programme.load(EVENTS, [click("v9", "A", event_id="steady still")])
    clock.now += 2
    placer.step()
    found = placer.facts(programme.reading, 0)
    assert found is not None
    assert answers(programme, found) == answers(programme)


async def test_a_first_placing_waits_for_the_end_of_a_steady_load(
    programme: ClickHouse, clock: Clock, placed_so_far: list[str | None]
) -> None:
    as_of: list[str | None] = [None]
    placer = Placer(programme.writing, lambda: as_of[0])
    placer.step()
    await programme.load(EVENTS, [click("v9", "A", event_id="steady")])
    as_of[0] = AS_OF
    placer.step()
    assert placer.facts(programme.reading, 0) is None
    clock.now += 2
    placer.step()
    assert placer.facts(programme.reading, 0) is not None
