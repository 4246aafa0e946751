"""HTTP server of the warehouse: reports, positions, and the endpoints for operators."""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from clickhouse_connect.driver.client import Client
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from reftrail.contracts.api_keys import Scope
from reftrail.edge.authorization import Authorization
from reftrail.edge.http_errors import RequestRefused, Unavailable, refused
from reftrail.edge.requests import end, let_go
from reftrail.hosting.health import health_endpoints, ready_unless
from reftrail.hosting.json_answer import json_answer
from reftrail.hosting.openapi import with_description
from reftrail.hosting.problems import problem
from reftrail.hosting.routes import Endpoint, Handler, needs, routes, served
from reftrail.reports.analysts.routes import Analysts
from reftrail.reports.analysts.routes import endpoints as analyst_endpoints
from reftrail.reports.api import ReportsApi, explained, reports_api
from reftrail.reports.placed_facts import NothingPlaced, Placed
from reftrail.reports.routes import BAD, NO_KEY
from reftrail.reports.routes import endpoints as report_endpoints
from reftrail.reports.turns import RETRY_AFTER
from reftrail.warehouse.metrics import WarehouseMetrics
from reftrail.warehouse.progress import LoadedPositions

if TYPE_CHECKING:
    from reftrail.dashboard.dashboard import Dashboard, DashboardParts

_SILENCE_SECONDS: Final = 10.0

_log = logging.getLogger(__name__)


def endpoints(
    api: ReportsApi,
    progress: LoadedPositions,
    metrics: WarehouseMetrics,
    analysts: Analysts | None = None,
    pages: Sequence[Endpoint] = (),
) -> list[Endpoint]:
    """The table of the warehouse's routes; pages are the dashboard's."""

    async def readiness() -> Mapping[str, Any]:
        answer = ready_unless(_why_not_ready(progress))
        if answer["ready"]:
            await asyncio.to_thread(api.low_latency.command, "SELECT 1")
        return answer

    async def positions(_: Request) -> Response:
        found: dict[str, dict[str, int]] = {}
        for (topic, partition), position in sorted(progress.positions.items()):
            found.setdefault(topic, {})[str(partition)] = position
        return json_answer(found)

    own = [
        Endpoint(
            "GET",
            "/v1/positions",
            positions,
            "The next offset to load, by topic and partition.",
            needs(Scope.REPORTS_READ),
            errors=NO_KEY,
        ),
        *report_endpoints(api),
        *(analyst_endpoints(analysts, BAD) if analysts else []),
        *pages,
        *health_endpoints(readiness, metrics.text),
    ]
    return with_description("reftrail: warehouse", own, needs(Scope.REPORTS_READ), errors=NO_KEY)


def application(  # noqa: PLR0913  (the parts that main has made)
    client: Client,
    low_latency: Client,
    authorization: Authorization,
    progress: LoadedPositions,
    metrics: WarehouseMetrics,
    *,
    analysts: Analysts | None = None,
    dashboard_parts: "DashboardParts | None" = None,
    placed: Placed | None = None,
) -> Starlette:
    """The ASGI application.

    Both clients are for reading, and used for nothing else. One answers a question at a time:
    low_latency is for what must not wait for a report. Without analysts there are no routes for
    their queries and exports, without dashboard_parts no pages, without placed reports read views.
    """
    api = reports_api(client, low_latency, progress.as_of_text, placed or NothingPlaced())
    dashboard, pages = _dashboard(api, dashboard_parts, authorization)
    table = endpoints(api, progress, metrics, analysts, pages)
    return served(routes(table, lambda route: _authorized(route, authorization, dashboard)))


def _dashboard(
    api: ReportsApi, parts: "DashboardParts | None", authorization: Authorization
) -> "tuple[Dashboard | None, list[Endpoint]]":
    """The dashboard and its pages, which are imported only where there is one."""
    if parts is None:
        return None, []
    from reftrail.dashboard.dashboard import Dashboard  # noqa: PLC0415
    from reftrail.dashboard.routes import endpoints as dashboard_endpoints  # noqa: PLC0415

    dashboard = Dashboard(api, parts)
    return dashboard, dashboard_endpoints(dashboard, authorization)


def _authorized(
    endpoint: Endpoint, authorization: Authorization, dashboard: "Dashboard | None"
) -> Handler:
    """A handler of those who are let in: by a key in the header, or by a session's."""
    handle = explained(endpoint)

    async def answer(request: Request) -> Response:
        try:
            response = await _answer(request)
            if dashboard is not None:
                response = await dashboard.for_browser(request, endpoint, response)
            await end(request, response)
        finally:
            let_go(request)
        return response

    async def _answer(request: Request) -> Response:
        try:
            key = dashboard.session_key(request, endpoint) if dashboard else None
            if key is None and dashboard is not None:
                dashboard.check_signed_in(request, endpoint)
            if key is None:
                authorization.admit(request, endpoint.access)
            elif not endpoint.access.is_open:
                authorization.admit_secret(request, key, endpoint.access)
            return await handle(request)
        except RequestRefused as error:
            return refused(error)
        except Unavailable as error:
            return refused(RequestRefused(503, str(error), retry_after=RETRY_AFTER))
        except ClientDisconnect:
            return problem(400, "the connection ended before the body did")

    return answer


def _why_not_ready(progress: LoadedPositions) -> str | None:
    if progress.standby_for is not None:
        return f"waits as a standby: {progress.standby_for} loads"
    if progress.answered_at is None:
        return "not connected to Kafka yet, or still finishing what a crash left open"
    silence = time.time() - progress.answered_at
    if silence > _SILENCE_SECONDS:
        return f"Kafka has not answered for {silence:.0f} s"
    return None
