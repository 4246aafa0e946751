"""The short way of a single event: the same answer and record as by the usual way, or none."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from starlette.datastructures import Headers
from starlette.responses import Response
from support.collector import collector_without_kafka
from support.fake_producer import FakeProducer

from reftrail.collector import publisher as module
from reftrail.collector.http import Collector
from reftrail.collector.routes import application
from reftrail.collector.single_events import single_events
from reftrail.contracts.api_keys import ApiKeyChanged, hash_of
from reftrail.contracts.codec import decode
from reftrail.edge import requests
from reftrail.hosting.whole_requests import WholeRequest
from reftrail.testing import code

HEAD = {"authorization": "Bearer sk", "content-type": "application/json"}
CLICK = {
    "type": "click",
    "visitor_id": "v1",
    "code": "AMY",
    "event_id": "6a1f0ac2-8a3b-4a52-9a44-1d9b3b1c7d10",
    "event_time": "2025-03-01T12:00:00.123Z",
    "device_id": "d1",
    "ip": "203.0.113.7",
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/120.0",
    "country": "DE",
}
SIGNUP = {"type": "signup", "user_id": "bob", "email": "bob@example.org", "properties": {"a": [1]}}
ORDER = {"order_id": "o1", "amount": "12.50", "currency": "EUR"}
PURCHASE = {"type": "purchase", "user_id": "bob", **ORDER}


@pytest.fixture
async def collector(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Collector]:
    FakeProducer.made = []
    monkeypatch.setattr(module, "async_producer", FakeProducer)
    # Other tests call handlers without what counts their bytes off.
    monkeypatch.setattr(requests, "_held", requests._Held())
    made = collector_without_kafka(ack_timeout_seconds=5)
    codes: Any = made.codes
    codes._read_once = True
    codes._take(code("AMY"))
    publisher: Any = made.publisher
    running = asyncio.create_task(publisher.run())
    for _ in range(10):
        await asyncio.sleep(0)
    assert publisher.refusal is None
    yield made
    FakeProducer.made[0].acknowledge()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def acknowledged() -> None:
    for _ in range(5):
        await asyncio.sleep(0)
    FakeProducer.made[0].acknowledge()
    for _ in range(5):
        await asyncio.sleep(0)


def begun(collector: Collector, body: bytes, **headers: str) -> list[Response] | None:
    """The answers to come to a request that was begun at once; None if it wasn't."""
    ways = single_events(collector)
    assert ways is not None
    begin = ways.of_head(Headers(HEAD | headers))
    answers: list[Response] = []
    return answers if begin is not None and begin(body, answers.append) else None


async def usually(collector: Collector, body: bytes) -> Response:
    app: Any = application(collector)
    fields = {name.encode(): value.encode() for name, value in HEAD.items()}
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/events",
        "query_string": b"",
        "headers": list(fields.items()),
        "client": ("127.0.0.1", 1),
    }
    answering = asyncio.create_task(
        app.whole[b"POST", b"/v1/events"](WholeRequest(scope, fields, body))
    )
    await acknowledged()
    found: Response = await answering
    return found


def records() -> list[dict[str, Any]]:
    """The events that were written, without what differs by the time and made ids."""
    found = [value for _, values, _ in FakeProducer.made[0].sent for value in values]
    events = [msgspec.to_builtins(decode(value)) for value in found]
    return [event | {"event_id": "", "event_time": 0, "received_at": 0} for event in events]


