"""Who sent a request, whose key it bears, and where a link leads."""

import json
from ipaddress import ip_network
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from starlette.requests import Request
from support.collector import collector_without_kafka

from reftrail.collector.accept import Rejection
from reftrail.collector.bots import is_bot, is_prefetch
from reftrail.collector.errors import Refused
from reftrail.collector.http import application
from reftrail.collector.keys import KeyKind, keys
from reftrail.collector.metrics import Metrics
from reftrail.collector.pseudonyms import HashKey, network_of, parse_hash_key
from reftrail.collector.redirect import landing, visit
from reftrail.collector.requests import (
    EventBatch,
    client_address,
    is_https,
    read_events,
    read_items,
    user_agent_of,
)
from reftrail.collector.settings import CollectorSettings
from reftrail.contracts.errors import ExpectedError

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


def request(peer: str = "10.0.0.1", scheme: str = "http", **headers: str) -> Request:
    return Request(
        {
            "type": "http",
            "method": "GET",
            "scheme": scheme,
            "path": "/",
            "server": ("localhost", 80),
            "query_string": b"",
            "client": (peer, 1234),
            "headers": [
                (name.replace("_", "-").encode(), value.encode("latin-1"))
                for name, value in headers.items()
            ],
        }
    )


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.1", "", "203.0.113.1"),
        ("203.0.113.1", "198.51.100.1", "203.0.113.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("fd00::1", "2001:DB8::1", "2001:db8::1"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "nonsense, 10.0.0.3", "10.0.0.3"),
        ("", "198.51.100.1", None),
    ],
)
def test_only_trusted_proxies_say_who_came(peer: str, forwarded: str, address: str | None) -> None:
    assert client_address(request(peer, x_forwarded_for=forwarded), PROXIES) == address


def test_the_cookie_is_secure_where_the_visitors_connection_is() -> None:
    assert is_https(request("10.0.0.1", x_forwarded_proto="https"), PROXIES)
    assert not is_https(request("203.0.113.1", x_forwarded_proto="https"), PROXIES)
    assert is_https(request("203.0.113.1", scheme="https", x_forwarded_proto="http"), PROXIES)
    assert not is_https(request("10.0.0.1", scheme="https", x_forwarded_proto="http"), PROXIES)
    assert not is_https(request("testclient"), PROXIES)


def test_a_user_agent_is_bounded_text() -> None:
    assert user_agent_of(request(user_agent="x" * 5000)) == "x" * 1024
    assert user_agent_of(request(user_agent="Fire\xfffox")) == "Fire\xfffox"
    assert user_agent_of(request()) is None


def _posted(body: object) -> Request:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}

    return Request({**request().scope, "method": "POST"}, receive)


async def test_a_body_may_say_when_it_was_sent() -> None:
    view = {"type": "view", "visitor_id": "v"}
    said = {"events": [view], "sent_at": "2025-06-15T12:00:00.250+02:00"}
    assert await read_events(_posted(said)) == EventBatch([view], 1_749_981_600_250)
    assert await read_events(_posted({"events": [view]})) == EventBatch([view], None)
    assert await read_events(_posted({"events": [view], "sent_at": None})) == EventBatch(
        [view], None
    )
    # One event as the body says nothing beside itself: it is no field of an event.
    alone = view | {"sent_at": "2025-06-15T12:00:00Z"}
    assert await read_events(_posted(alone)) == EventBatch([alone], None)
    with pytest.raises(Refused, match="beside \"reviews\" there is 'sent_at'"):
        await read_items(_posted({"reviews": [], "sent_at": "2025-06-15T12:00:00Z"}), "reviews")


@pytest.mark.parametrize(
    ("sent_at", "says"),
    [
        ("yesterday", "sent_at is 'yesterday'; expected a time with its offset as in RFC 3339"),
        (1_749_981_600_250, "sent_at is '1749981600250'; expected a time with its offset"),
        ("2001-06-15T12:00:00Z", "behind the collector's clock; at most 86400 s are corrected"),
        ("2201-06-15T12:00:00Z", "ahead of the collector's clock; at most 86400 s are corrected"),
    ],
)
async def test_a_clock_that_is_too_far_off_is_refused(sent_at: object, says: str) -> None:
    transport = httpx.ASGITransport(application(collector_without_kafka()))
    async with httpx.AsyncClient(transport=transport, base_url="http://host") as client:
        answer = await client.post(
            "/v1/events",
            json={"events": [{"type": "view", "visitor_id": "v"}], "sent_at": sent_at},
            headers={"authorization": "Bearer sk"},
        )
    assert answer.status_code == 422
    assert answer.json()["pointer"] == "/sent_at"
    assert says in answer.json()["error"]


