"""Leaders of partitions that die or are moved while a collector takes events: three brokers."""

import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import httpx
import pytest
from support.cluster import REPLICAS, Cluster, running_cluster
from support.collector import running_collector
from support.kafka import TestInstallation
from support.log import read_committed
from support.metrics import wait_until

from reftrail.contracts.topics import EVENTS
from reftrail.local.topics import create_topics

pytestmark = pytest.mark.faults

SENDERS = 6
SECONDS = 300.0
"""A broker's start, and its replicas' reading of what they lack, take a busy machine a while."""
GOES_ON = 60.0
"""The longest time without an accepted event, with one broker of three away; 6 s when idle."""


class Load:
    """Clients that send events, and keep the ids of those that were answered with 2xx."""

    def __init__(self, client: httpx.Client) -> None:
        self.accepted: list[str] = []
        self.refused = 0
        self._client = client
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(n,)) for n in range(SENDERS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join(SECONDS)
            assert not thread.is_alive()

    def go_on(self) -> None:
        """Wait until clients that send now are answered with 2xx again."""
        wanted = len(self.accepted) + 50 * SENDERS
        wait_until(lambda: len(self.accepted) >= wanted, seconds=GOES_ON)

    def _send(self, sender: int) -> None:
        drawn = random.Random(sender)
        number = 0
        while not self._is_over.is_set():
            number += 1
            ids = [_event_id(drawn) for _ in range(drawn.choice((1, 1, 1, 20)))]
            events = [
                {"type": "view", "event_id": event_id, "visitor_id": f"v{sender}-{number % 50}"}
                for event_id in ids
            ]
            body = events[0] if len(events) == 1 else {"events": events}
            answer = self._client.post("/v1/events", json=body)
            if answer.status_code == 202:
                self.accepted += ids
            else:
                assert answer.status_code == 503
                self.refused += len(ids)
                time.sleep(0.1)


def _event_id(drawn: random.Random) -> str:
    digits = f"{drawn.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running_cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


def replace_leader(cluster: Cluster, topic: str, node: int, load: Load, *, is_killed: bool) -> None:
    """Take a broker that leads partitions away, and bring it back when it was replaced."""
    wait_until(lambda: node in cluster.leaders(topic), seconds=SECONDS)
    broker = cluster.brokers[node]
    if is_killed:
        broker.kill()
    else:
        broker.stop()
    wait_until(lambda: cluster.is_led(topic, without=node), seconds=SECONDS)
    load.go_on()
    broker.start()
    wait_until(lambda: cluster.is_whole(topic), seconds=SECONDS)
    load.go_on()


def test_all_that_was_accepted_is_in_the_log_whichever_leader_dies(
    cluster: Cluster, tmp_path: Path
) -> None:
    """In turn a leader is killed, and stopped in order, so that others take its partitions."""
    own = TestInstallation(
        bootstrap_servers=cluster.bootstrap_servers, topic_prefix="leaders.", partitions=6
    )
    create_topics(own, own.partitions, REPLICAS)
    name = own.name_of(EVENTS)
    wait_until(lambda: cluster.is_whole(name), seconds=SECONDS)
    with running_collector(own, tmp_path / "collector.log") as collector:
        collector.wait_ready()
        with collector.client() as client, Load(client) as load:
            load.go_on()
            for node, is_killed in ((2, True), (3, True), (2, False), (3, False)):
                replace_leader(cluster, name, node, load, is_killed=is_killed)
    found = [logged.record.event_id for logged in read_committed(own, EVENTS)]
    assert set(load.accepted) <= set(found)
    assert len(found) == len(set(found))
    assert len(found) <= len(load.accepted) + load.refused
