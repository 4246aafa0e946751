"""Loads of events into a warehouse that may be started again, and what is stored then."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from reftrail.contracts.codec import encode
from reftrail.contracts.events import Click, Event
from reftrail.contracts.record import DAY
from reftrail.contracts.topics import EVENTS
from reftrail.warehouse.ledger import Ledger
from reftrail.warehouse.loader import Loader, Work
from reftrail.warehouse.metrics import WarehouseMetrics
from support.clickhouse import ClickHouse, nowhere, part_of

T0: Final = 1_790_000_000_000
MONTH: Final = 31 * DAY


def click(
    event_id: str,
    code: str = "A",
    at: int = T0,
    received_at: int = T0,
    key_kind: str | None = None,
) -> Click:
    return Click(
        event_id=event_id,
        event_time=at,
        received_at=received_at,
        visitor_id="v",
        code=code,
        key_kind=key_kind,
    )


class Warehouse:
    """A warehouse that is started again whenever one is made; loads follow each other."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.ledger = Ledger(client)
        self.loader = Loader(client, self.ledger, nowhere, WarehouseMetrics())

    def load(self, *parts: Sequence[bytes | None]) -> None:
        asyncio.run(self.loader.load([self.next_work(*parts)]))

    def next_work(self, *parts: Sequence[bytes | None]) -> Work:
        positions = self.ledger.positions()
        begins = [
            at.offset if (at := positions.get((EVENTS.name, n))) else 0 for n in range(len(parts))
        ]
        placed = (
            part_of(values, begin, number)
            for number, (values, begin) in enumerate(zip(parts, begins, strict=True))
        )
        return Work(EVENTS, tuple(placed))


def values(*events: Event) -> list[bytes | None]:
    return [encode(event) for event in events]


def restart(client: Any, work: Work) -> None:
    """A new process: it finishes what is open, or takes what was not claimed."""
    again = Warehouse(client)
    position = again.ledger.positions().get((EVENTS.name, 0))
    if again.ledger.unfinished():
        asyncio.run(again.loader.recover(work))
    elif position is None or position.offset < work.parts[0].chunk.end:
        asyncio.run(again.loader.load([work]))


def stored(clickhouse: ClickHouse) -> list[tuple[Any, ...]]:
    return clickhouse.rows("SELECT event_id, code FROM events ORDER BY event_id, code")


def duplicates(clickhouse: ClickHouse) -> list[tuple[Any, ...]]:
    return clickhouse.rows("SELECT event_id, code FROM duplicate_events ORDER BY event_id, code")


def by_hour(clickhouse: ClickHouse, source: str) -> list[tuple[Any, ...]]:
    return clickhouse.rows(
        "SELECT campaign_id, toStartOfHour(event_time) AS hour, code, utm_source, type, count() "
        f"FROM {source} GROUP BY ALL ORDER BY ALL"
    )


def check_rollup(clickhouse: ClickHouse) -> None:
    """The rollup that ClickHouse reads has what the rows add up to."""
    plain = clickhouse.rows(
        "SELECT campaign_id, toStartOfHour(event_time) AS hour, code, utm_source, type, count() "
        "FROM events GROUP BY ALL ORDER BY ALL SETTINGS optimize_use_projections = 0"
    )
    assert by_hour(clickhouse, "events") == plain
