"""Views by a picture."""

from uuid import uuid4

import httpx
import pytest
from support import local_http
from support.authorizing import stored
from support.edge import RunningEdge

BROWSER = {"user-agent": "Mozilla/5.0 Firefox/140.0"}


def loaded(
    edge: RunningEdge,
    query: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    return local_http.get(
        f"{edge.url}/v1/pixel.gif",
        params={"key": "pk"} | (query or {}),
        headers=BROWSER | (headers or {}),
    )


def test_a_picture_counts_a_view_of_its_code(edge: RunningEdge) -> None:
    first, event_id = len(edge.written.messages), str(uuid4())
    answer = loaded(
        edge, {"visitor_id": "v9", "code": "AMY", "event_id": event_id, "channel": "mail"}
    )
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/gif")
    assert answer.content.startswith(b"GIF89a")
    assert answer.headers["cache-control"] == "no-store"
    (view,) = edge.written.events(first)
    assert view.__struct_config__.tag == "view"
    assert (view.visitor_id, view.code, view.event_id) == ("v9", "AMY", event_id)
    assert (view.channel, view.key_kind, view.is_bot) == ("mail", "publishable", False)


def test_the_visitor_is_the_cookies(edge: RunningEdge) -> None:
    first = len(edge.written.messages)
    cookie = loaded(edge).cookies["reftrail_visitor"]
    loaded(edge, headers={"cookie": f"reftrail_visitor={cookie}"})
    assert [view.visitor_id for view in edge.written.events(first)] == [cookie, cookie]


def test_who_only_asks_for_the_head_sees_nothing(edge: RunningEdge) -> None:
    first = len(edge.written.messages)
    answer = httpx.head(f"{edge.url}/v1/pixel.gif", params={"key": "pk"}, headers=BROWSER)
    assert (answer.status_code, answer.content) == (200, b"")
    assert edge.written.events(first) == []


def test_a_prefetched_picture_and_a_bot_count_for_nothing(edge: RunningEdge) -> None:
    first = len(edge.written.messages)
    loaded(edge, headers={"sec-purpose": "prefetch"})
    loaded(edge, headers={"user-agent": "Googlebot/2.1"})
    assert [view.is_bot for view in edge.written.events(first)] == [True, True]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"type": "click"}, None),
        ({"user_id": "uma"}, None),
        ({"event_time": "2025-01-01T00:00:00Z"}, None),
        ({"code": "a:b"}, "/code"),
        ({"visitor_id": "v" * 129}, "/visitor_id"),
        ({"event_id": "1"}, "/event_id"),
    ],
)
def test_it_says_nothing_else(
    edge: RunningEdge, query: dict[str, str], pointer: str | None
) -> None:
    first = len(edge.written.messages)
    answer = loaded(edge, query)
    assert (answer.status_code, answer.json().get("pointer")) == (422, pointer)
    assert edge.written.events(first) == []


@pytest.mark.parametrize("key", ["", "other", "sk"])
def test_it_needs_a_publishable_key(edge: RunningEdge, key: str) -> None:
    assert loaded(edge, {"key": key}).status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"referer": "https://shop.example/teapot"}, 200),
        ({"referer": "https://other.example/"}, 403),
        ({"referer": "https://shop.example.other.example/"}, 403),
        ({"referer": "https://["}, 403),
        ({}, 403),
        ({"origin": "https://other.example", "referer": "https://shop.example/"}, 403),
    ],
)
def test_a_key_with_origins_is_for_their_pages(
    edge: RunningEdge, headers: dict[str, str], status: int
) -> None:
    edge.collector.authorization.keys.take(
        stored("pixel", "pk_pixel", "publishable", origins=["https://shop.example"])
    )
    assert loaded(edge, {"key": "pk_pixel"}, headers).status_code == status
