"""Queries of analysts over the daily funnel, which is read in placed facts."""

from collections.abc import Iterator

import pytest
from clickhouse_connect.driver.client import Client
from support.clickhouse import ClickHouse
from support.placing import placed_facts
from support.programme import T0, click

from reftrail.contracts.record import DAY
from reftrail.contracts.topics import EVENTS
from reftrail.reports.analysts.sql_query import answer, of_placed
from reftrail.warehouse.clickhouse import connect_for_analysts


@pytest.fixture
def sql(clickhouse: ClickHouse) -> Iterator[Client]:
    client = connect_for_analysts(clickhouse.path, None)
    yield client
    client.close()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT day\nFROM v_funnel_daily", "SELECT day\nFROM p.v_funnel_daily AS v_funnel_daily"),
        ("FROM v_funnel_daily AS f\nJOIN v_codes", "FROM p.v_funnel_daily AS f\nJOIN v_codes"),
        ("JOIN v_funnel_daily USING (a)", "JOIN p.v_funnel_daily AS v_funnel_daily USING (a)"),
        ("SELECT 'FROM v_funnel_daily'", None),
        ("FROM other.v_funnel_daily", None),
        ("FROM v_funnel_daily.hers", None),
        ("FROM v_funnel_daily_of_hers", None),
        ("FROM v_visits AS v_funnel_daily", None),
        ("WITH v_funnel_daily AS\n(SELECT 1)\nSELECT * FROM v_funnel_daily", None),
    ],
)
def test_the_daily_funnel_alone_is_read_in_placed_facts(query: str, expected: str | None) -> None:
    assert of_placed(query, "p") == (expected or query)


async def test_the_daily_funnel_of_placed_facts_is_that_of_the_view(
    sql: Client, clickhouse: ClickHouse
) -> None:
    clicks = [click(f"v{n}", "AMY", event_time=T0 + n * DAY) for n in range(3)]
    await clickhouse.load(EVENTS, clicks)
    query = "SELECT day, v_funnel_daily.clicks, visitors_clicked FROM v_funnel_daily ORDER BY day"
    placed = placed_facts(clickhouse)
    of_view = answer(sql, query).rows
    assert len(of_view) == 3
    assert answer(sql, query, placed).rows == of_view

    await clickhouse.load(EVENTS, [click("late", "AMY", event_time=T0)])
    assert answer(sql, query, placed).rows == of_view, "placed facts aren't read"

    clickhouse.writing.command(f"DROP DATABASE {placed.database} SYNC")
    assert answer(sql, query, placed).rows == answer(sql, query).rows != of_view
