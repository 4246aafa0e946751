"""Endpoints for operators: liveness, readiness and metrics, the same in every host."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from reftrail.hosting.routes import OPEN, Endpoint

Readiness: TypeAlias = Callable[[], Awaitable[Mapping[str, Any]]]
"""Gives the answer of /readyz: `ready`, and what else an operator should know."""

_NOT_READY: Final = {503: "It is not ready; the answer says why."}


def ready_unless(reason: str | None) -> Mapping[str, Any]:
    """An answer of /readyz: ready, or not for a reason."""
    return {"ready": True} if reason is None else {"ready": False, "reason": reason}


def health_endpoints(readiness: Readiness, exposition: Callable[[], bytes]) -> list[Endpoint]:
    """The rows of a host's table for operators; exposition gives the metrics, from a thread."""

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(_: Request) -> Response:
        answer = await readiness()
        return JSONResponse(answer, 200 if answer["ready"] else 503)

    async def metrics(_: Request) -> Response:
        text = await asyncio.to_thread(exposition)
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    return [
        Endpoint("GET", "/healthz", healthz, "Whether the process runs.", OPEN),
        Endpoint(
            "GET",
            "/readyz",
            readyz,
            "Whether the host does its work now.",
            OPEN,
            errors=_NOT_READY,
        ),
        Endpoint(
            "GET",
            "/metrics",
            metrics,
            "Metrics for Prometheus.",
            OPEN,
            answers=("text/plain",),
        ),
    ]
