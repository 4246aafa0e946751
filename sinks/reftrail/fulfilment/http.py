"""The HTTP server of fulfilment: health and figures."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from reftrail.contracts.record import Millis
from reftrail.fulfilment.metrics import SILENCE, Metrics

_METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


def application(metrics: Metrics) -> Starlette:
    """The whole of what is answered."""

    async def healthz(request: Request) -> Response:  # noqa: ARG001
        return PlainTextResponse("ok\n")

    async def readyz(request: Request) -> Response:  # noqa: ARG001
        if why := _why_not_ready(metrics.silence()):
            return JSONResponse({"ready": False, "reason": why}, 503)
        return JSONResponse({"ready": True})

    async def figures(request: Request) -> Response:  # noqa: ARG001
        return PlainTextResponse(metrics.text(), media_type=_METRICS_TYPE)

    return Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", figures),
        ]
    )


async def until_told_to_stop(serving: Coroutine[Any, Any, None]) -> None:
    """Serve until SIGTERM or SIGINT, or until the server fails."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    tasks = asyncio.create_task(serving), asyncio.create_task(stop.wait())
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    if tasks[0].done():
        tasks[0].result()
    tasks[0].cancel()
    await asyncio.wait(tasks[:1])


def _why_not_ready(silence: Millis | None) -> str | None:
    if silence is None:
        return "not connected to Kafka yet, or still reading what was reported before"
    if silence > SILENCE:
        return f"Kafka has not answered for {silence / 1000:.0f} s"
    return None
