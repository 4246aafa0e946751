"""The client against a server of a few lines: requests, their retries, and receipts."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fake_collector import FakeCollector

from reftrail.client import AsyncReftrail, NotSent, QueueOptions, Receipt, Reftrail, Rejected
from reftrail.client.requests import MAX_BYTES, chunks, delay_after, now_text
from reftrail.contracts.times import millis
from reftrail.edge.field_formats import parse_time


def view(visitor: str = "v", **fields: Any) -> dict[str, Any]:
    return {"type": "view", "visitor_id": visitor, **fields}


def test_events_are_sent_with_ids_and_the_key(server: str) -> None:
    with Reftrail(server, "sk") as reftrail:
        receipt = reftrail.send([view(), view(event_id="mine")])
    assert receipt == Receipt(2)
    (body,) = FakeCollector.bodies
    assert UUID(body["events"][0]["event_id"]).version == 7
    assert body["events"][1]["event_id"] == "mine"
    assert FakeCollector.keys == ["Bearer sk"]


def test_python_values_become_the_apis(server: str) -> None:
    at = datetime(2025, 3, 1, 12, tzinfo=UTC)
    with Reftrail(server, "sk") as reftrail:
        reftrail.send([view(event_time=at, amount=Decimal("19.90"))])
    (event,) = FakeCollector.bodies[0]["events"]
    assert (event["event_time"], event["amount"]) == ("2025-03-01T12:00:00Z", "19.90")


def test_many_events_take_several_requests_and_one_receipt(server: str) -> None:
    events = [view("bad" if n in (5, 1005) else "v") for n in range(2500)]
    with Reftrail(server, "sk") as reftrail:
        receipt = reftrail.send(events)
    assert [len(body["events"]) for body in FakeCollector.bodies] == [1000, 1000, 500]
    assert receipt.accepted == 2498
    assert receipt.rejected == (
        Rejected(5, "/visitor_id", "is bad"),
        Rejected(1005, "/visitor_id", "is bad"),
    )


def test_nothing_to_send_is_no_request(server: str) -> None:
    with Reftrail(server, "sk") as reftrail:
        assert reftrail.send([]) == Receipt()
    assert FakeCollector.bodies == []


@pytest.mark.parametrize("status", [503, 500, 429, 0])
def test_it_tries_again_with_the_same_ids(server: str, status: int) -> None:
    FakeCollector.answers = [(status, b'{"detail": "later"}')] * 2
    with Reftrail(server, "sk") as reftrail:
        assert reftrail.send([view(), view()]) == Receipt(2)
    first, *others = (body["events"] for body in FakeCollector.bodies)
    assert others == [first, first]


def test_each_try_says_what_the_clock_shows_when_it_is_sent(server: str) -> None:
    FakeCollector.answers = [(503, b'{"detail": "later"}')]
    began = datetime.now(UTC).replace(microsecond=0)
    with Reftrail(server, "sk") as reftrail:
        reftrail.send([view()])
    first, second = (parse_time(body["sent_at"]) for body in FakeCollector.bodies)
    assert millis(began) <= first < second <= millis(datetime.now(UTC))


def test_times_of_other_clocks_are_sent_without_one(server: str) -> None:
    with Reftrail(server, "sk", own_clock=False) as reftrail:
        reftrail.send([view()])
    assert FakeCollector.bodies[0].keys() == {"events"}


def test_the_receipt_says_how_far_times_were_corrected(server: str) -> None:
    answers = [{}, {"clock_skew_ms": -9000}, {"clock_skew_ms": 4000}]
    FakeCollector.answers = [
        (202, json.dumps({"accepted": 1000, "rejected": []} | found).encode()) for found in answers
    ]
    with Reftrail(server, "sk") as reftrail:
        receipt = reftrail.send([view() for _ in range(3000)])
    assert receipt == Receipt(3000, clock_skew_ms=-9000)


def test_a_refused_request_is_not_tried_again(server: str) -> None:
    events = [view() for _ in range(1001)]
    FakeCollector.answers = [
        (202, b'{"accepted": 1000, "rejected": []}'),
        (401, b'{"detail": "give a known API key"}'),
    ]
    with Reftrail(server, "sk") as reftrail, pytest.raises(NotSent) as caught:
        reftrail.send(events)
    assert str(caught.value) == "the collector answered 401: give a known API key"
    assert caught.value.receipt == Receipt(1000)
    assert len(FakeCollector.bodies) == 2


def test_it_gives_up_when_its_patience_ends(server: str) -> None:
    FakeCollector.answers = [(503, b"busy")] * 100
    with Reftrail(server, "sk", patience=0.3) as reftrail, pytest.raises(NotSent) as caught:
        reftrail.send([view()])
    assert "answered 503: busy; gave up after" in str(caught.value)


def test_nobody_there() -> None:
    with (
        Reftrail("http://127.0.0.1:1", "sk", patience=0.2) as reftrail,
        pytest.raises(NotSent, match="can't be reached"),
    ):
        reftrail.send([view()])


async def test_the_same_for_asyncio(server: str) -> None:
    FakeCollector.answers = [(503, b""), (0, b"")]
    async with AsyncReftrail(server, "sk") as reftrail:
        receipt = await reftrail.send([view("bad"), view()])
        assert receipt == Receipt(1, (Rejected(0, "/visitor_id", "is bad"),))
        FakeCollector.answers = [(400, b'{"detail": "no"}')]
        with pytest.raises(NotSent, match="400: no"):
            await reftrail.send([view()])


def test_threads_may_share_a_client(server: str) -> None:
    with Reftrail(server, "sk") as reftrail, ThreadPoolExecutor(4) as pool:
        receipts = list(pool.map(lambda _: reftrail.send([view()]), range(20)))
    assert sum(receipts, Receipt()) == Receipt(20)


@given(st.lists(st.integers(0, 400_000), max_size=12))
def test_no_request_is_larger_than_the_collector_takes(sizes: list[int]) -> None:
    events = [view("x" * size) for size in sizes]
    made = list(chunks(events))
    bodies = [chunk.body(now_text()) for chunk in made]
    assert all(len(body) <= MAX_BYTES + 60 for body in bodies)
    sent = [event for body in bodies for event in json.loads(body)["events"]]
    assert [len(event["visitor_id"]) for event in sent] == sizes


def test_pauses_grow_and_follow_the_collector() -> None:
    for attempt in range(50):
        longest = min(5.0, 0.1 * 2**attempt)
        assert longest / 2 <= delay_after(attempt, None) <= longest
    asked = httpx.Response(503, headers={"retry-after": "7"})
    assert delay_after(0, asked) == 7
    assert delay_after(0, httpx.Response(503, headers={"retry-after": "Thu, 1 Jan"})) <= 0.1


ENDLESS = [float("inf"), float("nan"), -1.0, 604_801.0]


@pytest.mark.parametrize("seconds", ENDLESS)
async def test_a_time_to_wait_is_from_none_to_a_week(server: str, seconds: float) -> None:
    for client in (Reftrail, AsyncReftrail):
        with pytest.raises(ValueError, match=r"patience is .*; expected seconds from 0 to 604800"):
            client(server, "sk", patience=seconds)
    make: Any = QueueOptions
    for name in ("full_seconds", "linger_seconds"):
        with pytest.raises(ValueError, match=rf"{name} is .*; expected seconds"):
            make(**{name: seconds})
    with Reftrail(server, "sk") as reftrail:
        for wait in (reftrail.flush, reftrail.close):
            with pytest.raises(ValueError, match=r"seconds is .*; expected"):
                wait(seconds)
    async with AsyncReftrail(server, "sk") as asynchronous:
        for wait_for in (asynchronous.flush, asynchronous.close):
            with pytest.raises(ValueError, match=r"seconds is .*; expected"):
                await wait_for(seconds)


def test_a_queue_has_capacity_for_an_event() -> None:
    with pytest.raises(ValueError, match="capacity is 0; expected at least 1 event"):
        QueueOptions(capacity=0)


def test_what_is_no_list_of_events_is_an_error_that_says_so(server: str) -> None:
    with Reftrail(server, "sk") as reftrail, pytest.raises(TypeError, match="give a list of map"):
        reftrail.send({"type": "view", "visitor_id": "v"})  # type: ignore[dict-item]


@pytest.mark.parametrize("client", [Reftrail, AsyncReftrail])
def test_a_setting_that_is_none_is_an_error_that_says_so(
    client: type[Reftrail | AsyncReftrail],
) -> None:
    with pytest.raises(TypeError, match="the key is None; is the environment variable set"):
        client("https://events.shop.example", None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="the endpoint is None; expected the collector's address"):
        client(None, "sk")  # type: ignore[arg-type]
