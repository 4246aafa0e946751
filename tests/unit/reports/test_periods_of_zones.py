"""Hours, days, weeks and months of time zones in which clocks change, as ClickHouse names them."""

import asyncio
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from support.clickhouse import ClickHouse
from support.placing import placed_facts
from support.programme import click

from reftrail.contracts.topics import EVENTS
from reftrail.reports.catalogue import ask, find
from reftrail.reports.periods import Granularity, names_between
from reftrail.reports.placed_facts import PlacedFacts
from reftrail.reports.questions import question

MINUTES: Final = [
    datetime.fromisoformat(f"{day}T00:00Z") + timedelta(minutes=10 * nth)
    for day in ("2026-03-08", "2026-03-29", "2026-04-04", "2026-10-03", "2026-10-25")
    for nth in range(144)
]
"""Times on days on which clocks change somewhere, with a click at each."""


@pytest.fixture(scope="module")
def clicked(shared_clickhouse: ClickHouse) -> ClickHouse:
    times = [int(at.timestamp() * 1000) for at in MINUTES]
    clicks = [click(f"v{at}", "AMY", event_time=at) for at in times]
    asyncio.run(shared_clickhouse.load(EVENTS, clicks))
    return shared_clickhouse


def check(clicked: ClickHouse, unit: Granularity, zone: str, placed: PlacedFacts | None) -> None:
    """Every click is in a period that has a name."""
    wanted = question(["all"], None, None, time_zone=zone, granularity=unit)
    rows = ask(clicked.reading, find("funnel"), wanted, None, placed).rows
    assert sum(row["clicks"] for row in rows) == len(MINUTES)
    names = names_between(unit, min(MINUTES), max(MINUTES), ZoneInfo(zone))
    assert [row[unit] for row in rows] == names


@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "Asia/Kathmandu", "America/St_Johns", "Australia/Lord_Howe"]
)
@pytest.mark.parametrize("unit", Granularity)
def test_the_warehouse_names_periods_alike(
    clicked: ClickHouse, zone: str, unit: Granularity
) -> None:
    check(clicked, unit, zone, placed_facts(clicked))


@pytest.mark.parametrize("unit", Granularity)
def test_views_name_them_so_too_where_clocks_change_by_half_an_hour(
    clicked: ClickHouse, unit: Granularity
) -> None:
    check(clicked, unit, "Australia/Lord_Howe", None)
