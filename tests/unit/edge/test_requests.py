"""The sender of a request, and the list in its body."""

import json
from ipaddress import ip_network

import pytest
from starlette.requests import Request

from reftrail.edge.http_errors import RequestRefused
from reftrail.edge.requests import client_address, is_https, read_items, user_agent_of

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
        ("10.0.0.1", "203.0.113.7:4711", "203.0.113.7"),
        ("10.0.0.1", "203.0.113.7:4711, 10.0.0.2:80", "203.0.113.7"),
        ("10.0.0.1", "[2001:DB8::1]:443", "2001:db8::1"),
        ("10.0.0.1", "[2001:db8::1]", "2001:db8::1"),
        ("10.0.0.1", "203.0.113.7:http", "10.0.0.1"),
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


async def test_only_events_say_beside_them_when_they_were_sent() -> None:
    body = json.dumps({"reviews": [], "sent_at": "2025-06-15T12:00:00Z"}).encode()

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    posted = Request({**request().scope, "method": "POST"}, receive)
    with pytest.raises(RequestRefused, match="beside \"reviews\" there is 'sent_at'"):
        await read_items(posted, "reviews")
