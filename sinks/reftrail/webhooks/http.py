"""HTTP server of webhooks: the endpoints for operators."""

from collections.abc import Mapping
from typing import Any

from starlette.applications import Starlette

from reftrail.hosting.health import health_endpoints, ready_unless
from reftrail.hosting.routes import Endpoint, routes, served
from reftrail.webhooks.metrics import WebhooksMetrics


def endpoints(metrics: WebhooksMetrics) -> list[Endpoint]:
    """The table of the host's routes."""

    async def readiness() -> Mapping[str, Any]:
        if not metrics.is_begun:
            return ready_unless("the store of webhooks wasn't read yet")
        away = [f"{webhook_id}: {said}" for webhook_id, said in sorted(metrics.away.copy().items())]
        return ready_unless(f"logs can't be read: {'; '.join(away)}" if away else None)

    return health_endpoints(readiness, metrics.text)


def application(metrics: WebhooksMetrics) -> Starlette:
    """The ASGI application."""
    return served(routes(endpoints(metrics)))
