"""The time at which a batch of events was sent, by its own word."""

import json

import httpx
import pytest
from starlette.requests import Request
from support.collector import collector_without_kafka

from reftrail.collector.event_batches import EventBatch, read_events
from reftrail.collector.routes import application


def _posted(body: object) -> Request:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}

    return Request({"type": "http", "method": "POST", "headers": []}, receive)


async def _read(body: object) -> tuple[EventBatch, object]:
    """The events in a body, and the key in it."""
    keys: list[object] = []
    batch = await read_events(_posted(body), keys.append)
    (key,) = keys
    return batch, key


async def test_a_body_may_say_when_it_was_sent() -> None:
    view = {"type": "view", "visitor_id": "v"}
    said = {"events": [view], "sent_at": "2025-06-15T12:00:00.250+02:00"}
    assert await _read(said) == (EventBatch([view], 1_749_981_600_250), None)
    assert await _read({"events": [view]}) == (EventBatch([view], None), None)
    assert await _read({"events": [view], "sent_at": None}) == (EventBatch([view], None), None)
    keyed = {"events": [view], "key": "pk"}
    assert await _read(keyed) == (EventBatch([view], None), "pk")
    assert await _read(view | {"key": "pk"}) == (EventBatch([view], None), "pk")
    # One event as the body says nothing beside itself: it is no field of an event.
    alone = view | {"sent_at": "2025-06-15T12:00:00Z"}
    assert await _read(alone) == (EventBatch([alone], None), None)


@pytest.mark.parametrize(
    ("sent_at", "says"),
    [
        ("yesterday", "sent_at is 'yesterday'; expected a time with its offset as in RFC 3339"),
        (1_749_981_600_250, "sent_at is '1749981600250'; expected a time with its offset"),
        ("2001-06-15T12:00:00Z", "behind the collector's clock; at most 86400 s are corrected"),
        ("2199-06-15T12:00:00Z", "ahead of the collector's clock; at most 86400 s are corrected"),
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
    assert says in answer.json()["detail"]
