"""A topic, Kafka or the store that is missing for a while stops nobody else, and is reported."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from kafka.errors import KafkaConnectionError
from support.fulfilment import wait_until
from support.webhooks import AT, OK, Clock, Log, means, webhook

from reftrail.contracts.errors import ExpectedError, NewerVersionNeeded
from reftrail.webhooks import courier as module
from reftrail.webhooks.courier import Courier
from reftrail.webhooks.database import StoreBusy
from reftrail.webhooks.dispatch import Dispatcher
from reftrail.webhooks.http import application
from reftrail.webhooks.metrics import WebhooksMetrics
from reftrail.webhooks.model import DeliveryState, LogPlace, Message
from reftrail.webhooks.outbox import Outbox
from reftrail.webhooks.store import WebhookStore


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WebhookStore]:
    monkeypatch.setattr(module, "_RECONNECT_SECONDS", 0)
    monkeypatch.setattr(module, "_PAUSE_SECONDS", 0)
    opened = WebhookStore.open(tmp_path / "webhooks.sqlite")
    yield opened
    opened.close()


class LateLog(Log):
    """A log that can't be read at the first attempts; seen is what was reported meanwhile."""

    def __init__(self, error: Exception, metrics: WebhooksMetrics) -> None:
        super().__init__([])
        self.errors = [error, error]
        self.metrics = metrics
        self.seen: list[dict[str, str]] = []

    def go_on(self, topics: object, positions: dict[tuple[str, int], int]) -> Any:
        self.seen.append(self.metrics.away.copy())
        if self.errors:
            raise self.errors.pop()
        return super().go_on(topics, positions)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ExpectedError("nowhere:1 has no topic rewards"), "nowhere:1 has no topic rewards"),
        (KafkaConnectionError("gone"), "Kafka doesn't answer: KafkaConnectionError"),
    ],
)
def test_a_log_that_can_not_be_read_is_told_and_tried_again(
    store: WebhookStore, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    stop = threading.Event()
    given = means(store, OK, Clock(stop, 15))
    log = LateLog(error, given.metrics)
    monkeypatch.setattr(module, "WebhookLog", lambda _: log)
    webhook_id = webhook(store)
    Courier(given, webhook_id, stop).read()
    before, first, second = (seen[webhook_id] for seen in log.seen)
    assert before == "its log wasn't read yet"
    assert said in first
    assert said in second
    assert store.positions(webhook_id)["rewards", 0] > 7


def test_a_record_of_a_newer_version_ends_the_host(
    store: WebhookStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def newer(_: object) -> Any:
        raise NewerVersionNeeded("install a newer one")

    monkeypatch.setattr(module, "WebhookLog", newer)
    webhook(store)
    with pytest.raises(NewerVersionNeeded):
        Dispatcher(means(store, OK, lambda: AT)).run(threading.Event())


class BusyAtFirst:
    """Transactions of a store that is locked so many times."""

    def __init__(self, store: WebhookStore, times: int) -> None:
        self._path, self._begin, self.times = store.path, store.transaction, times

    def __call__(self) -> AbstractContextManager[sa.Connection]:
        if self.times:
            self.times -= 1
            raise StoreBusy(self._path)
        return self._begin()


def test_what_was_sent_while_the_store_was_locked_is_noted_later_and_not_sent_again(
    store: WebhookStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = threading.Event()
    webhook_id = webhook(store)
    outbox = Outbox(store, webhook_id)
    outbox.take_in([Message(LogPlace("rewards", 0, 7), "msg_7", "kind", "{}")], [], 0, AT)
    busy = BusyAtFirst(store, 3)
    monkeypatch.setattr(store, "transaction", busy)
    given = means(store, OK, lambda: AT)
    sender: Any = given.sender
    courier = Courier(given, webhook_id, stop)
    thread = threading.Thread(target=courier.send)
    thread.start()
    wait_until(lambda: bool(outbox.listed(DeliveryState.DELIVERED, 9)), 60)
    stop.set()
    thread.join()
    assert (sender.sent, busy.times) == (["msg_7"], 0)
    assert [found.attempts for found in outbox.listed(DeliveryState.DELIVERED, 9)] == [1]


def test_the_log_is_read_on_once_the_store_is_no_longer_locked(
    store: WebhookStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = threading.Event()
    webhook_id = webhook(store)
    monkeypatch.setattr(module, "WebhookLog", lambda _: Log([]))
    monkeypatch.setattr(store, "transaction", BusyAtFirst(store, 2))
    Courier(means(store, OK, Clock(stop, 15)), webhook_id, stop).read()
    assert store.positions(webhook_id)["rewards", 0] > 7


async def readiness(metrics: WebhooksMetrics) -> tuple[int, str]:
    transport = httpx.ASGITransport(application(metrics))
    async with httpx.AsyncClient(transport=transport, base_url="http://webhooks") as client:
        answer = await client.get("/readyz")
    return answer.status_code, answer.json().get("reason", "")


async def test_it_is_ready_once_each_log_was_read(store: WebhookStore) -> None:
    metrics = means(store, OK, lambda: AT).metrics
    assert (await readiness(metrics))[0] == 503
    metrics.is_begun = True
    assert await readiness(metrics) == (200, "")
    metrics.away["wh_1"] = "nowhere:1 has no topic rewards"
    said = "logs can't be read: wh_1: nowhere:1 has no topic rewards"
    assert await readiness(metrics) == (503, said)


def test_a_host_is_not_ready_before_its_first_look(
    store: WebhookStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = threading.Event()
    read = threading.Event()

    def look(_: object) -> Any:
        read.wait()
        return Log([])

    monkeypatch.setattr(module, "WebhookLog", look)
    given = means(store, OK, lambda: AT)
    webhook_id = webhook(store)
    assert not given.metrics.is_begun
    thread = threading.Thread(target=Dispatcher(given).run, args=(stop,))
    thread.start()
    wait_until(lambda: given.metrics.is_begun, 60)
    assert webhook_id in given.metrics.away
    read.set()
    wait_until(lambda: not given.metrics.away, 60)
    stop.set()
    thread.join()
