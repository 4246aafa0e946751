"""HTTP server of the warehouse: reports, positions, and the endpoints for operators."""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from clickhouse_connect.driver.client import Client
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from reftrail.hosting.auth import ApiKeys, RequiresSecretKey
from reftrail.hosting.health import health_endpoints, ready_unless
from reftrail.hosting.openapi import with_description
from reftrail.hosting.routes import Endpoint, routes
from reftrail.reports.api import NO_KEY, ReportsApi, answered, explained
from reftrail.reports.api import endpoints as report_endpoints
from reftrail.warehouse.metrics import WarehouseMetrics
from reftrail.warehouse.progress import Progress

_SILENCE_SECONDS: Final = 10.0

_log = logging.getLogger(__name__)


def endpoints(
    client: Client, low_latency: Client, progress: Progress, metrics: WarehouseMetrics
) -> list[Endpoint]:
    """The table of the warehouse's routes; the clients are those of `application`."""

    async def readiness() -> Mapping[str, Any]:
        answer = ready_unless(_why_not_ready(progress))
        if answer["ready"]:
            await asyncio.to_thread(low_latency.command, "SELECT 1")
        return answer

    async def positions(_: Request) -> Response:
        found: dict[str, dict[str, int]] = {}
        for (topic, partition), position in sorted(progress.positions.items()):
            found.setdefault(topic, {})[str(partition)] = position
        return answered(found)

    own = [
        Endpoint(
            "GET",
            "/v1/positions",
            positions,
            "The next offset to load, by topic and partition.",
            errors=NO_KEY,
        ),
        *report_endpoints(ReportsApi(client, low_latency, progress.as_of_text)),
        *health_endpoints(readiness, metrics.text),
    ]
    return with_description("reftrail: warehouse", own, errors=NO_KEY)


def application(
    client: Client,
    low_latency: Client,
    keys: Sequence[str],
    progress: Progress,
    metrics: WarehouseMetrics,
) -> RequiresSecretKey:
    """The ASGI application.

    Both clients are for reading, and used for nothing else. One answers a question at a time:
    low_latency is for what must not wait for a report.
    """
    table = endpoints(client, low_latency, progress, metrics)
    app = Starlette(routes=routes(table, explained), exception_handlers={Exception: _unexpected})
    return RequiresSecretKey(app, ApiKeys.of(secret=keys))


def _why_not_ready(progress: Progress) -> str | None:
    if progress.answered_at is None:
        return "not connected to Kafka yet, or still finishing what a crash left open"
    silence = time.time() - progress.answered_at
    if silence > _SILENCE_SECONDS:
        return f"Kafka has not answered for {silence:.0f} s"
    return None


async def _unexpected(request: Request, error: Exception) -> Response:
    """Reports ask ClickHouse, which may refuse; loading has a connection of its own."""
    _log.exception("GET %s failed", request.url.path, exc_info=error)
    return answered({"error": "internal error; the warehouse's log says more"}, 500)
