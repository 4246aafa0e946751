"""The host's pages: health, readiness, metrics."""

import asyncio
import time
from collections.abc import Mapping
from typing import Final, Protocol

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

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


def _why_not_ready(part: Answering) -> str | None:
    if part.answered_at is None:
        return "not connected yet"
    silence = time.monotonic() - part.answered_at
    return f"no answer for {silence:.0f} s" if silence > _SILENCE_SECONDS else None
