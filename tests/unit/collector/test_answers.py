"""Answers to requests that fail."""

import logging
from dataclasses import replace
from typing import Any

import httpx
import pytest
from support.collector import collector_without_kafka

from reftrail.collector import http
from reftrail.collector.interfaces import Backlog
from reftrail.collector.routes import application
from reftrail.collector.settings import CollectorSettings
from reftrail.contracts.links import Links


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
    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("inside")

    monkeypatch.setattr(http, "examine", fail)
    with caplog.at_level(logging.ERROR):
        answer = await client().post("/v1/events", json={"type": "view", "visitor_id": "v"})
    assert answer.status_code == 500
    assert "inside" not in answer.text
    assert answer.json()["instance"].removeprefix("urn:uuid:") in caplog.text
    assert "ZeroDivisionError: inside" in caplog.text


async def test_events_that_a_spool_has_no_room_for_are_counted() -> None:
    """The metric to alert on counts those that are refused before they are tried, too."""

    class Full:
        refusal = "Kafka is away, and the spool can't be written"
        is_away = True
        spooled = Backlog(0, 0, None)

    publisher: Any = Full()
    collector = replace(collector_without_kafka(), publisher=publisher)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(application(collector)),
        base_url="http://collector.example",
        headers={"authorization": "Bearer sk"},
    ) as sender:
        events = [{"type": "view", "visitor_id": "v"}] * 2
        answer = await sender.post("/v1/events", json={"events": events})
    assert answer.status_code == 503
    assert "the spool can't be written" in answer.text
    counted = collector.metrics.registry.get_sample_value("reftrail_collector_spool_refused_total")
    assert counted == 2


async def test_without_kafka_it_is_503() -> None:
    answer = await client().post("/v1/events", json={"type": "view", "visitor_id": "v"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "gzip,zstd", ""])
async def test_a_body_in_another_encoding_is_refused(encoding: str) -> None:
    answer = await client().post("/v1/events", content=b"x", headers={"content-encoding": encoding})
    assert answer.status_code == 415
    assert "gzip or zstd" in answer.json()["detail"]


async def test_without_a_landing_page_links_lead_nowhere() -> None:
    answer = await client().get("/r/AMY1")
    assert answer.status_code == 404
    assert "REFTRAIL_LANDING_URL" in answer.json()["detail"]


_PIXEL = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/124.0.0.0 Mobile Safari/537.36"
)
_GOOGLEBOT = f"{_PIXEL} (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


@pytest.mark.parametrize(
    ("method", "user_agent", "scheme"),
    [
        ("GET", _PIXEL, "intent"),
        ("GET", _GOOGLEBOT, "https"),
        ("HEAD", _PIXEL, "https"),
        ("HEAD", _GOOGLEBOT, "https"),
    ],
)
async def test_bots_and_head_are_led_to_the_web_and_not_into_an_app(
    monkeypatch: pytest.MonkeyPatch, method: str, user_agent: str, scheme: str
) -> None:
    app = Links(
        web="https://shop.example/", android="https://shop.example/app", android_app="com.shop"
    )
    monkeypatch.setattr(CollectorSettings, "links", property(lambda _: app))
    answer = await client().request(method, "/r/AMY1", headers={"user-agent": user_agent})
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(f"{scheme}://shop.example/app?ref=AMY1")


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
