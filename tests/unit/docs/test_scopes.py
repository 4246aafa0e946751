"""Every route of every host that asks for a key lets in those keys alone that its row names."""

import re
from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import httpx
import pytest
from clickhouse_connect.driver.client import Client
from support.authorizing import authorizing, stored
from support.collector import collector_without_kafka
from support.dashboard import pages, parts, silent_reports

from reftrail.collector import routes as of_collector
from reftrail.contracts.api_keys import Scope
from reftrail.edge.authorization import Authorization
from reftrail.hosting.routes import OPEN, Access, Endpoint
from reftrail.reports.analysts.routes import Analysts
from reftrail.warehouse import http as of_warehouse
from reftrail.warehouse.definitions import VIEWS
from reftrail.warehouse.metrics import WarehouseMetrics
from reftrail.warehouse.progress import LoadedPositions

ANALYSTS = Analysts(Mock(Client), Mock(Client), VIEWS, None, lambda: None)


def collector() -> tuple[Any, Authorization]:
    made = collector_without_kafka(address_rate=1_000)
    return of_collector.application(made), made.authorization


def warehouse() -> tuple[Any, Authorization]:
    authorization, metrics = authorizing(), WarehouseMetrics()
    app = of_warehouse.application(
        Mock(Client),
        Mock(Client),
        authorization,
        LoadedPositions(),
        metrics,
        analysts=ANALYSTS,
        dashboard_parts=parts(),
    )
    return app, authorization


TABLES: dict[Callable[[], tuple[Any, Authorization]], list[Endpoint]] = {
    collector: of_collector.endpoints(collector_without_kafka()),
    warehouse: of_warehouse.endpoints(
        silent_reports(), LoadedPositions(), WarehouseMetrics(), ANALYSTS, pages()
    ),
}
CLOSED = [
    pytest.param(make, endpoint, id=f"{make.__name__} {endpoint.method} {endpoint.path}")
    for make, table in TABLES.items()
    for endpoint in table
    if not endpoint.access.is_open
]


@pytest.mark.parametrize(("make", "endpoint"), CLOSED)
async def test_a_key_needs_the_scopes_of_the_row(
    make: Callable[[], tuple[Any, Authorization]], endpoint: Endpoint
) -> None:
    app, authorization = make()
    needed = endpoint.access.scopes
    held = {
        "all-others": set(Scope) - set(needed),
        **{f"without-{scope[:4]}": set(Scope) - {scope} for scope in needed},
    }
    for name, scopes in held.items():
        authorization.keys.take(stored(name, f"sk_{name}", scopes=sorted(scopes)))
    authorization.keys.take(stored("page", "pk_page", "publishable"))
    authorization.keys.take(stored("exact", "sk_exact", scopes=sorted(needed)))
    path = re.sub(r"{\w+}", "x", endpoint.template)

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://host"
    ) as client:

        async def asked(key: str | None) -> httpx.Response:
            headers = {"authorization": f"Bearer {key}"} if key else {}
            return await client.request(endpoint.method, path, headers=headers)

        for key in (None, "sk_wrong", ""):
            answer = await asked(key)
            assert answer.status_code in (400, 401) if endpoint.access.in_body else 401
            assert answer.headers["content-type"] == "application/problem+json"
        for name in held:
            answer = await asked(f"sk_{name}")
            assert answer.status_code == 403
            assert "lacks the scope" in answer.json()["detail"]
        assert ((await asked("pk_page")).status_code == 403) != endpoint.access.publishable
        assert (await asked("sk_exact")).status_code not in (401, 403)


def test_a_route_can_t_be_made_without_saying_who_may_use_it() -> None:
    with pytest.raises(TypeError):
        Endpoint("GET", "/v1/x", Mock(), "A route.")  # type: ignore[call-arg]
    for wrong in ({}, {"publishable": True}, {"is_open": True, "scopes": (Scope.USERS_READ,)}):
        with pytest.raises(ValueError, match="names the scopes"):
            Access(**wrong)


def test_these_routes_are_open() -> None:
    found = {
        endpoint.path for table in TABLES.values() for endpoint in table if endpoint.access == OPEN
    }
    signed = {f"/v1/connect/{name}" for name in ("stripe", "shopify", "woocommerce")}
    pages = {"/signin", "/signout", "/static/{file}"}
    sealed = {f"/u/{{token}}{rest}" for rest in ("", "/widget", "/qr/{code}")}
    tools = {"/r/{code}", "/healthz", "/readyz", "/metrics", "/v1/openapi.json"}
    of_phones = {"/.well-known/apple-app-site-association", "/.well-known/assetlinks.json"}
    assert found == tools | signed | pages | sealed | of_phones
