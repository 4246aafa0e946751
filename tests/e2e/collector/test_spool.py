"""A collector with a spool: its broker killed, itself killed, and every 2xx event in the log."""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from support.collector import SECRET, RunningCollector, running_collector
from support.kafka import TestInstallation
from support.log import read_committed
from support.metrics import wait_until

from reftrail.contracts.topics import EVENTS
from reftrail.local.broker import Broker
from reftrail.local.topics import create_topics

SENDERS = 4
OUTAGES = 1
MORE = 60
PATIENCE = 240.0


class Sender(threading.Thread):
    """One visitor's events, one after the other; acknowledged are the ids of those with 202."""

    def __init__(self, visitor: str, url: str) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.acknowledged: list[str] = []
        self.answers = Counter[int]()
        self._visitor = visitor
        self._stopping = threading.Event()

    def run(self) -> None:
        with httpx.Client(headers={"authorization": f"Bearer {SECRET}"}, timeout=90) as client:
            while not self._stopping.is_set():
                event_id = str(uuid4())
                event = {"type": "click", "event_id": event_id, "visitor_id": self._visitor}
                while not self._stopping.is_set() and not self._is_taken(client, event):
                    time.sleep(0.05)

    def stop(self) -> None:
        self._stopping.set()
        self.join(PATIENCE)
        assert not self.is_alive()

    def _is_taken(self, client: httpx.Client, event: dict[str, str]) -> bool:
        try:
            answer = client.post(f"{self.url}/v1/events", json=event)
        except httpx.HTTPError:
            return False
        self.answers[answer.status_code] += 1
        if answer.status_code == 202:
            self.acknowledged.append(event["event_id"])
        return answer.status_code == 202


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker of the test's own, to be killed."""
    with Broker(tmp_path / "kafka") as running:
        yield running


@pytest.mark.faults
def test_kills_of_broker_and_collector_lose_nothing_that_was_acknowledged(
    broker: Broker, tmp_path: Path
) -> None:
    own = TestInstallation(bootstrap_servers=broker.bootstrap_servers, partitions=3)
    create_topics(own, own.partitions)
    numbers = itertools.count()
    spool = str(tmp_path / "spool")

    with ExitStack() as at_the_end:

        def started() -> RunningCollector:
            log = tmp_path / f"collector-{next(numbers)}.log"
            return at_the_end.enter_context(
                running_collector(own, log, ack_timeout_seconds="1", collector_spool=spool)
            )

        def restarted(collector: RunningCollector) -> RunningCollector:
            collector.process.kill()
            collector.process.wait()
            return started()

        def take_more(collector: RunningCollector) -> None:
            for sender in senders:
                sender.url = collector.url
            wanted = sum(len(sender.acknowledged) for sender in senders) + MORE
            wait_until(lambda: sum(len(one.acknowledged) for one in senders) > wanted, PATIENCE)

        collector = started()
        senders = [Sender(f"v{n}", collector.url) for n in range(SENDERS)]
        for sender in senders:
            sender.start()
        take_more(collector)
        for _ in range(OUTAGES):
            broker.kill()
            take_more(collector)
            assert collector.metric("reftrail_collector_spool_events") > 0
            # Killed while it writes to the spool, and started while Kafka is away.
            collector = restarted(collector)
            take_more(collector)
            broker.start()
            # Killed again in the middle of the replay, wherever that is by then.
            collector = restarted(collector)
            take_more(collector)
        for sender in senders:
            sender.stop()
        wait_until(lambda: not collector.metric("reftrail_collector_spool_events"), PATIENCE)

    logged = read_committed(own, EVENTS)
    assert not {status for one in senders for status in one.answers} - {202, 503}
    for number, sender in enumerate(senders):
        mine = [one.record.event_id for one in logged if one.key == f"v{number}"]
        first = list(dict.fromkeys(mine))  # later ones have the same event_id, and count once
        unanswered = set(first) - set(sender.acknowledged)
        assert [one for one in first if one not in unanswered] == sender.acknowledged
        # Without an answer: the one that each kill of the collector cut short, sent again.
        assert len(unanswered) <= 1
