"""The warehouse's HTTP server: health, figures, positions, reports."""

import asyncio
import hmac
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Final

from clickhouse_connect.driver.client import Client
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from reftrail.reports.api import answered, routes
from reftrail.warehouse.metrics import Metrics
from reftrail.warehouse.openapi import description
from reftrail.warehouse.progress import Progress

_METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_SILENCE_SECONDS: Final = 10.0

_log = logging.getLogger(__name__)


class RequiresKey:
    """Answers 401 to whoever asks for /v1/... without one of the secret keys."""

    def __init__(self, app: Any, keys: Sequence[str]) -> None:
        self._app = app
        self._keys = [key.encode() for key in keys]

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        """ASGI."""
        if scope["type"] == "http" and scope["path"].startswith("/v1/"):
            headers = dict(scope["headers"])
            if not self._knows(headers.get(b"authorization", b"")):
                refusal = answered({"error": "send Authorization: Bearer SECRET_KEY"}, 401)
                refusal.headers["WWW-Authenticate"] = "Bearer"
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _knows(self, header: bytes) -> bool:
        scheme, _, given = header.partition(b" ")
        known = [hmac.compare_digest(given.strip(), key) for key in self._keys]
        return scheme.lower() == b"bearer" and any(known)


def application(
    client: Client, quick: Client, keys: Sequence[str], progress: Progress, metrics: Metrics
) -> RequiresKey:
    """The whole of what is answered.

    Both clients are for reading, and used for nothing else. One answers a question at a time: quick
    is for what must not wait for a report.
    """
    described = description()

    async def healthz(request: Request) -> Response:  # noqa: ARG001
        return PlainTextResponse("ok\n")

    async def readyz(request: Request) -> Response:  # noqa: ARG001
        if why := _why_not_ready(progress):
            return answered({"ready": False, "reason": why}, 503)
        await asyncio.to_thread(quick.command, "SELECT 1")
        return answered({"ready": True})

    async def figures(request: Request) -> Response:  # noqa: ARG001
        return PlainTextResponse(metrics.text(), media_type=_METRICS_TYPE)

    async def positions(request: Request) -> Response:  # noqa: ARG001
        found: dict[str, dict[str, int]] = {}
        for (topic, partition), position in sorted(progress.positions.items()):
            found.setdefault(topic, {})[str(partition)] = position
        return answered(found)

    async def openapi(request: Request) -> Response:  # noqa: ARG001
        return answered(described)

    app = Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", figures),
            Route("/v1/positions", positions),
            Route("/v1/openapi.json", openapi),
            *routes(client, quick, progress.as_of_text),
        ],
        exception_handlers={Exception: _unexpected},
    )
    return RequiresKey(app, keys)


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
