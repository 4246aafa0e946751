"""Every host serves and describes the routes of its table, and nothing else."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, Mock

import faust
import httpx
import pytest
from clickhouse_connect.driver.client import Client
from starlette.routing import Route
from support.authorizing import authorizing
from support.collector import collector_without_kafka
from support.dashboard import pages, parts, silent_reports

from reftrail.codes.host import http as of_codes
from reftrail.codes.service.metrics import CodeMetrics
from reftrail.collector import routes as of_collector
from reftrail.collector.submission import validate_all
from reftrail.engine import worker as of_worker
from reftrail.fulfilment import http as of_fulfilment
from reftrail.fulfilment.metrics import FulfilmentMetrics
from reftrail.hosting.health import health_endpoints
from reftrail.hosting.openapi import document
from reftrail.hosting.routes import Endpoint
from reftrail.reports.analysts.routes import Analysts
from reftrail.reviews import judged
from reftrail.warehouse import http as of_warehouse
from reftrail.warehouse.definitions import VIEWS
from reftrail.warehouse.metrics import WarehouseMetrics
from reftrail.warehouse.progress import LoadedPositions
from reftrail.webhooks import http as of_webhooks
from reftrail.webhooks.metrics import WebhooksMetrics

ANALYSTS = Analysts(Mock(Client), Mock(Client), VIEWS, None, lambda: None)
ROOT = Path(__file__).parents[3]
PARTNERS = "sinks/reftrail/fulfilment/partners/app.py"
"""Stands in for systems that are not reftrail's."""


def collector() -> Any:
    return of_collector.application(collector_without_kafka())


def warehouse() -> Any:
    return of_warehouse.application(
        Mock(Client),
        Mock(Client),
        authorizing("sk"),
        LoadedPositions(),
        WarehouseMetrics(),
        analysts=ANALYSTS,
        dashboard_parts=parts(),
    )


def codes() -> Any:
    return of_codes.application({}, CodeMetrics().registry)


def fulfilment() -> Any:
    return of_fulfilment.application(FulfilmentMetrics())


def worker() -> list[Endpoint]:
    """The worker serves these by Faust's web server."""
    return health_endpoints(AsyncMock(return_value={"ready": True}), lambda: b"")


@dataclass(frozen=True)
class Host:
    app: Callable[[], Any]
    table: Callable[[], list[Endpoint]]


HOSTS = {
    "producers/reftrail/collector/routes.py": Host(
        collector, lambda: of_collector.endpoints(collector_without_kafka())
    ),
    "producers/reftrail/codes/host/http.py": Host(
        codes, lambda: of_codes.endpoints({}, CodeMetrics().registry)
    ),
    "sinks/reftrail/fulfilment/http.py": Host(
        fulfilment, lambda: of_fulfilment.endpoints(FulfilmentMetrics())
    ),
    "sinks/reftrail/webhooks/http.py": Host(
        lambda: of_webhooks.application(WebhooksMetrics()),
        lambda: of_webhooks.endpoints(WebhooksMetrics()),
    ),
    "sinks/reftrail/warehouse/http.py": Host(
        warehouse,
        lambda: of_warehouse.endpoints(
            silent_reports(), LoadedPositions(), WarehouseMetrics(), ANALYSTS, pages()
        ),
    ),
}
WITH_DESCRIPTION = [collector, warehouse]
EVERY_ENDPOINT = [
    pytest.param(host, endpoint, id=f"{name.split('/')[2]} {endpoint.method} {endpoint.path}")
    for name, host in HOSTS.items()
    for endpoint in host.table()
]
FOR_OPERATORS = {("GET", path) for path in ("/healthz", "/readyz", "/metrics")}


