"""Requests that a collector refuses: keys, sizes and bodies."""

import pytest
from support import local_http
from support.collected_events import Written, click
from support.collector import PUBLISHABLE, RunningCollector

from reftrail.client import NotSent, Reftrail


def test_without_a_known_key_nothing_is_taken(
    collector: RunningCollector, written: Written
) -> None:
    for key in (None, "sk_unknown"):
        with collector.client(key) as client:
            answer = client.post("/v1/events", json=click())
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "Authorization: Bearer KEY" in answer.json()["detail"]
    assert written.events() == {}


def test_a_refused_key_is_told_by_the_client(collector: RunningCollector) -> None:
    with (
        Reftrail(collector.url, "wrong") as reftrail,
        pytest.raises(NotSent, match="401: give a known API key"),
    ):
        reftrail.send([click()])
    assert local_http.get(f"{collector.url}/healthz").status_code == 200


def test_a_publishable_key_sends_no_money_and_hides_no_address(
    collector: RunningCollector, written: Written
) -> None:
    views = [click(ip="203.0.113.9"), click()]
    signup = {"type": "signup", "user_id": "u"}
    with collector.client(PUBLISHABLE) as client:
        answer = client.post("/v1/events", json={"events": [*views, signup]}).json()
    assert answer["accepted"] == 2
    assert [(r["index"], r["pointer"]) for r in answer["rejected"]] == [(2, "/type")]
    first, second = written.events().values()
    assert first.ip_hash == second.ip_hash is not None


def test_limits(collector: RunningCollector, written: Written) -> None:
    with collector.client() as client:
        many = client.post("/v1/events", json={"events": [click()] * 1001})
        large = client.post("/v1/events", content=b" " * (2**20 + 1))
        streamed = client.post("/v1/events", content=iter([b" " * 2**19] * 3))
        fitting = client.post("/v1/events", json={"events": [click() for _ in range(1000)]})
    assert (many.status_code, large.status_code, streamed.status_code) == (413, 413, 413)
    assert "at most 1000" in many.json()["detail"]
    assert "1048576 bytes" in large.json()["detail"]
    assert fitting.status_code == 202
    assert len(written.events()) == 1000


def test_a_refused_body_leaves_the_connection_as_it_was(collector: RunningCollector) -> None:
    """However much of it was unread: else the next request on the connection fails."""
    with collector.client(None) as client:
        for number in range(40):
            content = iter([b" " * 2**18] * (1 + number % 12))
            refused = client.post("/v1/events", content=content)
            assert refused.status_code in (
                401,
                413,
                429,
            )  # who goes on with a wrong key has to wait
            assert client.get("/healthz").status_code == 200


def test_bodies_that_make_no_sense(collector: RunningCollector) -> None:
    with collector.client() as client:
        for body, says in (
            (b"", "not JSON"),
            (b"{", "not JSON"),
            (b"\xff", "not JSON"),
            (b"[" * 100_000, "not JSON"),
            (b"[]", '{"events": [...]}'),
            (b'{"events": {}}', "not an array"),
            (b'{"events": [], "event": 1}', "'event'"),
        ):
            answer = client.post("/v1/events", content=body)
            assert answer.status_code == 400, body[:20]
            assert says in answer.json()["detail"]
