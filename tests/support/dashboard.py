"""A simulated programme behind the warehouse's HTTP server, with a dashboard."""

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import httpx
from clickhouse_connect.driver.client import Client
from starlette.applications import Starlette

from reftrail.contracts.topics import (
    ATTRIBUTIONS,
    CAMPAIGNS,
    CLAIMS,
    CODES,
    EVENTS,
    REWARD_GRANTED,
    REWARDS,
)
from reftrail.dashboard.dashboard import Dashboard, DashboardParts, SendReview
from reftrail.dashboard.routes import endpoints
from reftrail.dashboard.sealing import Seal
from reftrail.dashboard.sessions import Sessions
from reftrail.edge.authorization import Authorization
from reftrail.hosting.routes import Endpoint
from reftrail.reports.api import ReportsApi, reports_api
from reftrail.reports.placed_facts import NothingPlaced
from reftrail.simulator.simulation import Simulation
from reftrail.testing import MemoryHost
from reftrail.testing.times import FIRST_DAY
from reftrail.warehouse.dashboard_parts import review_sender
from reftrail.warehouse.http import application
from reftrail.warehouse.metrics import WarehouseMetrics
from reftrail.warehouse.placing.placer import Placer
from reftrail.warehouse.progress import LoadedPositions
from support.authorizing import authorizing, stored
from support.clickhouse import ClickHouse
from support.simulated import accepted

SECRET = "a secret of sessions, long enough for tests"
KEY = "sk_everything"
TABLES = (CAMPAIGNS, CODES, EVENTS, ATTRIBUTIONS, CLAIMS, REWARDS, REWARD_GRANTED)


def parts(**given: Any) -> DashboardParts:
    return DashboardParts(Sessions(SECRET, 3600), Seal(SECRET, "user link"), **given)


class Collector:
    """Takes decisions as the collector does, and keeps them with the key."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, dict[str, Any]]] = []
        self.rejected: list[dict[str, Any]] = []
        self.is_down = False

    def sender(self) -> SendReview:
        return review_sender("http://collector/", httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if self.is_down:
            raise httpx.ConnectError("refused")
        assert (request.method, request.url.path) == ("POST", "/v1/reviews")
        key = request.headers["authorization"].removeprefix("Bearer ")
        if key not in (KEY, "sk_reviewer"):
            return httpx.Response(403, json={"detail": "the key lacks the scope reviews:write"})
        if not self.rejected:
            self.taken.append((key, json.loads(request.content)))
        return httpx.Response(202, json={"accepted": 1, "rejected": self.rejected})


def silent_reports() -> ReportsApi:
    """Reports that answer nothing."""
    return reports_api(Mock(Client), Mock(Client), lambda: None, NothingPlaced())


def pages() -> list[Endpoint]:
    """The rows of the dashboard, which answer nothing."""
    return endpoints(Dashboard(silent_reports(), parts()), authorizing())


def dashboard_authorization() -> Authorization:
    """Knows sk_everything, which may do everything, and keys that may do what their name says."""
    authorization = authorizing(KEY)
    for name, scopes in {
        "reports": ["reports:read"],
        "people": ["reports:read", "users:read"],
        "reviewer": ["reports:read", "users:read", "reviews:write"],
    }.items():
        authorization.keys.take(stored(name, f"sk_{name}", scopes=scopes))
    authorization.keys.take(stored("page", "pk_page", "publishable"))
    return authorization


def dashboard_app(
    clickhouse: ClickHouse,
    given: DashboardParts | None = None,
    authorization: Authorization | None = None,
    placed: Placer | None = None,
) -> Starlette:
    """The warehouse's application, by default for the keys of `dashboard_authorization`."""
    progress = LoadedPositions()
    progress.observed(1_800_000_000.0, {})
    return application(
        clickhouse.reading,
        clickhouse.reading,
        authorization or dashboard_authorization(),
        progress,
        WarehouseMetrics(),
        dashboard_parts=given or parts(),
        placed=placed,
    )


async def load_programme(clickhouse: ClickHouse, seed: int = 7, events: int = 2_000) -> MemoryHost:
    """Decide a simulated programme, and load all of it."""
    simulation = Simulation(seed, events, FIRST_DAY)
    host = MemoryHost(partitions=3, batch=50, shuffle=random.Random(seed), wire=False)
    host.publish(CAMPAIGNS, *simulation.programme.campaigns.values())
    host.publish(CODES, *simulation.programme.codes.values())
    host.publish(EVENTS, *accepted(simulation))
    host.run()
    for topic in TABLES:
        await clickhouse.load(topic, host.log(topic))
    return host


@contextmanager
def engine(directory: Path) -> Iterator[ClickHouse]:
    """An engine with empty tables, for a process of its own."""
    opened = ClickHouse.opened(directory, None)
    yield opened
    opened.close()
