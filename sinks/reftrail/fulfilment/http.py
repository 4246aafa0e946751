"""The HTTP server of fulfilment: health and figures."""

import asyncio
import signal
import socket
from collections.abc import Coroutine
from typing import Any, Final

from granian.constants import Interfaces
from granian.server.embed import Server
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from reftrail.contracts.errors import ExpectedError
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


async def serve(app: Any, host: str, port: int, setting: str) -> None:
    """Answer until cancelled. Raises `ExpectedError` if the port, set by `setting`, is taken."""
    _check_free(host, port, setting)
    server = Server(app, address=host, port=port, interface=Interfaces.ASGI, log_enabled=False)
    try:
        await server.serve()
    except asyncio.CancelledError:
        await server.shutdown()  # type: ignore[no-untyped-call]
        raise


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


def _check_free(host: str, port: int, setting: str) -> None:
    """The server itself would share the port with another one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ExpectedError(
                f"cannot listen on {host}:{port}: {error.strerror}; set {setting} to a free port, "
                f"or stop what holds it"
            ) from error
