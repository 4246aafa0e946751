"""How requests end that don't go well."""

import logging
from typing import Any

import httpx
import pytest
from support.collector import collector_without_kafka

from reftrail.code_lookup.known_codes import CodesReader
from reftrail.collector.routes import application


def client(**given: Any) -> httpx.AsyncClient:
    app = application(collector_without_kafka(**given))
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app, client=("10.0.0.1", 1234)),
        base_url="http://collector.example",
        headers={"authorization": "Bearer sk"},
    )


async def test_the_unexpected_has_an_id_and_no_details(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: Any) -> None:
        raise ZeroDivisionError("inside")

    monkeypatch.setattr(CodesReader, "know", fail)
    with caplog.at_level(logging.ERROR):
        answer = await client().post("/v1/events", json={"type": "view", "visitor_id": "v"})
    assert answer.status_code == 500
    assert "inside" not in answer.text
    assert answer.json()["id"] in caplog.text
    assert "ZeroDivisionError: inside" in caplog.text


async def test_without_kafka_it_is_503() -> None:
    answer = await client().post("/v1/events", json={"type": "view", "visitor_id": "v"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


async def test_an_encoded_body_is_refused() -> None:
    answer = await client().post("/v1/events", content=b"x", headers={"content-encoding": "gzip"})
    assert answer.status_code == 415


async def test_without_a_landing_page_links_lead_nowhere() -> None:
    answer = await client().get("/r/AMY1")
    assert answer.status_code == 404
    assert "REFTRAIL_LANDING_URL" in answer.json()["error"]


async def test_pages_of_configured_origins_may_send() -> None:
    ask = {
        "origin": "https://shop.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
    }
    allowed = await client(cors_origins="https://shop.example").options("/v1/events", headers=ask)
    assert allowed.headers["access-control-allow-origin"] == "https://shop.example"
    closed = await client().options("/v1/events", headers=ask)
    assert "access-control-allow-origin" not in closed.headers


async def test_the_cookie_can_be_for_the_whole_domain_and_is_secure_over_https() -> None:
    proxied = client(
        landing_url="https://shop.example/",
        cookie_domain="shop.example",
        trusted_proxies="10.0.0.0/8",
    )
    proxied.headers["user-agent"] = "Googlebot/2.1"
    answer = await proxied.get("/r/AMY1", headers={"x-forwarded-proto": "https"})
    cookie = answer.headers["set-cookie"].lower()
    assert "domain=shop.example" in cookie
    assert "secure" in cookie
