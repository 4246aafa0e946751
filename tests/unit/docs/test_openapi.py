"""Every host describes all /v1 routes that it serves, and nothing else, in OpenAPI 3.1."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import httpx
import pytest
from clickhouse_connect.driver.client import Client
from starlette.routing import Route
from support.collector import collector_without_kafka

from reftrail.codes.host import http as of_codes
from reftrail.codes.service.metrics import CodeMetrics
from reftrail.collector import http as of_collector
from reftrail.collector.submission import validate_all
from reftrail.fulfilment import http as of_fulfilment
from reftrail.fulfilment.metrics import Metrics as FulfilmentMetrics
from reftrail.reviews import judged
from reftrail.warehouse import http as of_warehouse
from reftrail.warehouse.metrics import Metrics as WarehouseMetrics
from reftrail.warehouse.progress import Progress

ROOT = Path(__file__).parents[3]
PARTNERS = "sinks/reftrail/fulfilment/partners/app.py"
"""Stands in for systems that are not reftrail's."""


def collector() -> Any:
    return of_collector.application(collector_without_kafka())


def warehouse() -> Any:
    return of_warehouse.application(
        Mock(Client), Mock(Client), ["sk"], Progress(), WarehouseMetrics()
    )


def codes() -> Any:
    return of_codes.application({}, CodeMetrics().registry)


def fulfilment() -> Any:
    return of_fulfilment.application(FulfilmentMetrics())


HOSTS: dict[str, Callable[[], Any]] = {
    "producers/reftrail/collector/http.py": collector,
    "producers/reftrail/codes/host/http.py": codes,
    "sinks/reftrail/fulfilment/http.py": fulfilment,
    "sinks/reftrail/warehouse/http.py": warehouse,
}


def served(app: Any) -> set[tuple[str, str]]:
    """Method and path of each route under /v1, a path's parameters without their types."""
    routes = getattr(app, "_app", app).routes
    assert all(type(route) is Route for route in routes)  # none that hides others within it
    return {
        (method, re.sub(r"{(\w+):\w+}", r"{\1}", route.path))
        for route in routes
        if route.path.startswith("/v1/")
        for method in route.methods - {"HEAD"}
    }


async def description_of(app: Any) -> dict[str, Any]:
    transport = httpx.ASGITransport(app)
    headers = {"authorization": "Bearer sk"}
    async with httpx.AsyncClient(transport=transport, base_url="http://host") as client:
        found: dict[str, Any] = (await client.get("/v1/openapi.json", headers=headers)).json()
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
        str(file.relative_to(ROOT)) for file in files if "Starlette(" in file.read_text()
    }
    assert with_routes == {*HOSTS, PARTNERS}


@pytest.mark.parametrize("host", [collector, warehouse])
async def test_all_routes_are_described(host: Callable[[], Any]) -> None:
    app = host()
    described = await description_of(app)
    assert described["openapi"].startswith("3.1")
    assert {
        (method.upper(), path) for path, one in described["paths"].items() for method in one
    } == served(app)
    schemas = described["components"]["schemas"]
    assert {one.rpartition("/")[2] for one in references(described)} <= schemas.keys()
    assert all(one.startswith("#/components/schemas/") for one in references(described))


@pytest.mark.parametrize("host", [codes, fulfilment])
def test_the_others_serve_no_such_routes(host: Callable[[], Any]) -> None:
    assert served(host()) == set()


async def test_bodies_are_described_as_they_are_taken() -> None:
    schemas = (await description_of(collector()))["components"]["schemas"]
    purchase = schemas["Purchase"]
    told = {name: purchase["properties"][name] for name in ("type", "amount", "event_time")}
    assert (told["type"]["const"], told["amount"]["type"]) == ("purchase", "string")
    assert told["event_time"]["anyOf"][0] == {"type": "string"}
    example = {
        "type": "purchase",
        "user_id": "u",
        "order_id": "1",
        "amount": "9",
        "currency": "EUR",
    }
    assert set(purchase["required"]) == example.keys()
    validate_all([example])
    review = {"code": "AMY", "user_id": "u", "decision": "approve", "reviewer": "ann"}
    assert set(schemas["Review"]["required"]) == review.keys()
    assert judged([review], 1)[1] == []


async def test_who_asks_without_a_key_is_told_in_the_description() -> None:
    described = await description_of(collector())
    reviews = described["paths"]["/v1/reviews"]["post"]
    assert described["security"] == [{"key": []}]
    assert "security" not in reviews
    assert described["paths"]["/v1/openapi.json"]["get"]["security"] == []
    assert {"202", "401", "403"} <= reviews["responses"].keys()
