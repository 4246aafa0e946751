"""What is answered while Kafka is away, and what is on the topic when it is back."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from support.collector import RunningCollector, running_collector
from support.kafka import TestInstallation
from support.log import read_committed

from reftrail.client import NotSent, Reftrail
from reftrail.contracts.topics import EVENTS
from reftrail.local.broker import Broker
from reftrail.local.topics import create_topics

BROWSER = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0"}


def clicks(count: int) -> list[dict[str, Any]]:
    return [
        {"type": "click", "event_id": str(uuid4()), "visitor_id": f"v{number % 7}"}
        for number in range(count)
    ]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker of the test's own, to be killed."""
    with Broker(tmp_path / "kafka") as running:
        yield running


@pytest.fixture
def own(broker: Broker) -> TestInstallation:
    made = TestInstallation(bootstrap_servers=broker.bootstrap_servers, partitions=3)
    create_topics(made, made.partitions)
    return made


@pytest.fixture
def collector(own: TestInstallation, tmp_path: Path) -> Iterator[RunningCollector]:
    with running_collector(
        own, tmp_path / "collector.log", ack_timeout_seconds="1", buffer_bytes=str(2**20)
    ) as running:
        running.wait_ready()
        yield running


def ids_on_topic(installation: TestInstallation) -> list[str]:
    return [logged.record.event_id for logged in read_committed(installation, EVENTS)]


def test_a_killed_broker(
    collector: RunningCollector, broker: Broker, own: TestInstallation
) -> None:
    before, during = clicks(10), clicks(10)
    with collector.client() as client:
        assert client.post("/v1/events", json={"events": before}).status_code == 202
        broker.kill()

        began = time.monotonic()
        answer = client.post("/v1/events", json={"events": during})
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "2"
        assert time.monotonic() - began < 3
        # What follows isn't kept waiting, and waits for nothing in memory.
        began = time.monotonic()
        for _ in range(10):
            assert client.post("/v1/events", json={"events": clicks(1000)}).status_code == 503
        assert time.monotonic() - began < 10
        assert collector.metric("reftrail_collector_buffered_bytes") < 2**20
        assert collector.metric("reftrail_collector_broker_up") == 0
        assert client.get("/readyz").status_code == 503
        assert client.get("/healthz").status_code == 200

        began = time.monotonic()
        redirected = client.get("/r/AMY1", headers=BROWSER)
        assert redirected.status_code == 302
        assert "ref=AMY1" in redirected.headers["location"]
        assert time.monotonic() - began < 2

        broker.start()
        collector.wait_ready()
        assert client.post("/v1/events", json={"events": during}).status_code == 202
    found = ids_on_topic(own)
    assert {event["event_id"] for event in before + during} <= set(found)
    # The first try was kept by the idempotent producer, so that it is there once or twice, and
    # in order; its ids tell that it is the same.
    for event in before:
        assert found.count(event["event_id"]) == 1
    lost = 'reftrail_collector_redirect_clicks_total{outcome="lost"}'
    assert collector.metric(lost) == 1


def test_a_client_gets_everything_through_an_outage(
    collector: RunningCollector, broker: Broker, own: TestInstallation
) -> None:
    sent = clicks(3000)
    with Reftrail(collector.url, "sk_test_secret") as reftrail:
        progress = threading.Event()

        def send() -> None:
            for start in range(0, len(sent), 50):
                assert reftrail.send(sent[start : start + 50]).accepted == 50
                if start > 500:
                    progress.set()

        thread = threading.Thread(target=send)
        thread.start()
        assert progress.wait(30)
        broker.kill()
        time.sleep(2)
        broker.start()
        thread.join(60)
        assert not thread.is_alive()
    assert set(ids_on_topic(own)) == {event["event_id"] for event in sent}


def test_a_broker_that_hangs(collector: RunningCollector, broker: Broker) -> None:
    os.kill(broker.pid, signal.SIGSTOP)
    try:
        with collector.client() as client:
            began = time.monotonic()
            answer = client.post("/v1/events", json={"events": clicks(1)})
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
            assert time.monotonic() - began < 3
    finally:
        os.kill(broker.pid, signal.SIGCONT)
    collector.wait_ready(30)


def test_sigterm_during_an_outage_ends_the_collector(
    collector: RunningCollector, broker: Broker
) -> None:
    broker.kill()
    with collector.client() as client:
        assert client.post("/v1/events", json={"events": clicks(1)}).status_code == 503
    collector.process.send_signal(signal.SIGTERM)
    assert collector.process.wait(15) == 0


def test_a_refused_key_is_told_by_the_client(collector: RunningCollector) -> None:
    with (
        Reftrail(collector.url, "wrong") as reftrail,
        pytest.raises(NotSent, match="401: give a known API key"),
    ):
        reftrail.send(clicks(1))
    assert httpx.get(f"{collector.url}/healthz").status_code == 200
