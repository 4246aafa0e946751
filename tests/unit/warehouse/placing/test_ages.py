"""Facts are of now or as old as they may be, and those of two times are never offered as one."""

from itertools import count
from typing import Any

import pytest
from support.clickhouse import ClickHouse
from support.placed_programme import ADD, come_late, funnel, register_otherwise
from support.placing import AS_OF, Clock

from reftrail.reports.placed_facts import PlacedFacts
from reftrail.warehouse.placing.placer import Placer
from reftrail.warehouse.placing.tables import Placing
from reftrail.warehouse.placing.visits import PlacedVisits


async def test_facts_are_of_now_or_as_old_as_they_may_be(
    programme: ClickHouse, clock: Clock
) -> None:
    times = count(1)
    placer = Placer(programme.writing, lambda: f"time {next(times)}")
    reading = programme.reading

    assert placer.facts(reading, 900) is None
    assert placer.place()
    assert not placer.place()
    found = placer.facts(reading, 0)
    assert found is not None
    assert found.as_of == "time 3"

    await come_late(programme)
    clock.now += 10
    assert placer.facts(reading, 9) is None
    older = placer.facts(reading, 10)
    assert older is not None
    assert older.as_of == "time 3"


async def test_facts_that_may_be_older_are_compared_with_the_tables_once_a_second(
    programme: ClickHouse, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = count(1)
    placer = Placer(programme.writing, lambda: f"time {next(times)}")
    placer.place()

    def as_of(max_age: float) -> str | None:
        found = placer.facts(programme.reading, max_age)
        return None if found is None else found.as_of

    assert [as_of(0), as_of(0), as_of(60)] == ["time 2", "time 3", "time 3"]
    await come_late(programme)
    clock.now += 10
    assert (as_of(9), as_of(60)) == (None, "time 3")
    placer.place()
    assert as_of(60) == as_of(60) == "time 6"
    programme.writing.command(ADD)
    assert as_of(60) == "time 6"
    clock.now += 1
    assert as_of(60) == "time 6"


async def test_the_latest_facts_are_known_without_asking(
    programme: ClickHouse, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = count(1)
    placer = Placer(programme.writing, lambda: f"time {next(times)}")

    def latest() -> tuple[str | None, float]:
        with monkeypatch.context() as unasked:
            unasked.setattr(type(programme.reading), "query", None)
            found = placer.latest()
        assert found is not None
        return found.as_of, placer.age(found.at)

    assert placer.latest() is None
    placer.place()
    clock.now += 10
    assert latest() == ("time 1", 10)
    assert not placer.place()
    assert latest() == ("time 2", 0)
    clock.now += 10
    compared = placer.facts(programme.reading, 0)
    assert latest() == ("time 3", 0)
    assert compared == placer.latest()

    await come_late(programme)
    clock.now += 5
    assert placer.facts(programme.reading, 0) is None
    assert latest() == ("time 3", 5)
    found = placer.facts(programme.reading, 5)
    assert found is not None
    assert found.as_of == "time 3"


async def test_older_facts_stay_as_they_are_while_others_are_placed(
    programme: ClickHouse, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    placer = Placer(programme.writing, lambda: AS_OF)
    placer.place()
    seen: list[list[dict[str, Any]]] = []
    place = PlacedVisits._place

    def watched(visits: PlacedVisits, days: Any, placed: PlacedFacts) -> None:
        place(visits, days, placed)
        found = placer.facts(programme.reading, 60)
        assert found is not None
        seen.append(funnel(programme, found))

    found = placer.facts(programme.reading, 0)
    assert found is not None
    before = funnel(programme, found)
    await register_otherwise(programme)
    monkeypatch.setattr(PlacedVisits, "_place", watched)
    placer.place()
    assert seen == [before]
    found = placer.facts(programme.reading, 0)
    assert found is not None
    assert funnel(programme, found) != before


ERASE = "DELETE FROM events WHERE event_id = 's1'"


@pytest.mark.parametrize(("meanwhile", "are_offered"), [(ERASE, False), (ADD, True)])
async def test_facts_of_before_and_after_an_erasure_are_never_offered(
    programme: ClickHouse,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    meanwhile: str,
    are_offered: bool,
) -> None:
    placer = Placer(programme.writing, lambda: AS_OF)
    place, begun = Placing._place, count()

    def changing(placing: Placing, view: Any, order: str) -> None:
        place(placing, view, order)
        if next(begun) == 3:
            programme.writing.command(meanwhile)

    with monkeypatch.context() as changed:
        changed.setattr(Placing, "_place", changing)
        placer.place()
    clock.now += 10
    assert placer.facts(programme.reading, 0) is None
    assert (placer.facts(programme.reading, 60) is not None) == are_offered
    assert placer.place()
    assert placer.facts(programme.reading, 0) is not None
