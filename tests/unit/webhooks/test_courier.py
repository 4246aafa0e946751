"""A courier: what it reads, what it sends again, and when it stops to."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.webhooks import AT, BUSY, OK, Clock, Log, means, webhook

from reftrail.webhooks import courier as module
from reftrail.webhooks.courier import MOST_WAITING, Courier
from reftrail.webhooks.dispatch import Dispatcher
from reftrail.webhooks.model import DeliveryState, LogPlace, Message
from reftrail.webhooks.outbox import Attempt, Outbox
from reftrail.webhooks.sender import Answer
from reftrail.webhooks.store import WebhookStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[WebhookStore]:
    opened = WebhookStore.open(tmp_path / "webhooks.sqlite")
    yield opened
    opened.close()


def test_the_log_is_not_read_on_while_much_waits(
    store: WebhookStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = threading.Event()
    log = Log([])
    monkeypatch.setattr(module, "WebhookLog", lambda _: log)
    monkeypatch.setattr(module, "_PAUSE_SECONDS", 0)
    webhook_id = webhook(store)
    Courier(means(store, OK, Clock(stop, 60)), webhook_id, stop).read()
    assert Outbox(store, webhook_id).waiting().number == MOST_WAITING
    assert store.positions(webhook_id) == {("rewards", 0): 7 + MOST_WAITING}


def tried(outbox: Outbox, numbers: range) -> None:
    """Deliveries that a receiver refused, and that are due again."""
    places = [LogPlace("rewards", 1, number) for number in numbers]
    outbox.take_in([Message(place, "tried", "kind", "{}") for place in places], [], 0, AT)
    outbox.record([Attempt(place, False, "answered 400", AT - 1) for place in places], AT)


@pytest.mark.parametrize(("refused", "read"), [(99, 100), (100, 100), (149, 100), (150, 0)])
def test_what_a_receiver_refuses_holds_up_no_others(
    store: WebhookStore, monkeypatch: pytest.MonkeyPatch, refused: int, read: int
) -> None:
    stop = threading.Event()
    monkeypatch.setattr(module, "WebhookLog", lambda _: Log([]))
    monkeypatch.setattr(module, "_PAUSE_SECONDS", 0)
    monkeypatch.setattr(module, "MOST_WAITING", 100)
    monkeypatch.setattr(module, "MOST_RETRIED", 150)
    webhook_id = webhook(store)
    tried(Outbox(store, webhook_id), range(refused))
    Courier(means(store, OK, Clock(stop, 12)), webhook_id, stop).read()
    assert store.positions(webhook_id) == {("rewards", 0): 7 + read}


def test_half_of_the_requests_are_for_what_failed_before(store: WebhookStore) -> None:
    stop = threading.Event()
    webhook_id = webhook(store)
    outbox = Outbox(store, webhook_id)
    tried(outbox, range(20))
    places = [LogPlace("rewards", 0, number) for number in range(20)]
    outbox.take_in([Message(place, "untried", "kind", "{}") for place in places], [], 0, AT)
    given = means(store, OK, lambda: AT)
    sender: Any = given.sender
    answers, answered = sender.send, threading.Barrier(given.concurrency, stop.set)

    def send(*arguments: Any) -> Answer:
        answer: Answer = answers(*arguments)
        if not stop.is_set():
            answered.wait(60)
        return answer

    sender.send = send
    Courier(given, webhook_id, stop).send()
    assert sorted(sender.sent[:4]) == ["tried", "tried", "untried", "untried"]


def test_what_the_log_lost_is_told(store: WebhookStore, monkeypatch: pytest.MonkeyPatch) -> None:
    stop = threading.Event()
    monkeypatch.setattr(module, "WebhookLog", lambda _: Log(["rewards/0: 7 to 9 were removed"]))
    webhook_id = webhook(store)
    Courier(means(store, OK, Clock(stop, 4)), webhook_id, stop).read()
    assert store.find(webhook_id, AT).note == "rewards/0: 7 to 9 were removed"


@pytest.mark.parametrize(
    ("answer", "age", "state", "due_in"),
    [
        (OK, 0, DeliveryState.DELIVERED, 0),
        (BUSY, 0, DeliveryState.WAITING, 40_000),
        (BUSY, 99_999, DeliveryState.WAITING, 40_000),
        (BUSY, 100_000, DeliveryState.FAILED, 0),
    ],
)
def test_what_becomes_of_a_delivery(
    store: WebhookStore, answer: Answer, age: int, state: DeliveryState, due_in: int
) -> None:
    stop = threading.Event()
    clock = Clock(stop, 12)
    webhook_id = webhook(store)
    outbox = Outbox(store, webhook_id)
    place = LogPlace("rewards", 0, 7)
    outbox.take_in([Message(place, "msg_7", "kind", "{}")], [], 0, AT)
    clock.at = AT + age
    given = means(store, answer, clock)
    Courier(given, webhook_id, stop).send()
    sender: Any = given.sender
    assert sender.sent == ["msg_7"]
    (found,) = outbox.listed(None, 9)
    assert (found.state, found.due_at, found.attempts) == (state, clock.at + due_in, 1)


def test_a_webhook_that_was_removed_ends_its_courier(store: WebhookStore) -> None:
    stop = threading.Event()
    gone = Courier(means(store, OK, lambda: AT), "wh_gone", stop)
    gone.read()
    gone.send()
    assert not stop.is_set()


def test_an_error_of_our_own_ends_the_host(
    store: WebhookStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> Any:
        raise RuntimeError("a defect")

    monkeypatch.setattr(module, "WebhookLog", broken)
    webhook(store)
    with pytest.raises(RuntimeError, match="a defect"):
        Dispatcher(means(store, OK, lambda: AT)).run(threading.Event())
