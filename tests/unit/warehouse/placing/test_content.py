"""Placed facts are what the views say, whatever has changed since they were placed before."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from support.clickhouse import ClickHouse, over_http
from support.placed_programme import (
    ALL,
    BY_CODE,
    BY_DAY,
    BY_UTC_DAY,
    CHANGING,
    FEW,
    WITHIN_DAYS,
    answers,
    come_late,
    daily_funnel,
    differ,
    erase,
    funnel,
    load_programme,
    name_the_category_otherwise,
    pay_back,
    register_otherwise,
    reverse,
)
from support.placing import AS_OF, placed_facts
from support.report_figures import forecast_nothing

from reftrail.reports.analysts.sql_query import of_placed
from reftrail.reports.catalogue import catalogue
from reftrail.reports.placed_facts import PlacedFacts
from reftrail.reports.questions import Question
from reftrail.warehouse.placing import content as content_module
from reftrail.warehouse.placing.content import content_version, tables_of_views
from reftrail.warehouse.placing.placer import Placer
from reftrail.warehouse.placing.tables import Placing
from reftrail.warehouse.tables import apply_ddl

DAILY = "SELECT * FROM v_funnel_daily ORDER BY ALL"


async def test_every_report_says_the_same_of_placed_facts(
    programme: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    forecast_nothing(monkeypatch)
    placed = placed_facts(programme)

    questions = [(name, ALL) for name in catalogue()]
    days = [
        (name, by) for name in ("funnel", "data_quality") for by in (BY_DAY, BY_UTC_DAY, BY_CODE)
    ]
    within = [(name, WITHIN_DAYS) for name in ("referrers", "data_quality")]
    asked = _each_once([*questions, *CHANGING, *days, *within])
    assert answers(programme, placed, asked) == answers(programme, None, asked)
    assert daily_funnel(programme, placed) == daily_funnel(programme)
    rows = {row["code"]: row for row in funnel(programme, placed)}
    assert rows["A"]["clicks"] == rows["A"]["visitors_signed_up"] == 1
    assert (rows["A"]["views"], rows["A"]["visitors"]) == (2, 1)
    assert rows["LATER"]["campaign_id"] is None


def _each_once(asked: Iterable[tuple[str, Question]]) -> list[tuple[str, Question]]:
    found: list[tuple[str, Question]] = []
    for one in asked:
        if one not in found:
            found.append(one)
    return found


async def test_what_is_erased_reaches_placed_facts(programme: ClickHouse) -> None:
    """Other changes, one after the other: `test_changes.py`."""
    before = placed_facts(programme)
    await erase(programme)

    of_views = answers(programme)
    assert differ(programme, before, of_views), "the change is one that no report sees"
    assert answers(programme, placed_facts(programme)) == of_views


def test_the_tables_of_a_view_are_known(clickhouse: ClickHouse) -> None:
    """A view is cloned from the placing before if none of these has changed since."""
    reads = tables_of_views(clickhouse.reading)

    assert reads["v_reward_balances"] == {"rewards"}
    assert reads["v_statement_lines"] >= {"statements", "statement_changes", "events", "merges"}
    known = content_module._READ
    words = (
        "SELECT name, extractAll(as_select, '[A-Za-z0-9_]+') FROM system.tables "
        "WHERE database = currentDatabase() AND engine = 'View'"
    )
    tables = {name for (name,) in clickhouse.rows("SHOW TABLES")} - {*reads, *known}
    read = {name: tables & {*found} for name, found in clickhouse.rows(words)}
    unknown = {name: found for name, found in read.items() if found and name.startswith("v_")}
    assert unknown.keys() <= {"v_reconciliation", "v_touch_credits"}  # a migration; a column's name


def count_each_row_twice(clickhouse: ClickHouse, database: str, names: Iterable[str]) -> None:
    """Mark placed facts, so that a copy of them can be told from what is placed again."""
    for name in names:
        clickhouse.writing.command(f"INSERT INTO {database}.{name} SELECT * FROM {database}.{name}")


async def test_a_view_is_cloned_unless_one_of_its_tables_has_changed(
    programme: ClickHouse,
) -> None:
    """Change by change: each placing begins with the facts of the one before, all counted twice."""
    names = ("v_campaigns", "v_codes", "v_orders", "v_reward_balances")
    placer = Placer(programme.writing, lambda: AS_OF)

    def place() -> tuple[str, dict[str, int]]:
        assert placer.place()
        facts = placer.facts(programme.reading, 0)
        assert facts is not None
        return facts.database, {name: rows(facts.database, name) for name in names}

    def rows(database: str, name: str) -> int:
        return int(programme.rows(f"SELECT count() FROM {database}.{name}")[0][0])

    database, placed = place()
    assert all(placed.values())
    for change, placed_again in (
        (reverse, {"v_reward_balances"}),
        (register_otherwise, {"v_codes"}),
        (name_the_category_otherwise, {"v_campaigns"}),
        (pay_back, {"v_orders"}),
        (erase, {"v_orders"}),
    ):
        count_each_row_twice(programme, database, names)
        doubled = {name: rows(database, name) for name in names}
        await change(programme)
        other_database, after = place()

        assert other_database != database
        assert after == {
            name: placed[name] if name in placed_again else doubled[name] for name in names
        }, change.__name__
        database = other_database


async def test_a_view_whose_tables_changed_while_it_was_placed_is_not_cloned(
    programme: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    placer = Placer(programme.writing, lambda: AS_OF)
    place = Placing.place

    def changing(placing: Placing, *given: Any) -> PlacedFacts:
        found = place(placing, *given)
        programme.writing.command("DELETE FROM rewards WHERE reward_id = 'r1'")
        return found

    with monkeypatch.context() as changed:
        changed.setattr(Placing, "place", changing)
        assert placer.place()
    assert placer.place()
    found = placer.facts(programme.reading, 0)
    assert found is not None
    assert programme.rows(f"SELECT count() FROM {found.database}.v_reward_balances") == [(0,)]


@over_http
async def test_merged_parts_are_no_change_and_a_deletion_is_one(programme: ClickHouse) -> None:
    await come_late(programme)
    before = content_version(programme.reading)
    programme.writing.command("OPTIMIZE TABLE events FINAL")
    assert content_version(programme.reading) == before

    programme.writing.command("DELETE FROM events WHERE event_id = 'nobody'")
    assert content_version(programme.reading) != before


async def test_a_database_may_have_a_name_that_must_be_quoted(clickhouse: ClickHouse) -> None:
    writing = clickhouse.beside("my-shop")
    apply_ddl(writing)
    shop = replace(clickhouse, writing=writing, reading=clickhouse.connect("my-shop"))
    await load_programme(shop)
    placer = Placer(writing, lambda: AS_OF)
    placer.begin_turn(1)

    placer.place()

    placed = placer.facts(shop.reading, 0)
    assert placed is not None
    assert answers(shop, placed, [*FEW, ("funnel", WITHIN_DAYS)]) == answers(
        shop, None, [*FEW, ("funnel", WITHIN_DAYS)]
    )
    assert shop.rows(of_placed(DAILY, placed.quoted)) == shop.rows(DAILY)
