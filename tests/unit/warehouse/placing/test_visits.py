"""Placed visits: only days that changed are placed again, and what was cut short is made up for."""

from typing import Any

import pytest
from support.clickhouse import ClickHouse, over_http
from support.placed_programme import (
    ADD,
    answers,
    come_late,
    erase,
    erase_what_came_late,
    load_programme,
    register_as_before,
    register_otherwise,
)
from support.placing import AS_OF, placed_facts

from reftrail.reports.placed_facts import PlacedFacts
from reftrail.warehouse.placing.placer import Placer
from reftrail.warehouse.placing.visits import PlacedVisits


@over_http
async def test_only_days_that_changed_are_placed_again(programme: ClickHouse) -> None:
    placed = placed_facts(programme)
    visits = PlacedVisits(programme.writing, "default_placed_visits")

    assert visits.bring_up_to_date(placed) == []
    await come_late(programme)
    assert [f"{day}" for day in visits.bring_up_to_date(placed)] == ["2026-09-21"]


async def test_the_number_of_an_erased_visitor_is_forgotten(programme: ClickHouse) -> None:
    number = "SELECT count() FROM default_placed_visits.visitors WHERE visitor = sipHash64('v1')"
    placed_facts(programme)
    assert programme.rows(number) == [(1,)]

    await erase(programme)
    placed_facts(programme)
    assert programme.rows(number) == [(0,)]


@pytest.mark.parametrize(
    ("change", "after"),
    [
        (register_otherwise, come_late),
        (register_otherwise, register_as_before),
        (come_late, erase_what_came_late),
    ],
)
async def test_a_placing_of_visits_that_was_cut_short_is_made_up_for(
    programme: ClickHouse, monkeypatch: pytest.MonkeyPatch, change: Any, after: Any
) -> None:
    placed_facts(programme)
    await change(programme)
    placed_at_all = PlacedVisits._place

    def cut_short(visits: PlacedVisits, days: Any, placed: PlacedFacts) -> None:
        placed_at_all(visits, days[:1], placed)
        raise ConnectionAbortedError

    with monkeypatch.context() as killed:
        killed.setattr(PlacedVisits, "_place", cut_short)
        with pytest.raises(ConnectionAbortedError):
            placed_facts(programme)

    await after(programme)
    assert answers(programme, placed_facts(programme)) == answers(programme)


async def test_an_event_that_came_and_went_while_its_day_was_placed_is_not_left_behind(
    programme: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed_facts(programme)
    await come_late(programme)
    place = PlacedVisits._place

    def coming(visits: PlacedVisits, days: Any, placed: PlacedFacts) -> None:
        programme.writing.command(ADD)
        place(visits, days, placed)

    with monkeypatch.context() as changed:
        changed.setattr(PlacedVisits, "_place", coming)
        assert Placer(programme.writing, lambda: AS_OF).place()
    programme.writing.command("DELETE FROM events WHERE event_id = 'more'")
    assert answers(programme, placed_facts(programme)) == answers(programme)


@over_http
async def test_events_in_another_table_are_placed_again(remade: ClickHouse) -> None:
    """As after a rebuild: days have as many events of the same loads, and other ones."""
    await load_programme(remade)
    before = placed_facts(remade)
    for statement in (
        "CREATE TABLE others AS events",
        "INSERT INTO others SELECT * REPLACE ('FR' AS country) FROM events",
        "EXCHANGE TABLES events AND others",
    ):
        remade.writing.command(statement)

    of_views = answers(remade)
    assert answers(remade, before) != of_views
    assert answers(remade, placed_facts(remade)) == of_views
