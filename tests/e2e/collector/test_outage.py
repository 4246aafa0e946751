"""Answers while Kafka is away, and the topic's records when it is back."""

import os
import secrets
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from support.collector import RunningCollector, running_collector
from support.kafka import TestInstallation
from support.log import read_committed
from support.metrics import wait_until

from reftrail.client import Reftrail
from reftrail.contracts.topics import EVENTS
from reftrail.local.broker import Broker
from reftrail.local.ports import answers
from reftrail.local.topics import create_topics

LONGER_THAN_AN_ACK = 10.0
"""Seconds; the collector waits 1 s for one, and Kafka's client 30 s for a request."""
LONGER_THAN_A_START = 180.0
"""Seconds; a killed broker looks through its partitions, which takes a busy machine a while."""
BROWSER = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0"}


def clicks(count: int) -> list[dict[str, Any]]:
    return [
        {"type": "click", "event_id": str(uuid4()), "visitor_id": f"v{number % 7}"}
        for number in range(count)
    ]


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker of these tests' own, to be killed."""
    with Broker(tmp_path_factory.mktemp("kafka")) as running:
        yield running


@pytest.fixture
def broker(mortal: Broker) -> Broker:
    """The broker, running again if a test killed it."""
    if not answers(mortal.settings.port):
        mortal.start()
    return mortal


@pytest.fixture
def own(broker: Broker) -> TestInstallation:
    """Topics of the test's own."""
    made = TestInstallation(
        bootstrap_servers=broker.bootstrap_servers,
        topic_prefix=f"test-{secrets.token_hex(4)}.",
        partitions=3,
    )
    create_topics(made, made.partitions)
    return made


@pytest.fixture
def collector(own: TestInstallation, tmp_path: Path) -> Iterator[RunningCollector]:
    with running_collector(
        own,
        tmp_path / "collector.log",
        ack_timeout_seconds="1",
        redirect_timeout_seconds="0.5",
        buffer_bytes=str(2**20),
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
        tries = 1
        while client.post("/v1/events", json={"events": before}).status_code != 202:
            tries += 1  # an acknowledgement takes more than a second on a busy machine
            assert tries < 60
        broker.kill()

        began = time.monotonic()
        answer = client.post("/v1/events", json={"events": during})
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "2"
        assert time.monotonic() - began < LONGER_THAN_AN_ACK
        # What follows isn't kept waiting, and waits for nothing in memory.
        began = time.monotonic()
        for _ in range(10):
            assert client.post("/v1/events", json={"events": clicks(1000)}).status_code == 503
        assert time.monotonic() - began < LONGER_THAN_AN_ACK
        assert collector.metric("reftrail_collector_buffered_bytes") < 2**20
        assert collector.metric("reftrail_collector_broker_up") == 0
        assert client.get("/readyz").status_code == 503
        assert client.get("/healthz").status_code == 200

        began = time.monotonic()
        redirected = client.get("/r/AMY1", headers=BROWSER)
        assert redirected.status_code == 302
        assert "ref=AMY1" in redirected.headers["location"]
        assert time.monotonic() - began < LONGER_THAN_AN_ACK

        broker.start()
        collector.wait_ready()
        assert client.post("/v1/events", json={"events": during}).status_code == 202
    found = ids_on_topic(own)
    assert {event["event_id"] for event in before + during} <= set(found)
    # The first try was kept by the idempotent producer, so that it is there once or twice, and
    # in order; its ids tell that it is the same.
    for event in before:
        assert 1 <= found.count(event["event_id"]) <= tries
    lost = 'reftrail_collector_redirect_clicks_total{outcome="lost"}'
    wait_until(lambda: collector.metric(lost) == 1, 180)


def test_a_client_gets_everything_through_an_outage(
    collector: RunningCollector, broker: Broker, own: TestInstallation
) -> None:
    sent = clicks(3000)
    with Reftrail(collector.url, "sk_test_secret", patience=LONGER_THAN_A_START) as reftrail:
        progress = threading.Event()

        def send() -> None:
            for start in range(0, len(sent), 50):
                assert reftrail.send(sent[start : start + 50]).accepted == 50
                if start > 500:
                    progress.set()

        thread = threading.Thread(target=send)
        thread.start()
        assert progress.wait(90)
        broker.kill()
        time.sleep(2)
        broker.start()
        thread.join(2 * LONGER_THAN_A_START)
        assert not thread.is_alive()
    assert set(ids_on_topic(own)) == {event["event_id"] for event in sent}


def test_a_broker_that_hangs(collector: RunningCollector, broker: Broker) -> None:
    os.kill(broker.pid, signal.SIGSTOP)
    try:
        with collector.client() as client:
            began = time.monotonic()
            answer = client.post("/v1/events", json={"events": clicks(1)})
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
            assert time.monotonic() - began < LONGER_THAN_AN_ACK
    finally:
        os.kill(broker.pid, signal.SIGCONT)
    collector.wait_ready()


def test_sigterm_during_an_outage_ends_the_collector(
    collector: RunningCollector, broker: Broker
) -> None:
    broker.kill()
    with collector.client() as client:
        assert client.post("/v1/events", json={"events": clicks(1)}).status_code == 503
    collector.process.send_signal(signal.SIGTERM)
    assert collector.process.wait(180) == 0