@pytest.mark.parametrize("event", [CLICK, SIGNUP, PURCHASE], ids=lambda event: event["type"])
async def test_both_ways_answer_and_write_the_same(
    collector: Collector, event: dict[str, Any]
) -> None:
    body = msgspec.json.encode(event)
    answers = begun(collector, body)
    assert answers == []  # Kafka hasn't it yet
    await acknowledged()
    (answer,) = answers
    usual = await usually(collector, body)
    assert (answer.status_code, answer.body) == (usual.status_code, usual.body)
    assert answer.raw_headers == usual.raw_headers
    first, second = records()
    assert first == second
    metrics = collector.metrics.exposition().decode()
    assert f'events_accepted_total{{type="{event["type"]}"}} 2.0' in metrics
    assert 'request_seconds_count{route="/v1/events",status="202"} 2.0' in metrics
    assert "requests_in_flight 0.0" in metrics
    assert requests._held.total == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"\xff",
        b"[" * 4_000,
        b'{"type":"click","visitor_id":"v1","visitor_id":"v2"}',
        msgspec.json.encode({"events": [CLICK]}),
        msgspec.json.encode(CLICK | {"key": "pk"}),
        msgspec.json.encode(CLICK | {"visitor_id": "\u00e4"}),
        msgspec.json.encode(CLICK | {"code": "BOB"}),
        msgspec.json.encode(CLICK | {"event_time": "1999-01-01T00:00:00Z"}),
        msgspec.json.encode(PURCHASE | {"net_amount": "13.00"}),
        msgspec.json.encode(SIGNUP | {"properties": {"a": "x" * 4_096}}),
    ],
    ids=lambda body: str(body)[:40],
)
async def test_what_needs_more_goes_the_usual_way(collector: Collector, body: bytes) -> None:
    assert begun(collector, body) is None
    assert not FakeProducer.made[0].sent


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer pk"},
        {"authorization": "Bearer wrong"},
        {"authorization": "Basic c2s6"},
        {"authorization": ""},
        {"content-encoding": "gzip"},
        {"idempotency-key": "k"},
    ],
    ids=str,
)
async def test_requests_with_other_headers_go_the_usual_way(
    collector: Collector, headers: dict[str, str]
) -> None:
    ways = single_events(collector)
    assert ways is not None
    assert ways.of_head(Headers(HEAD | headers)) is None  # so nothing is remembered of them


async def test_a_key_that_is_good_no_more_is_refused_the_usual_way(collector: Collector) -> None:
    keys = collector.authorization.keys
    ways = single_events(collector)
    assert ways is not None
    head = Headers(HEAD | {"authorization": "Bearer sk_stored"})
    keys.take(stored_key(1))
    begin = ways.of_head(head)
    assert begin is not None
    body, answers = msgspec.json.encode(CLICK), list[Response]()
    assert begin(body, answers.append)
    none_good: list[dict[str, Any]] = [{"revoked_at": 1}, {"expires_at": 1}, {"scopes": []}]
    for number, changed in enumerate(none_good, 2):
        keys.take(stored_key(number, **changed))
        assert not begin(body, answers.append)
        assert ways.of_head(head) is None
    keys.take(stored_key(5))
    assert begin(body, answers.append)
    await acknowledged()
    assert [answer.status_code for answer in answers] == [202, 202]


def stored_key(revision: int, **given: Any) -> ApiKeyChanged:
    fields: dict[str, Any] = {
        "event_id": str(revision),
        "event_time": 1,
        "received_at": 1,
        "name": "stored",
        "kind": "secret",
        "hash": hash_of("sk_stored"),
        "scopes": ["events:write"],
        "created_at": 1,
        "actor": "amy",
        "revision": revision,
    }
    return ApiKeyChanged(**(fields | given))


@pytest.mark.parametrize("event", [CLICK, SIGNUP], ids=lambda event: event["type"])
async def test_until_the_codes_are_read_all_go_the_usual_way(
    collector: Collector, event: dict[str, Any]
) -> None:
    """An event without a code, too: whose hashes are to be renewed isn't known before."""
    codes: Any = collector.codes
    codes._read_once = False
    assert begun(collector, msgspec.json.encode(event)) is None


async def test_an_event_that_kafka_may_not_have_is_answered_so(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collector.publisher, "_ack_timeout", 0.02)
    answers = begun(collector, msgspec.json.encode(CLICK))
    assert answers == []
    await asyncio.sleep(0.1)
    (answer,) = answers
    assert answer.status_code == 503
    assert b"not acknowledged within" in bytes(answer.body)
    assert requests._held.total == 0
    assert begun(collector, msgspec.json.encode(CLICK)) is None  # while it doesn't acknowledge


async def test_an_answer_that_fails_leaves_others_theirs(collector: Collector) -> None:
    ways = single_events(collector)
    assert ways is not None
    begin = ways.of_head(Headers(HEAD))
    assert begin is not None

    def fail(_: Response) -> None:
        raise OSError

    body = msgspec.json.encode(CLICK)
    answers: list[Response] = []
    assert begin(body, fail)
    assert begin(body, answers.append)
    await acknowledged()
    assert [answer.status_code for answer in answers] == [202]


async def test_where_secret_keys_have_a_rate_or_events_are_spooled_all_go_the_usual_way(
    tmp_path: Any,
) -> None:
    assert single_events(collector_without_kafka(secret_event_rate=5)) is None
    assert single_events(collector_without_kafka(collector_spool=tmp_path)) is None
