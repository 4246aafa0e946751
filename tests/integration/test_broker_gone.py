"""Hosts whose broker isn't there yet, goes away for a while, or for good."""

import sys
import time
from contextlib import ExitStack
from pathlib import Path
from threading import Event, Thread
from typing import Any

import psutil
import pytest
from kafka.errors import KafkaError
from support.fulfilment import an_order, fulfilment, partners, wait_until
from support.java import load_classes_once
from support.kafka import TestInstallation
from support.log import produce, read_committed, writing
from support.worker import worker

from reftrail.contracts.events import Purchase
from reftrail.contracts.topics import EVENTS, FULFILMENTS, REWARD_GRANTED
from reftrail.local.broker import Broker
from reftrail.local.held_process import output_of
from reftrail.local.ports import free_port
from reftrail.local.topics import create_topics

T0 = 1_790_000_000_000
STOP_SECONDS = 4
LONGER_THAN_A_SESSION = 11
PATIENCE = {"request_timeout_ms": 5_000, "delivery_timeout_ms": 10_000, "max_block_ms": 10_000}
"""Of the writer for the broker, so that it has ended, and is closed, before the test has."""
A_LITTLE = 2.2
"""Of the processor time that a worker's start takes, in 10 s; it was three times that start."""


def _purchases(installation: TestInstallation, stopping: Event) -> None:
    """Keep all partitions busy, so that transactions are under way when the broker goes."""
    try:
        with writing(installation, EVENTS, **PATIENCE) as write:
            n = 0
            while not stopping.wait(0.02):
                write(
                    Purchase(
                        event_id=f"e{n + i}",
                        event_time=T0,
                        received_at=T0,
                        user_id=f"u{n + i}",
                        order_id=f"o{n + i}",
                        amount_micros=1_000_000,
                        currency="EUR",
                    )
                    for i in range(50)
                )
                n += 50
    except KafkaError:
        return


def _joined(thread: Thread) -> None:
    thread.join(60)
    assert not thread.is_alive()


def _imports() -> float:
    """The processor time of a worker's imports, which are made before the tests' hosts begin."""
    code = "import time, reftrail.engine.worker; print(time.process_time())"
    return float(output_of([sys.executable, "-c", code]))


def _used(process: psutil.Process) -> float:
    """Its processor time, in seconds."""
    return float(sum(process.cpu_times()[:2]))


def test_a_worker_that_is_there_first_waits_for_its_broker(tmp_path: Path) -> None:
    load_classes_once(tmp_path)
    kafka, port, log = tmp_path / "kafka", free_port(), tmp_path / "worker.log"
    installation = TestInstallation(
        bootstrap_servers=f"127.0.0.1:{port}", topic_prefix="later.", partitions=2
    )
    with worker(installation, log) as running:
        wait_until(lambda: "wait_for_broker" in log.read_text(), 180)
        with Broker(kafka, port):
            create_topics(installation, installation.partitions)
            running.wait_until_ready(90)
            assert running.stop() == 0
    assert "Traceback" not in log.read_text()


@pytest.mark.faults
def test_a_worker_without_a_broker_waits_quietly_and_ends_when_told(tmp_path: Path) -> None:
    load_classes_once(tmp_path)
    stopping, log = Event(), tmp_path / "worker.log"
    with ExitStack() as at_the_end:
        with Broker(tmp_path / "kafka") as broker:
            installation = TestInstallation(
                bootstrap_servers=broker.bootstrap_servers, topic_prefix="gone.", partitions=8
            )
            create_topics(installation, installation.partitions)
            running = at_the_end.enter_context(
                worker(installation, log, REFTRAIL_STOP_SECONDS=str(STOP_SECONDS))
            )
            running.wait_until_ready(90)
            process = psutil.Process(running.process.pid)
            start = _imports() + _used(process)
            buying = Thread(target=_purchases, args=(installation, stopping), daemon=True)
            buying.start()
            time.sleep(4)
            assert buying.is_alive()
        stopping.set()
        at_the_end.callback(_joined, buying)
        time.sleep(5)
        lines, before, began = log.read_text().count("\n"), _used(process), time.monotonic()
        time.sleep(10)
        used = (_used(process) - before) * 10 / (time.monotonic() - began)
        assert running.process.poll() is None
        assert used < A_LITTLE * start
        assert log.read_text().count("\n") - lines < 500
        assert running.stop() == 75
    assert "ends without having finished" in log.read_text()


@pytest.mark.faults
def test_a_fulfilment_whose_broker_was_killed_goes_on_or_ends(tmp_path: Path) -> None:
    """It may end, since Kafka may have given its transactions up; a supervisor starts it again."""
    load_classes_once(tmp_path)
    with Broker(tmp_path / "kafka") as broker, partners() as (url, _):
        installation = TestInstallation(
            bootstrap_servers=broker.bootstrap_servers, topic_prefix="away.", partitions=2
        )
        create_topics(installation, installation.partitions)
        with fulfilment(installation, tmp_path / "fulfilment", url) as running:
            produce(installation, REWARD_GRANTED, [an_order(n) for n in range(40)])
            wait_until(lambda: bool(read_committed(installation, FULFILMENTS)), 180)
            broker.kill()
            time.sleep(LONGER_THAN_A_SESSION)
            broker.start()
            began = time.monotonic()
            while not given(installation, 40) and running.process.poll() is None:
                assert time.monotonic() - began < 120
                time.sleep(0.5)
        if not given(installation, 40):
            with fulfilment(installation, tmp_path / "fulfilment", url):
                wait_until(lambda: given(installation, 40), 180)


def given(installation: TestInstallation, count: int) -> bool:
    """Whether so many rewards are reported."""
    reports: list[Any] = [logged.record for logged in read_committed(installation, FULFILMENTS)]
    return len({report.reward_id for report in reports}) == count
