"""The warehouse's HTTP interface in this process, for tests of what it answers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import httpx
from clickhouse_connect.driver.client import Client

from reftrail.warehouse.http import application
from reftrail.warehouse.metrics import WarehouseMetrics
from reftrail.warehouse.progress import LoadedPositions
from support.authorizing import authorizing
from support.clickhouse import ClickHouse

WITH_KEY: Final = {"authorization": "Bearer sk"}


@asynccontextmanager
async def reports_http(
    clickhouse: ClickHouse, low_latency: Client | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a key. low_latency: another connection, for what must not wait."""
    reading = clickhouse.reading
    app = application(
        reading, low_latency or reading, authorizing("sk"), LoadedPositions(), WarehouseMetrics()
    )
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://reports") as client:
        yield client
