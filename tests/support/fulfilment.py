"""Orders to fulfil, simulated partners in a thread, and real fulfilment processes."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from kafka import KafkaConsumer, TopicPartition

from reftrail.contracts.decisions import RewardGranted
from reftrail.contracts.installation import Installation
from reftrail.contracts.topics import REWARD_GRANTED
from reftrail.fulfilment.partners.app import application
from reftrail.fulfilment.partners.deliveries import Deliveries, Faults
from reftrail.hosting.serving import serve
from reftrail.local.ports import free_port
from reftrail.rules.decider import derived_id
from support import local_http
from support.host_process import HostProcess

SECRET = "a-signing-secret-of-the-tests-long-enough"
CARRIER_KEY = "a carrier's key"


def an_order(number: int = 1, kind: str = "credit", **given: Any) -> RewardGranted:
    """An order for a reward that follows from its number."""
    fields = {
        "event_id": derived_id("grant", str(number)),
        "event_time": 1_000,
        "received_at": 1_000,
        "cause_topic": "reward-inputs",
        "cause_partition": 0,
        "cause_offset": number,
        "cause_event_id": derived_id("cause", str(number)),
        "rules": "1",
        "reward_id": derived_id("reward", str(number)),
        "code": f"CODE{number % 17}",
        "user_id": f"user-{number}",
        "beneficiary": f"owner-{number % 17}",
        "role": "referrer",
        "action": "purchase",
        "value_micros": 5_000_000,
        "currency": "EUR",
        "kind": kind,
        "campaign_id": "spring",
        "campaign_version": 1,
        "item": "a mug" if kind == "shipment" else None,
        **given,
    }
    return RewardGranted(**fields)


@contextmanager
def partners(faults: Faults | None = None) -> Iterator[tuple[str, Deliveries]]:
    """The simulated partners: where they answer, and their books."""
    deliveries, port, loop = Deliveries(faults or Faults()), free_port(), asyncio.new_event_loop()
    app = application(deliveries, [SECRET], CARRIER_KEY)
    serving = loop.create_task(serve(app, "127.0.0.1", port, "PORT"))
    thread = threading.Thread(target=loop.run_until_complete, args=(asyncio.wait([serving]),))
    thread.start()
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: local_http.answers(f"{url}/readyz"))
        yield url, deliveries
    finally:
        loop.call_soon_threadsafe(serving.cancel)
        thread.join()
        loop.close()


def environment(
    installation: Installation, directory: Path, url: str, **settings: str
) -> dict[str, str]:
    """The variables of a fulfilment whose partners are at a URL, with short times."""
    directory.mkdir(parents=True, exist_ok=True)
    return {
        "REFTRAIL_BOOTSTRAP_SERVERS": installation.bootstrap_servers,
        "REFTRAIL_TOPIC_PREFIX": installation.topic_prefix,
        "REFTRAIL_FULFILMENT_JOURNAL": str(directory / "journal.sqlite"),
        "REFTRAIL_FULFILMENT_WEBHOOK_URL": url,
        "REFTRAIL_FULFILMENT_SIGNING_SECRETS": SECRET,
        "REFTRAIL_FULFILMENT_CARRIER_URL": url,
        "REFTRAIL_FULFILMENT_CARRIER_KEY": CARRIER_KEY,
        "REFTRAIL_FULFILMENT_TIMEOUT_SECONDS": "0.4",
        "REFTRAIL_FULFILMENT_RETRY_FIRST_SECONDS": "0.05",
        "REFTRAIL_FULFILMENT_RETRY_MOST_SECONDS": "0.2",
        **settings,
    }


class RunningFulfilment:
    """One `python -m reftrail.fulfilment`."""

    def __init__(
        self, installation: Installation, directory: Path, url: str, **settings: str
    ) -> None:
        self.port = free_port()
        self.log = directory / "fulfilment.log"
        variables = environment(installation, directory, url, **settings)
        variables["REFTRAIL_FULFILMENT_PORT"] = str(self.port)
        self.process = HostProcess("reftrail.fulfilment", os.environ | variables, self.log)

    def get(self, path: str) -> httpx.Response:
        return local_http.get(f"http://127.0.0.1:{self.port}{path}", timeout=10)

    def wait_until_ready(self) -> None:
        wait_until(
            lambda: self._alive() and local_http.answers(f"http://127.0.0.1:{self.port}/readyz")
        )

    def figure(self, name: str) -> float:
        """The sum of a figure over its labels."""
        lines = self.get("/metrics").text.splitlines()
        return sum(
            float(line.rpartition(" ")[2])
            for line in lines
            if line.startswith(f"reftrail_fulfilment_{name}")
        )

    def output(self) -> str:
        return self.log.read_text()[-4000:]

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(180)

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def _alive(self) -> bool:
        assert self.process.poll() is None, self.output()
        return True


@contextmanager
def fulfilment(
    installation: Installation, directory: Path, url: str, **settings: str
) -> Iterator[RunningFulfilment]:
    """A fulfilment that is ready, and is gone in the end."""
    running = RunningFulfilment(installation, directory, url, **settings)
    try:
        running.wait_until_ready()
        yield running
    finally:
        running.kill()


class Lag:
    """A function that gives the number of the orders' positions that a group hasn't passed."""

    def __init__(self, installation: Installation, group: str) -> None:
        self._consumer = KafkaConsumer(
            bootstrap_servers=installation.bootstrap_servers,
            group_id=group,
            isolation_level="read_committed",
        )
        name = installation.name_of(REWARD_GRANTED)
        numbers = self._consumer.partitions_for_topic(name)
        self._places = [TopicPartition(name, number) for number in numbers]

    def __call__(self) -> int:
        ends = self._consumer.end_offsets(self._places)
        return sum(ends[at] - (self._consumer.committed(at) or 0) for at in self._places)

    def close(self) -> None:
        self._consumer.close()


@contextmanager
def lag_of(installation: Installation, group: str | None = None) -> Iterator[Lag]:
    """The lag of a group, by default of the installation's, to be asked again and again."""
    lag = Lag(installation, group or f"{installation.topic_prefix}fulfilment")
    try:
        yield lag
    finally:
        lag.close()


def wait_until(holds: Callable[[], bool], seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)
