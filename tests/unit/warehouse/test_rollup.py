"""The rollup by the hour, which is in the part of its rows: it has what the rows add up to."""

from support.clickhouse import ClickHouse, over_http
from support.event_loads import (
    MONTH,
    T0,
    Warehouse,
    by_hour,
    check_rollup,
    click,
    stored,
    values,
)

pytestmark = over_http


def test_erasing_events_reaches_the_rollup(clickhouse: ClickHouse) -> None:
    Warehouse(clickhouse.writing).load(values(click("e1"), click("e2", "B")))
    clickhouse.writing.command("SYSTEM START MERGES")

    clickhouse.writing.command("DELETE FROM events WHERE event_id = 'e1'")

    assert [row[2:] for row in by_hour(clickhouse, "events")] == [("B", None, "click", 1)]
    check_rollup(clickhouse)


def test_an_hour_s_counts_are_read_from_the_rollup(clickhouse: ClickHouse) -> None:
    Warehouse(clickhouse.writing).load(values(*(click(f"e{n}") for n in range(10))))

    plan = clickhouse.rows(
        "EXPLAIN SELECT campaign_id, toStartOfHour(event_time) AS hour, count() FROM events "
        "WHERE type = 'click' AND NOT is_bot GROUP BY campaign_id, hour"
    )

    assert any("ReadFromMergeTree (hourly)" in line for (line,) in plan)


def test_a_load_may_have_events_of_many_years(clickhouse: ClickHouse) -> None:
    """ClickHouse's default is 100 partitions an insert, and such a load would never go in."""
    events = [click(f"e{n}", at=T0 - n * MONTH) for n in range(110)]

    Warehouse(clickhouse.writing).load(values(*events))

    assert clickhouse.rows("SELECT count() FROM events") == [(110,)]


def test_a_view_s_counts_are_read_from_the_rollup(clickhouse: ClickHouse) -> None:
    Warehouse(clickhouse.writing).load(values(*(click(f"e{n}") for n in range(10))))
    question = (
        "SELECT sum(events) FROM v_events_hourly "
        "WHERE hour >= toDateTime64('2026-09-01 00:00:00', 3, 'UTC') AND code = 'A'"
    )

    plan = clickhouse.rows(f"EXPLAIN {question}")

    assert any("ReadFromMergeTree (hourly)" in line for (line,) in plan)
    assert clickhouse.rows(question) == [(10,)]


def test_retention_reaches_the_rollup(clickhouse: ClickHouse) -> None:
    Warehouse(clickhouse.writing).load(values(click("e1"), click("e2", "B", at=T0 + MONTH)))

    clickhouse.writing.command("ALTER TABLE events DROP PARTITION 202609")

    assert clickhouse.rows("SELECT code, events FROM v_events_hourly") == [("B", 1)]
    check_rollup(clickhouse)


def test_an_event_that_was_erased_and_comes_again_is_counted_once(clickhouse: ClickHouse) -> None:
    Warehouse(clickhouse.writing).load(values(click("e1"), click("e2")))
    clickhouse.writing.command("DELETE FROM events WHERE event_id = 'e1'")

    Warehouse(clickhouse.writing).load(values(click("e1", "AGAIN"), click("e2", "AGAIN")))

    assert stored(clickhouse) == [("e1", "AGAIN"), ("e2", "A")]
    check_rollup(clickhouse)
