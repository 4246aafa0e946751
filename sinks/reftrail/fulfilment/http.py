"""HTTP server of fulfilment: the endpoints for operators."""

from collections.abc import Mapping
from typing import Any

from starlette.applications import Starlette

from reftrail.contracts.record import Millis
from reftrail.fulfilment.metrics import SILENCE, FulfilmentMetrics
from reftrail.hosting.health import health_endpoints, ready_unless
from reftrail.hosting.routes import Endpoint, routes, served


def endpoints(metrics: FulfilmentMetrics) -> list[Endpoint]:
    """The table of the host's routes."""

    async def readiness() -> Mapping[str, Any]:
        return ready_unless(_why_not_ready(metrics.silence()))

    return health_endpoints(readiness, metrics.text)


def application(metrics: FulfilmentMetrics) -> Starlette:
    """The ASGI application."""
    return served(routes(endpoints(metrics)))


def _why_not_ready(silence: Millis | None) -> str | None:
    if silence is None:
        return "not connected to Kafka yet, or still reading what was reported before"
    if silence > SILENCE:
        return f"Kafka has not answered for {silence / 1000:.0f} s"
    return None
