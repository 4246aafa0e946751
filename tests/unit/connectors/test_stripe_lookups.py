"""Lookups at Stripe, of a server that answers as Stripe does."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from support.deliveries import SETTINGS, deliver, payloads
from support.edge import running_edge
from support.http_server import served

from reftrail.collector import connect
from reftrail.connectors import stripe
from reftrail.connectors.deliveries import Delivery
from reftrail.connectors.stripe_lookups import VERSION, LookupFailed, StripeLookups

GIVEN = payloads("stripe")
CHARGE = GIVEN["refunded_in_part"]["data"]["object"] | {"invoice": "in_2"}


@contextmanager
def answering(status: int, body: Any) -> Iterator[tuple[str, list[Request]]]:
    asked: list[Request] = []

    async def charge(request: Request) -> JSONResponse:
        asked.append(request)
        return JSONResponse(body, status)

    app = Starlette(routes=[Route("/v1/charges/{charge}", charge)])
    with served(lambda: app) as url:
        yield url, asked


def delivery(name: str, **changes: Any) -> Delivery:
    payload = GIVEN[name]
    found = payload["data"]["object"] | changes
    return Delivery(payload["type"], payload | {"data": {"object": found}})


async def test_a_dispute_is_about_the_order_of_its_charge() -> None:
    with answering(200, CHARGE) as (url, asked):
        found = await StripeLookups("rk_1", url).completed(delivery("dispute_opened"))
    (event,) = stripe.mapped(found).events
    assert (event["user_id"], event["order_id"]) == ("guest:in_2", "in_2")
    (request,) = asked
    assert request.path_params == {"charge": "ch_1"}
    assert request.headers["authorization"] == "Bearer rk_1"
    assert request.headers["stripe-version"] == VERSION


async def test_a_charge_that_names_no_invoice_is_looked_up() -> None:
    newer = delivery("refunded_in_part")
    charge = {k: v for k, v in newer.payload["data"]["object"].items() if k != "invoice"}
    payload = {**newer.payload, "data": {"object": charge}}
    with answering(200, CHARGE) as (url, _):
        found = await StripeLookups("rk_1", url).completed(Delivery(newer.topic, payload))
    assert stripe.mapped(found).events[-1]["order_id"] == "in_2"


async def test_nothing_is_looked_up_that_is_there() -> None:
    with answering(500, {}) as (url, asked):
        lookups = StripeLookups("rk_1", url)
        for name in ("refunded_in_part", "checkout_paid", "other"):
            assert await lookups.completed(delivery(name)) == delivery(name)
        assert await StripeLookups(None, url).completed(delivery("dispute_lost"))
    assert asked == []


@pytest.mark.parametrize(("status", "body"), [(401, {}), (500, {}), (200, [])])
async def test_what_stripe_does_not_say_is_to_be_asked_again(status: int, body: Any) -> None:
    with answering(status, body) as (url, _), pytest.raises(LookupFailed):
        await StripeLookups("rk_1", url).completed(delivery("dispute_opened"))


async def test_a_stripe_that_is_away_is_to_be_asked_again() -> None:
    with pytest.raises(LookupFailed, match="can't be reached"):
        await StripeLookups("rk_1", "http://127.0.0.1:9").completed(delivery("dispute_opened"))


@pytest.mark.parametrize(("status", "answered"), [(200, 200), (503, 503)])
def test_a_dispute_over_http(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, answered: int
) -> None:
    with answering(status, CHARGE) as (url, _):
        monkeypatch.setattr(connect, "StripeLookups", partial(StripeLookups, url=url))
        with running_edge(tmp_path, **SETTINGS, collector_stripe_api_key="rk_1") as edge:
            answer = deliver(edge.nobody, "stripe", GIVEN["dispute_lost"])
            events = edge.written.events()
    assert answer.status_code == answered
    if answered == 200:
        found: list[Any] = [*events]
        (lost,) = found
        assert (lost.user_id, lost.order_id, lost.dispute_id) == ("guest:in_2", "in_2", "du_1")
        assert lost.amount_micros == 24_900_000
    else:
        assert answer.headers["retry-after"]
        assert events == []
