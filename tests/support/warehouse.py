"""Real warehouse processes for tests: embedded ClickHouse, real HTTP."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from kafka import KafkaConsumer, TopicPartition

from reftrail.contracts.installation import Installation
from reftrail.contracts.topics import PUBLIC_TOPICS
from reftrail.local.ports import free_port
from support import local_http
from support.host_process import HostProcess

SECRET = "sk_test_warehouse"


class RunningWarehouse:
    """One `python -m reftrail.warehouse` on a directory."""

    def __init__(self, installation: Installation, directory: Path, **settings: str) -> None:
        self.installation = installation
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.log = directory / "warehouse.log"
        self._settings = settings
        self.process = self._started()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def clickhouse_path(self) -> Path:
        return self.directory / "clickhouse"

    def _started(self) -> HostProcess:
        environment = {
            **os.environ,
            "REFTRAIL_BOOTSTRAP_SERVERS": self.installation.bootstrap_servers,
            "REFTRAIL_TOPIC_PREFIX": self.installation.topic_prefix,
            "REFTRAIL_CLICKHOUSE_PATH": str(self.clickhouse_path),
            "REFTRAIL_REPORTS_PORT": str(self.port),
            "REFTRAIL_SECRET_KEYS": SECRET,
            **self._settings,
        }
        return HostProcess("reftrail.warehouse", environment, self.log)

    def get(self, path: str, key: str | None = SECRET) -> httpx.Response:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        return local_http.get(self.url + path, headers=headers, timeout=60)

    def report(self, name: str, **query: str) -> dict[str, Any]:
        asked = "&".join(f"{key}={value}" for key, value in query.items())
        found: dict[str, Any] = self.get(f"/v1/reports/{name}?{asked}").raise_for_status().json()
        return found

    def wait_until(self, holds: Callable[[], bool], seconds: float = 180) -> None:
        deadline = time.monotonic() + seconds
        while not self._answers(holds):
            assert self.process.poll() is None, f"it ended:\n{self.output()}"
            assert time.monotonic() < deadline, f"not within {seconds} s:\n{self.output()}"
            time.sleep(0.05)

    def wait_until_ready(self) -> None:
        self.wait_until(lambda: self.get("/readyz").is_success)

    def wait_until_loaded(self) -> None:
        """Return when all that is written now, and will be committed, is loaded."""
        ends = log_ends(self.installation)

        def reached() -> bool:
            positions = self.get("/v1/positions").raise_for_status().json()
            return all(
                positions.get(topic, {}).get(str(partition), 0) >= end
                for (topic, partition), end in ends.items()
            )

        self.wait_until(reached)

    def output(self) -> str:
        return self.log.read_text()[-4000:]

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(180)

    def restart(self) -> None:
        """A new process on the same directory and port."""
        self.process = self._started()

    def numbers(self, *queries: str) -> list[int]:
        """The data in ClickHouse while no warehouse runs: each query asks for one number.

        Asked in a process of its own, which is gone when this one wants an engine.
        """
        arguments = (str(self.clickhouse_path), *queries)
        with TemporaryDirectory() as directory:
            said, errors = Path(directory, "numbers"), Path(directory, "errors")
            asked = HostProcess(
                "support.asked_numbers", os.environ, said, *arguments, errors=errors
            )
            try:
                assert asked.wait(180) == 0, errors.read_text()
            finally:
                asked.kill()
            numbers: list[int] = json.loads(said.read_text())
        return numbers

    @staticmethod
    def _answers(holds: Callable[[], bool]) -> bool:
        try:
            return holds()
        except httpx.HTTPError:
            return False


@contextmanager
def warehouse(
    installation: Installation, directory: Path, **settings: str
) -> Iterator[RunningWarehouse]:
    """A warehouse that is ready, and is gone in the end."""
    running = RunningWarehouse(installation, directory, **settings)
    try:
        running.wait_until_ready()
        yield running
    finally:
        running.kill()


def log_ends(installation: Installation) -> Mapping[tuple[str, int], int]:
    """For each partition of the public topics the position after its last message.

    Open transactions included, since what was committed may not be readable yet.
    """
    consumer = KafkaConsumer(bootstrap_servers=installation.bootstrap_servers)
    try:
        places = {
            TopicPartition(installation.name_of(topic), number): (topic.name, number)
            for topic in PUBLIC_TOPICS
            for number in consumer.partitions_for_topic(installation.name_of(topic))
        }
        return {places[at]: end for at, end in consumer.end_offsets(list(places)).items()}
    finally:
        consumer.close()
