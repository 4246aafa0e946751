"""The host's pages: health, readiness, metrics."""

import asyncio
import socket
import time
from collections.abc import Mapping
from typing import Final, Protocol

from granian.constants import Interfaces
from granian.server.embed import Server
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from reftrail.contracts.errors import ExpectedError

_SILENCE_SECONDS: Final = 10.0


class Answering(Protocol):
    """Something that depends on others, and notes when they last answered."""

    answered_at: float | None


def application(parts: Mapping[str, Answering], registry: CollectorRegistry) -> Starlette:
    """All that is answered. parts by their names, as they are told of while they aren't ready."""

    async def healthz(request: Request) -> Response:  # noqa: ARG001
        return PlainTextResponse("ok\n")

    async def readyz(request: Request) -> Response:  # noqa: ARG001
        reasons = {name: why for name, part in parts.items() if (why := _why_not_ready(part))}
        return JSONResponse({"ready": not reasons} | reasons, status_code=503 if reasons else 200)

    async def metrics(request: Request) -> Response:  # noqa: ARG001
        text = await asyncio.to_thread(generate_latest, registry)
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    pages = (("/healthz", healthz), ("/readyz", readyz), ("/metrics", metrics))
    return Starlette(routes=[Route(path, page) for path, page in pages])


async def serve(app: Starlette, host: str, port: int) -> None:
    """Answer until cancelled. Raises `ExpectedError` if the port is taken."""
    _check_free(host, port)
    server = Server(app, address=host, port=port, interface=Interfaces.ASGI, log_enabled=False)
    try:
        await server.serve()
    except asyncio.CancelledError:
        await server.shutdown()  # type: ignore[no-untyped-call]
        raise


def _why_not_ready(part: Answering) -> str | None:
    if part.answered_at is None:
        return "not connected yet"
    silence = time.monotonic() - part.answered_at
    return f"no answer for {silence:.0f} s" if silence > _SILENCE_SECONDS else None


def _check_free(host: str, port: int) -> None:
    """The server itself would share the port with another one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ExpectedError(
                f"cannot listen on {host}:{port}: {error.strerror}; set REFTRAIL_CODES_PORT to a "
                f"free port, or stop what holds it"
            ) from error
