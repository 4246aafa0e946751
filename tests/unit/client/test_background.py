"""Events in the background: when they leave, and what becomes of those that can't."""

import logging
import os
import subprocess
import sys
import time

import pytest
from support.edge import RunningEdge, running_edge
from support.fake_collector import FakeCollector
from support.metrics import wait_until

from reftrail.client import Event, QueueFull, QueueOptions, Reftrail, Rejected, Unsent
from reftrail.contracts.events import Identified, Purchase, Refund, Signup

BUSY = (503, b'{"detail": "busy"}')


def sent() -> list[Event]:
    return [event for body in FakeCollector.bodies for event in body["events"]]


def test_what_is_reported_at_once_leaves_in_one_request(server: str) -> None:
    with Reftrail(server, "sk", queue=QueueOptions(linger_seconds=60)) as reftrail:
        reftrail.signup("uma", visitor_id="v1")
        reftrail.purchase("uma", "O1", "19.99", "EUR", tax="3.19")
        reftrail.refund("uma", "O1", refund_id="R1", amount="5")
        reftrail.identify("uma", "v2")
        assert FakeCollector.bodies == []
    assert len(FakeCollector.bodies) == 1
    assert [event["type"] for event in sent()] == ["signup", "purchase", "refund", "identified"]


def test_events_leave_by_themselves(server: str) -> None:
    with Reftrail(server, "sk") as reftrail:
        reftrail.signup("uma")
        wait_until(lambda: bool(FakeCollector.bodies), seconds=180)


def test_a_real_collector_takes_all_of_them(tmp_path_factory: pytest.TempPathFactory) -> None:
    with running_edge(tmp_path_factory.mktemp("edge")) as edge:
        with Reftrail(edge.url, "sk") as reftrail:
            reftrail.signup("uma", visitor_id="v1", email="uma@shop.example", ip="203.0.113.7")
            reftrail.purchase("uma", "O1", "19.99", "EUR", tax="3.19")
            reftrail.refund("uma", "O1", refund_id="R1", amount="5", currency="EUR")
            reftrail.refund("uma", "O1")
            reftrail.identify("uma", "v2")
        check_written(edge)


def check_written(edge: RunningEdge) -> None:
    signup, purchase, part, whole, identified = edge.written.events()
    assert isinstance(signup, Signup)
    assert (signup.user_id, signup.visitor_id, signup.clock_skew_ms) == ("uma", "v1", None)
    assert isinstance(purchase, Purchase)
    assert (purchase.amount_micros, purchase.tax_micros) == (19_990_000, 3_190_000)
    assert isinstance(part, Refund)
    assert (part.refund_id, part.amount_micros) == ("R1", 5_000_000)
    assert isinstance(whole, Refund)
    assert (whole.refund_id, whole.amount_micros) == (None, None)
    assert isinstance(identified, Identified)
    assert identified.visitor_id == "v2"


def test_flush_does_not_wait_for_more(server: str) -> None:
    with Reftrail(server, "sk", queue=QueueOptions(linger_seconds=60)) as reftrail:
        reftrail.signup("uma")
        reftrail.flush(60)
        assert len(sent()) == 1


def test_many_events_leave_in_full_requests(server: str) -> None:
    with Reftrail(server, "sk", queue=QueueOptions(linger_seconds=60)) as reftrail:
        for number in range(2500):
            reftrail.signup(f"u{number}")
    assert [len(body["events"]) for body in FakeCollector.bodies] == [1000, 1000, 500]


def test_a_full_queue_is_an_error_that_says_why(server: str) -> None:
    FakeCollector.answers = [BUSY] * 1000
    options = QueueOptions(capacity=2, full_seconds=0.5)
    reftrail = Reftrail(server, "sk", patience=0.2, queue=options)
    reftrail.signup("u1")
    reftrail.signup("u2")
    wait_until(lambda: len(FakeCollector.bodies) > 1, seconds=180)  # so the first is answered
    with pytest.raises(QueueFull, match=r"2 events wait.*503: busy.*QueueOptions\(capacity"):
        reftrail.signup("u3")
    FakeCollector.answers = []
    reftrail.close()
    assert {event["user_id"] for event in sent()} == {"u1", "u2"}


def test_a_full_queue_makes_calls_wait(server: str) -> None:
    FakeCollector.answers = [BUSY] * 3
    options = QueueOptions(capacity=1, full_seconds=20, linger_seconds=0)
    with Reftrail(server, "sk", queue=options) as reftrail:
        for number in range(5):
            reftrail.signup(f"u{number}")
    assert {event["user_id"] for event in sent()} == {"u0", "u1", "u2", "u3", "u4"}


