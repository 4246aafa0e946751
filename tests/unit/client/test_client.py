"""The client against a server of a few lines: what is sent, again and again, and what is told."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar
from uuid import UUID

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reftrail.client import AsyncReftrail, NotSent, Receipt, Reftrail, Rejected
from reftrail.client.requests import MAX_BYTES, chunks, delay_after, now_text
from reftrail.contracts.times import millis
from reftrail.edge.field_formats import parse_time


class _Collector(BaseHTTPRequestHandler):
    """Answers with what is next in answers; then accepts what isn't called "bad"."""

    answers: ClassVar[list[tuple[int, bytes]]] = []
    bodies: ClassVar[list[dict[str, Any]]] = []
    keys: ClassVar[list[str | None]] = []
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.bodies.append(body)
        self.keys.append(self.headers["authorization"])
        status, content = self.answers.pop(0) if self.answers else (202, self.judged(body))
        if status == 0:
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.send_header("retry-after", "0")
        self.end_headers()
        self.wfile.write(content)

    def judged(self, body: dict[str, Any]) -> bytes:
        bad = [n for n, event in enumerate(body["events"]) if event.get("visitor_id") == "bad"]
        rejected = [{"index": n, "pointer": "/visitor_id", "reason": "is bad"} for n in bad]
        accepted = len(body["events"]) - len(bad)
        return json.dumps({"accepted": accepted, "rejected": rejected}).encode()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@pytest.fixture
def server() -> Iterator[str]:
    _Collector.answers, _Collector.bodies, _Collector.keys = [], [], []
    with ThreadingHTTPServer(("127.0.0.1", 0), _Collector) as http:
        thread = Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


def view(visitor: str = "v", **fields: Any) -> dict[str, Any]:
    return {"type": "view", "visitor_id": visitor, **fields}


def test_events_are_sent_with_ids_and_the_key(server: str) -> None:
    with Reftrail(server, "sk") as reftrail:
        receipt = reftrail.send([view(), view(event_id="mine")])
    assert receipt == Receipt(2)
    (body,) = _Collector.bodies
    assert UUID(body["events"][0]["event_id"]).version == 7
    assert body["events"][1]["event_id"] == "mine"
    assert _Collector.keys == ["Bearer sk"]


def test_python_values_become_the_apis(server: str) -> None:
    at = datetime(2025, 3, 1, 12, tzinfo=UTC)
    with Reftrail(server, "sk") as reftrail:
        reftrail.send([view(event_time=at, amount=Decimal("19.90"))])
    (event,) = _Collector.bodies[0]["events"]
    assert (event["event_time"], event["amount"]) == ("2025-03-01T12:00:00Z", "19.90")


def test_many_events_take_several_requests_and_one_receipt(server: str) -> None:
    events = [view("bad" if n in (5, 1005) else "v") for n in range(2500)]
    with Reftrail(server, "sk") as reftrail:
        receipt = reftrail.send(events)
    assert [len(body["events"]) for body in _Collector.bodies] == [1000, 1000, 500]
    assert receipt.accepted == 2498
    assert receipt.rejected == (
        Rejected(5, "/visitor_id", "is bad"),
        Rejected(1005, "/visitor_id", "is bad"),
    )


def test_nothing_to_send_is_no_request(server: str) -> None:
    with Reftrail(server, "sk") as reftrail:
        assert reftrail.send([]) == Receipt()
    assert _Collector.bodies == []


@pytest.mark.parametrize("status", [503, 500, 429, 0])
def test_it_tries_again_with_the_same_ids(server: str, status: int) -> None:
    _Collector.answers = [(status, b'{"error": "later"}')] * 2
    with Reftrail(server, "sk") as reftrail:
        assert reftrail.send([view(), view()]) == Receipt(2)
    first, *others = (body["events"] for body in _Collector.bodies)
    assert others == [first, first]


def test_each_try_says_what_the_clock_shows_when_it_is_sent(server: str) -> None:
    _Collector.answers = [(503, b'{"error": "later"}')]
    began = datetime.now(UTC).replace(microsecond=0)
    with Reftrail(server, "sk") as reftrail:
        reftrail.send([view()])
    first, second = (parse_time(body["sent_at"]) for body in _Collector.bodies)
    assert millis(began) <= first < second <= millis(datetime.now(UTC))


def test_times_of_other_clocks_are_sent_without_one(server: str) -> None:
    with Reftrail(server, "sk", own_clock=False) as reftrail:
        reftrail.send([view()])
    assert _Collector.bodies[0].keys() == {"events"}


def test_the_receipt_says_how_far_times_were_corrected(server: str) -> None:
    answers = [{}, {"clock_skew_ms": -9000}, {"clock_skew_ms": 4000}]
    _Collector.answers = [
        (202, json.dumps({"accepted": 1000, "rejected": []} | told).encode()) for told in answers
    ]
    with Reftrail(server, "sk") as reftrail:
        receipt = reftrail.send([view() for _ in range(3000)])
    assert receipt == Receipt(3000, clock_skew_ms=-9000)


def test_a_refused_request_is_not_tried_again(server: str) -> None:
    events = [view() for _ in range(1001)]
    _Collector.answers = [
        (202, b'{"accepted": 1000, "rejected": []}'),
        (401, b'{"error": "give a known API key"}'),
    ]
    with Reftrail(server, "sk") as reftrail, pytest.raises(NotSent) as caught:
        reftrail.send(events)
    assert str(caught.value) == "the collector answered 401: give a known API key"
    assert caught.value.receipt == Receipt(1000)
    assert len(_Collector.bodies) == 2


def test_it_gives_up_when_its_patience_ends(server: str) -> None:
    _Collector.answers = [(503, b"busy")] * 100
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
    _Collector.answers = [(503, b""), (0, b"")]
    async with AsyncReftrail(server, "sk") as reftrail:
        receipt = await reftrail.send([view("bad"), view()])
        assert receipt == Receipt(1, (Rejected(0, "/visitor_id", "is bad"),))
        _Collector.answers = [(400, b'{"error": "no"}')]
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