def test_keys_have_kinds() -> None:
    known = keys(["s1", "s2"], ["p1"])
    assert known.kind_of("Bearer s2") is KeyKind.SECRET
    assert known.kind_of("bearer  p1 ") is KeyKind.PUBLISHABLE
    assert visit("a B_9", None).code == "a-B_9"
    for other in (None, "", "s1", "Basic s1", "Bearer", "Bearer ", "Bearer s", "Bearer \udcff"):
        assert known.kind_of(other) is None
    with pytest.raises(ExpectedError, match="no API key"):
        keys([], [])
    with pytest.raises(ExpectedError, match="both"):
        keys(["x"], ["x"])


def test_hash_keys() -> None:
    key = parse_hash_key("k1:" + "AB" * 16)
    assert key == HashKey("k1", b"\xab" * 16)
    assert "ab" not in repr(key)
    for wrong in ("", "k1", "k1:", ":" + "ab" * 16, "k1:" + "ab" * 15, "k1:" + "xy" * 16):
        with pytest.raises(ExpectedError) as caught:
            parse_hash_key(wrong)
        assert "xyxy" not in str(caught.value)


def test_networks() -> None:
    assert network_of("198.51.100.77") == "198.51.100.0/24"
    assert network_of("2001:db8:1:2::3") == "2001:db8:1::/48"


def test_bots_and_prefetches() -> None:
    for machine in ("Googlebot/2.1", "facebookexternalhit/1.1", "curl/8.5", "GPTBot/1.0"):
        assert is_bot(machine)
    for person in (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Version/18.5 Mobile Safari/604.1",
        "Mozilla/5.0 (Linux; Android 11; CUBOT_X30) AppleWebKit/537.36 Chrome/126 Mobile",
        "",
    ):
        assert not is_bot(person)
    assert is_prefetch({"sec-purpose": "prefetch;prerender"})
    assert is_prefetch({"purpose": "prefetch"})
    assert is_prefetch({"x-moz": "prefetch"})
    assert not is_prefetch({"sec-purpose": ""})


def test_where_a_link_leads() -> None:
    assert landing("https://shop.example/", "A") == "https://shop.example/?ref=A"
    assert landing("https://shop.example/p?x=1&ref=B#top", "A") == (
        "https://shop.example/p?x=1&ref=A#top"
    )
    assert landing("https://shop.example/p", None) == "https://shop.example/p"


def test_only_what_can_be_a_code_is_one() -> None:
    for typed in ("a-B_9", " a-B_9 ", "a-B_9\n"):
        assert visit(typed, None).code == "a-B_9"
    assert visit("a B_9", None).code == "a-B_9"
    for other in ("", "a: b", "a:b", "a/b", "\u00e9", "\u0131", "x" * 65):
        assert visit(other, None).code is None


@given(st.text())
def test_no_link_leads_elsewhere(code: str) -> None:
    base = urlsplit("https://shop.example/p?x=1")
    url = urlsplit(landing(base.geturl(), visit(code, None).code))
    assert (url.scheme, url.netloc, url.path) == (base.scheme, base.netloc, base.path)
    assert {name for name, _ in parse_qsl(url.query)} <= {"x", "ref"}


def test_a_visitor_is_known_by_a_cookie_of_ours_only() -> None:
    known = "0190a6b0-5c4e-7d3a-9f51-0a1b2c3d4e5f"
    assert visit("A", known).visitor_id == known
    assert visit("a B_9", None).code == "a-B_9"
    for other in (None, "", "amy", known + "\n", known.upper()):
        made = visit("A", other).visitor_id
        assert made != other
        assert made != visit("A", other).visitor_id


@pytest.mark.parametrize(
    "wrong",
    [
        {"landing_url": "/welcome"},
        {"landing_url": "javascript:alert(1)"},
        {"trusted_proxies": "10.0.0.0/8,nonsense"},
        {"collector_port": 0},
        {"ack_timeout_seconds": 0},
    ],
)
def test_settings_are_checked(wrong: dict[str, object]) -> None:
    right = {"bootstrap_servers": "b:1", "hash_key": "k:00"}
    assert CollectorSettings.model_validate(right).landing_url is None
    with pytest.raises(ValidationError):
        CollectorSettings.model_validate(right | wrong)


def test_secrets_are_not_shown() -> None:
    settings = CollectorSettings.model_validate(
        {"bootstrap_servers": "b:1", "hash_key": "k:geheim", "secret_keys": "geheim"}
    )
    assert "geheim" not in repr(settings)


def test_made_up_field_names_are_one_label() -> None:
    metrics = Metrics()
    metrics.count_rejected([Rejection(0, f"/made-up-{n}", "") for n in range(50)])
    metrics.count_rejected([Rejection(0, "/amount", ""), Rejection(1, "", "")])
    text = metrics.exposition().decode()
    assert 'rejected_total{field="unknown"} 50.0' in text
    assert 'rejected_total{field="amount"} 1.0' in text
    assert 'rejected_total{field="event"} 1.0' in text
    assert "made-up" not in text