def client_of(app: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://host")


def served(app: Any) -> set[tuple[str, str]]:
    """Method and path of each route, a path's parameters without their types."""
    routes = getattr(app, "_app", app).routes
    assert all(type(route) is Route for route in routes)  # none that hides others within it
    return {
        (method, re.sub(r"{(\w+):\w+}", r"{\1}", route.path))
        for route in routes
        for method in route.methods - {"HEAD"}
    }


async def description_of(app: Any) -> dict[str, Any]:
    async with client_of(app) as client:
        answer = await client.get("/v1/openapi.json", headers={"authorization": "Bearer sk"})
    found: dict[str, Any] = answer.json()
    return found


def references(within: Any) -> Iterator[str]:
    match within:
        case {"$ref": str(reference)}:
            yield reference
        case dict():
            for value in within.values():
                yield from references(value)
        case list():
            for value in within:
                yield from references(value)


def test_these_are_all_hosts_with_routes() -> None:
    roots = ("producers", "stream_processors", "sinks", "infra")
    files = [file for root in roots for file in (ROOT / root).rglob("*.py")]
    with_routes = {
        str(file.relative_to(ROOT))
        for file in files
        if re.search(r"\b(Starlette|served)\(", file.read_text())
    }
    assert with_routes == {*HOSTS, PARTNERS, "infra/reftrail/hosting/routes.py"}


@pytest.mark.parametrize("host", WITH_DESCRIPTION)
async def test_all_routes_are_described(host: Callable[[], Any]) -> None:
    app = host()
    described = await description_of(app)
    assert described["openapi"].startswith("3.1")
    assert {
        (method.upper(), path) for path, methods in described["paths"].items() for method in methods
    } == served(app)
    schemas = described["components"]["schemas"]
    assert {reference.rpartition("/")[2] for reference in references(described)} <= schemas.keys()
    assert all(reference.startswith("#/components/schemas/") for reference in references(described))


@pytest.mark.parametrize("name", HOSTS)
def test_a_host_serves_its_table_and_nothing_else(name: str) -> None:
    table = HOSTS[name].table()
    assert served(HOSTS[name].app()) == {(endpoint.method, endpoint.template) for endpoint in table}
    assert {(endpoint.method, endpoint.path) for endpoint in table} >= FOR_OPERATORS
    assert len({(endpoint.method, endpoint.template) for endpoint in table}) == len(table)


@pytest.mark.parametrize("name", HOSTS)
async def test_a_host_describes_its_table(name: str) -> None:
    table = HOSTS[name].table()
    described = document("a host", table)["paths"]
    for endpoint in table:
        operation = described[endpoint.template][endpoint.method.lower()]
        assert operation["summary"] == endpoint.summary
        assert {str(endpoint.status), *map(str, endpoint.errors)} == operation["responses"].keys()
        assert (operation.get("security") == []) == endpoint.access.is_open


@pytest.mark.parametrize(("host", "endpoint"), EVERY_ENDPOINT)
async def test_each_route_answers_and_asks_for_a_key_as_its_row_says(
    host: Host, endpoint: Endpoint
) -> None:
    path = re.sub(r"{\w+}", "x", endpoint.template)
    async with client_of(host.app()) as client:
        answer = await client.request(endpoint.method, path)
    assert (answer.status_code == 401) != endpoint.access.is_open
    assert answer.status_code in {endpoint.status, *endpoint.errors}


async def test_the_worker_answers_operators_like_the_others() -> None:
    worker_app = faust.App("answers", broker="memory://", web_in_thread=False)
    for endpoint in worker():
        worker_app.page(endpoint.path)(of_worker.page_of(endpoint))
    web = worker_app.web
    for endpoint in worker():
        view = web.views[endpoint.path]
        answer = await view.get(Mock())
        assert answer.status == 200, endpoint.path


async def test_bodies_are_described_as_they_are_taken() -> None:
    schemas = (await description_of(collector()))["components"]["schemas"]
    purchase = schemas["Purchase"]
    actual = {name: purchase["properties"][name] for name in ("type", "amount", "event_time")}
    assert (actual["type"]["const"], actual["amount"]["type"]) == ("purchase", "string")
    assert actual["event_time"]["anyOf"][0] == {"type": "string"}
    example = {
        "type": "purchase",
        "user_id": "u",
        "order_id": "1",
        "amount": "9",
        "currency": "EUR",
    }
    assert set(purchase["required"]) == example.keys()
    validate_all([example])
    review = {"code": "AMY", "user_id": "u", "decision": "approve"}
    assert set(schemas["Review"]["required"]) == review.keys()
    assert judged([review], 1, "desk")[1] == []


async def test_a_body_is_needed_where_each_of_its_models_needs_a_field() -> None:
    paths = (await description_of(collector()))["paths"]
    needed = {
        path
        for path in ("/v1/events", "/v1/match", "/v1/codes/{code}/revoke")
        if paths[path]["post"]["requestBody"].get("required")
    }
    assert needed == {"/v1/events", "/v1/match"}


async def test_who_asks_without_a_key_is_told_in_the_description() -> None:
    described = await description_of(collector())
    reviews = described["paths"]["/v1/reviews"]["post"]
    assert described["security"] == [{"key": []}]
    assert reviews["security"] == [{"key": ["reviews:write"]}]
    events = described["paths"]["/v1/events"]["post"]
    assert events["security"] == [{"key": ["events:write"]}, {"publishable": []}]
    assert described["paths"]["/v1/openapi.json"]["get"]["security"] == []
    assert {"202", "401", "403"} <= reviews["responses"].keys()


@pytest.mark.parametrize("host", WITH_DESCRIPTION)
async def test_patterns_are_ecma_s(host: Callable[[], Any]) -> None:
    """Unicode's properties are an error without the flag that JSON Schema doesn't ask for."""
    patterns = [
        found
        for found in re.findall(
            r'"pattern": "(.*?[^\\])"', json.dumps(await description_of(host()))
        )
        if r"\\p" in found
    ]
    assert patterns == []
