"""Deferred deep links as a phone asks for them: a followed link, and the app's request after it."""

from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx

from reftrail.edge.devices import Device
from support.edge import RunningEdge

PIXEL = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148"
LAPTOP = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36"
ANDROID: dict[str, Any] = {"os": "android", "device": "phone"}
PHONE = Device("android", "phone")
PROXIES = {"trusted_proxies": "127.0.0.1"}


def follow(edge: RunningEdge, code: str, ip: str, user_agent: str = PIXEL) -> dict[str, str]:
    """The parameters with which a followed link leads on; of the store's page, its referrer."""
    headers = {"user-agent": user_agent, "x-forwarded-for": ip}
    location = edge.nobody.get(f"/r/{code}", headers=headers).headers["location"]
    found = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
    return {"referrer": found["referrer"]} if "referrer" in found else found


def ask(
    edge: RunningEdge, ip: str, visitor: str | None = None, /, key: str = "pk", **body: Any
) -> httpx.Response:
    headers = {"x-forwarded-for": ip, "authorization": f"Bearer {key}", "user-agent": "okhttp/4.12"}
    asked = {"visitor_id": visitor or str(uuid4())} | body
    return edge.nobody.post("/v1/match", headers=headers, json=asked)


def answer(*args: Any, **body: Any) -> dict[str, Any]:
    found = ask(*args, **body)
    assert found.status_code == 200, found.text
    parsed: dict[str, Any] = found.json()
    return parsed


def events_of(edge: RunningEdge, visitor: str) -> list[Any]:
    return [event for event in edge.written.events() if event.visitor_id == visitor]
