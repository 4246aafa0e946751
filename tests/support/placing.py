"""Facts that are placed in a test's ClickHouse."""

from functools import cache

from clickhouse_connect.driver.client import Client

from reftrail.reports.placed_facts import PlacedFacts
from reftrail.warehouse.placing.placer import Placer
from support.clickhouse import ClickHouse

AS_OF = "2026-01-31T12:00:00.000Z"


class Clock:
    """A clock that a test sets, in seconds."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def placed_facts(clickhouse: ClickHouse) -> PlacedFacts:
    """Facts of now: placed again only if tables have others."""
    placer = _placer(clickhouse.writing)
    placer.place()
    found = placer.facts(clickhouse.reading, 0)
    assert found is not None
    return found


@cache
def _placer(writing: Client) -> Placer:
    return Placer(writing, lambda: AS_OF)
