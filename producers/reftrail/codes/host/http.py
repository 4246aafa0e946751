"""HTTP server of the host of codes: the endpoints for operators."""

import time
from collections.abc import Mapping
from functools import partial
from typing import Any, Final, Protocol

from prometheus_client import CollectorRegistry, generate_latest
from starlette.applications import Starlette

from reftrail.hosting.health import health_endpoints
from reftrail.hosting.routes import Endpoint, routes, served

_SILENCE_SECONDS: Final = 10.0


class Answering(Protocol):
    """A part that depends on others, and notes when they last answered."""

    answered_at: float | None


def endpoints(parts: Mapping[str, Answering], registry: CollectorRegistry) -> list[Endpoint]:
    """The table of the host's routes; /readyz names the parts that aren't ready."""

    async def readiness() -> Mapping[str, Any]:
        reasons = {name: why for name, part in parts.items() if (why := _why_not_ready(part))}
        return {"ready": not reasons} | reasons

    return health_endpoints(readiness, partial(generate_latest, registry))


def application(parts: Mapping[str, Answering], registry: CollectorRegistry) -> Starlette:
    """The ASGI application."""
    return served(routes(endpoints(parts, registry)))


def _why_not_ready(part: Answering) -> str | None:
    if part.answered_at is None:
        return "not connected yet"
    silence = time.monotonic() - part.answered_at
    return f"no answer for {silence:.0f} s" if silence > _SILENCE_SECONDS else None