def test_events_outlast_patience_and_a_wrong_key(
    server: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reftrail.client.outbox.PAUSE", 0.1)
    FakeCollector.answers = [BUSY, BUSY, (401, b'{"detail": "give a known API key"}')]
    with Reftrail(server, "sk", patience=0.05) as reftrail:
        reftrail.signup("uma")
        reftrail.flush(60)
    assert "1 events wait: the collector answered 401: give a known API key" in caplog.text
    assert len({event["event_id"] for event in sent()}) == 1


def test_rejected_events_are_reported(server: str, caplog: pytest.LogCaptureFixture) -> None:
    rejected: list[tuple[Event, Rejected]] = []
    options = QueueOptions(on_rejected=lambda *report: rejected.append(report))
    with Reftrail(server, "sk", queue=options) as reftrail:
        reftrail.signup("uma")
        reftrail.identify("uma", "bad")
    [(event, rejection)] = rejected
    assert (event["type"], rejection.pointer) == ("identified", "/visitor_id")
    with Reftrail(server, "sk") as reftrail:
        reftrail.identify("uma", "bad")
    assert "an event of type identified was rejected: /visitor_id is bad" in caplog.text


def test_a_request_that_is_hopeless_is_reported_event_by_event(server: str) -> None:
    FakeCollector.answers = [(400, b'{"detail": "no JSON"}')]
    rejected: list[Rejected] = []
    options = QueueOptions(on_rejected=lambda _, rejection: rejected.append(rejection))
    with Reftrail(server, "sk", queue=options) as reftrail:
        reftrail.signup("u1")
        reftrail.signup("u2")
    assert [rejection.reason for rejection in rejected] == [
        "the collector answered 400: no JSON"
    ] * 2


def test_an_error_of_the_callback_stops_nothing(
    server: str, caplog: pytest.LogCaptureFixture
) -> None:
    options = QueueOptions(on_rejected=lambda *_: 1 / 0, linger_seconds=0)
    with Reftrail(server, "sk", queue=options) as reftrail:
        reftrail.identify("uma", "bad")
        reftrail.flush(60)
        reftrail.signup("uma")
    assert len(sent()) == 2
    assert "on_rejected failed" in caplog.text


def test_closing_gives_back_what_was_not_sent() -> None:
    reftrail = Reftrail("http://127.0.0.1:1", "sk", patience=0.1)
    reftrail.signup("uma")
    with pytest.raises(
        Unsent, match=r"1 events were not sent within 0.5 s: .*be reached"
    ) as caught:
        reftrail.close(0.5)
    [event] = caught.value.events
    assert event["user_id"] == "uma"
    with pytest.raises(RuntimeError, match="the client is closed"):
        reftrail.signup("ben")
    reftrail.close()


def run(program: str, server: str) -> str:
    made = subprocess.run(
        [sys.executable, "-c", program, server], capture_output=True, text=True, check=True
    )
    return made.stderr


def test_the_end_of_the_process_flushes(server: str) -> None:
    program = """
import sys
from reftrail.client import Reftrail
Reftrail(sys.argv[1], "sk").signup("gone")
reftrail = Reftrail(sys.argv[1], "sk")
reftrail.signup("uma")
"""
    assert run(program, server) == ""
    assert {event["user_id"] for event in sent()} == {"gone", "uma"}


def test_the_end_of_the_process_says_what_was_not_sent() -> None:
    program = """
import sys
from reftrail.client import Reftrail
reftrail = Reftrail(sys.argv[1], "sk", patience=0.1)
Reftrail.close.__defaults__ = (0.5,)
reftrail.signup("uma")
"""
    said = run(program, "http://127.0.0.1:1")
    assert "the process ends, and 1 events were not sent within 0.5 s" in said


def test_a_fork_has_a_queue_of_its_own(server: str) -> None:
    reftrail = Reftrail(server, "sk", queue=QueueOptions(linger_seconds=60))
    reftrail.signup("parent")
    child = os.fork()
    if child == 0:
        try:
            reftrail.signup("child")
            reftrail.close()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert [event["user_id"] for event in sent()] == ["child"]
    reftrail.close()
    assert [event["user_id"] for event in sent()] == ["child", "parent"]


def test_a_defect_keeps_the_events(
    server: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("reftrail.client.outbox.PAUSE", 0.05)
    FakeCollector.answers = [(202, b"no receipt")]
    with Reftrail(server, "sk") as reftrail, caplog.at_level(logging.ERROR):
        reftrail.signup("uma")
        began = time.monotonic()
        reftrail.flush(60)
    assert time.monotonic() - began < 60
    assert "unexpected; the events are kept" in caplog.text
    assert len(sent()) == 2


@pytest.mark.parametrize(
    ("endpoint", "key", "advice"),
    [
        ("events.shop.example", "sk", "expected the collector's address"),
        ("https://events.shop.example", "", "is it set?"),
        ("https://events.shop.example", "sk\n", "is it set?"),
    ],
)
def test_what_can_never_work_is_an_error_at_once(endpoint: str, key: str, advice: str) -> None:
    with pytest.raises(ValueError, match=advice):
        Reftrail(endpoint, key)
