"""Two warehouses on one ClickHouse server: one loads, and the other goes on when it can't."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import pytest
from support import local_http
from support.host_process import run_command
from support.kafka import TestInstallation
from support.log import produce, writing
from support.served_clickhouse import served_clickhouse
from support.warehouse import RunningWarehouse

from reftrail.contracts.events import Click
from reftrail.contracts.topics import EVENTS

T0 = 1_790_000_000_000
SILENCE_SECONDS = "15"
"""Longer than the default, so that a machine that is busy takes no live warehouse for dead."""


def clicks(begin: int, end: int) -> list[Click]:
    """Every tenth has the id of one before."""
    return [
        Click(
            event_id=f"e{number - 5 if number % 10 == 9 else number}",
            event_time=T0 + number,
            received_at=T0 + number,
            visitor_id=f"v{number % 97}",
            code="AMY",
        )
        for number in range(begin, end)
    ]


class Server:
    """A ClickHouse server, and warehouses on it."""

    def __init__(self, address: str, installation: TestInstallation, directory: Path) -> None:
        self._address = address
        self._installation = installation
        self._directory = directory
        self.url = f"{address.replace('//', '//any:any@')}/default"

    @contextmanager
    def warehouse(self, name: str) -> Iterator[RunningWarehouse]:
        running = RunningWarehouse(
            self._installation,
            self._directory / name,
            REFTRAIL_CLICKHOUSE_PATH="",
            REFTRAIL_CLICKHOUSE_URL=self.url,
            REFTRAIL_WAREHOUSE_TAKEOVER_SECONDS=SILENCE_SECONDS,
            REFTRAIL_LOAD_DELAY_MS="20",
        )
        try:
            yield running
        finally:
            running.kill()

    def number(self, query: str) -> int:
        return int(local_http.post(self._address, content=query).raise_for_status().text)

    def check(self, total: int) -> None:
        """Each message is in one table, once, and no load is open."""
        assert self.number("SELECT count() FROM events") == total * 9 // 10
        assert self.number("SELECT uniqExact(event_id) FROM events") == total * 9 // 10
        assert self.number("SELECT count() FROM duplicate_events") == total // 10
        assert self.number("SELECT sum(messages) FROM loads FINAL") == total
        assert self.number("SELECT count() FROM loads FINAL WHERE closed = 0") == 0


@pytest.fixture
def server(installation: TestInstallation, tmp_path: Path) -> Iterator[Server]:
    with served_clickhouse(tmp_path / "clickhouse") as address:
        yield Server(address, installation, tmp_path)


def is_standby(running: RunningWarehouse) -> bool:
    answer = running.get("/readyz")
    return answer.status_code == 503 and "waits as a standby" in answer.json()["reason"]


class Trickle:
    """Events that keep coming, until it is left."""

    def __init__(self, installation: TestInstallation) -> None:
        self.total = 0
        self._installation = installation
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def _write(self) -> None:
        with writing(self._installation, EVENTS) as write:
            while not self._enough.wait(0.25):
                write(clicks(self.total, self.total + 100))
                self.total += 100

    def stop(self) -> None:
        self._enough.set()
        self._thread.join()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


@pytest.mark.faults
def test_a_standby_goes_on_when_the_first_is_killed(
    installation: TestInstallation, server: Server
) -> None:
    with server.warehouse("first") as first, server.warehouse("second") as second:
        one, other = (first, second) if _loads(first, second) else (second, first)
        other.wait_until(lambda: is_standby(other))
        with Trickle(installation) as trickle:
            one.wait_until(lambda: server.number("SELECT count() FROM events") > 0)
            one.kill()
            other.wait_until_ready()
            one.restart()
            one.wait_until(lambda: is_standby(one))
        other.wait_until_loaded()
        server.check(trickle.total)
        assert other.report("funnel")["rows"][0]["clicks"] == trickle.total * 9 // 10

        assert other.stop() == 0
        one.wait_until_ready()
        produce(installation, EVENTS, clicks(trickle.total, trickle.total + 100))
        one.wait_until_loaded()
        server.check(trickle.total + 100)
        assert one.stop() == 0
        assert "loads (epoch 2)" in one.output()


@pytest.mark.faults
def test_one_that_was_frozen_and_wakes_up_inserts_nothing(
    installation: TestInstallation, server: Server
) -> None:
    with server.warehouse("first") as first, Trickle(installation) as trickle:
        first.wait_until(lambda: server.number("SELECT count() FROM events") > 0)
        with server.warehouse("second") as second:
            second.wait_until(lambda: is_standby(second))
            first.process.send_signal(signal.SIGSTOP)
            second.wait_until_ready()
            seen = server.number("SELECT count() FROM events")
            second.wait_until(lambda: server.number("SELECT count() FROM events") > seen)

            first.process.send_signal(signal.SIGCONT)

            assert first.process.wait(60) == 1
            assert "another warehouse on this ClickHouse server has taken over" in first.output()
            trickle.stop()
            second.wait_until_loaded()
            server.check(trickle.total)


def test_commands_are_refused_while_a_warehouse_runs_and_take_its_turn_after_it(
    installation: TestInstallation, server: Server
) -> None:
    produce(installation, EVENTS, clicks(0, 200))
    with server.warehouse("first") as first:
        first.wait_until_ready()
        first.wait_until_loaded()
        refused = _command(installation, server, "migrate")
        assert refused.returncode == 1
        assert "loads into this ClickHouse server; stop it" in refused.stderr
        first.kill()

        rebuilt = _command(installation, server, "rebuild", "--replace")
        assert rebuilt.returncode == 0, rebuilt.stderr
        assert "duplicate_events: 20 rows, rebuilt 20: the same\n" in rebuilt.stdout
        server.check(200)
        first.restart()
        first.wait_until_ready()
        produce(installation, EVENTS, clicks(200, 300))
        first.wait_until_loaded()
        server.check(300)


def _loads(first: RunningWarehouse, second: RunningWarehouse) -> bool:
    """Whether it is the first's turn."""
    found: list[bool] = []

    def decided() -> bool:
        found[:] = [running.get("/readyz").is_success for running in (first, second)]
        return any(found)

    first.wait_until(decided)
    return found[0]


def _command(
    installation: TestInstallation, server: Server, *arguments: str
) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "REFTRAIL_BOOTSTRAP_SERVERS": installation.bootstrap_servers,
        "REFTRAIL_TOPIC_PREFIX": installation.topic_prefix,
        "REFTRAIL_CLICKHOUSE_URL": server.url,
        "REFTRAIL_WAREHOUSE_TAKEOVER_SECONDS": SILENCE_SECONDS,
    }
    return run_command("warehouse", *arguments, environment=environment)
