"""A collector as it runs in production (its own process, real HTTP, real Kafka), or in this one."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from reftrail.collector.http import Collector
from reftrail.collector.main import compose
from reftrail.collector.settings import CollectorSettings
from reftrail.contracts.installation import Installation
from reftrail.local.ports import free_port
from support import local_http
from support.host_process import HostProcess

SECRET = "sk_test_secret"
PUBLISHABLE = "pk_test_published"
HASH_KEY = "k1:" + "5e" * 32


@dataclass(frozen=True)
class RunningCollector:
    url: str
    process: HostProcess
    log: Path

    def client(self, key: str | None = SECRET) -> httpx.Client:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=90)

    def wait_ready(self, seconds: float = 120.0) -> None:
        until = time.monotonic() + seconds
        while True:
            answer: object
            try:
                answer = local_http.get(f"{self.url}/readyz", timeout=5).status_code
                if answer == 200:
                    return
            except httpx.HTTPError as error:
                answer = error
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < until, (answer, self.log.read_text())
            time.sleep(0.05)

    def metric(self, line: str) -> float:
        """The value of a metric, named as in the exposition format, labels included."""
        for found in local_http.get(f"{self.url}/metrics", timeout=5).text.splitlines():
            if found.startswith(line + " "):
                return float(found.rpartition(" ")[2])
        return 0.0


@contextmanager
def running_collector(
    installation: Installation, log: Path, **settings: str
) -> Iterator[RunningCollector]:
    """Started, not yet ready; killed at the end if it is still there."""
    port = free_port()
    environment = {
        "REFTRAIL_BOOTSTRAP_SERVERS": installation.bootstrap_servers,
        "REFTRAIL_TOPIC_PREFIX": installation.topic_prefix,
        "REFTRAIL_SECRET_KEYS": SECRET,
        "REFTRAIL_PUBLISHABLE_KEYS": PUBLISHABLE,
        "REFTRAIL_HASH_KEY": HASH_KEY,
        "REFTRAIL_COLLECTOR_PORT": str(port),
        "REFTRAIL_LANDING_URL": "https://shop.example/welcome?lang=en",
        # Kafka is slow on a busy machine; those who test impatience say how much.
        "REFTRAIL_ACK_TIMEOUT_SECONDS": "60",
        "REFTRAIL_REDIRECT_TIMEOUT_SECONDS": "60",
    } | {f"REFTRAIL_{name.upper()}": value for name, value in settings.items()}
    log.write_bytes(b"")
    process = HostProcess("reftrail.collector", os.environ | environment, log)
    try:
        yield RunningCollector(f"http://127.0.0.1:{port}", process, log)
    finally:
        process.kill()
        process.wait()


def collector_without_kafka(**given: Any) -> Collector:
    """One in this process that knows the keys sk and pk, and whose Kafka never answers."""
    settings = {
        "bootstrap_servers": "b:1",
        "hash_key": "k1:30313233343536373839616263646566",
        "secret_keys": "sk",
        "publishable_keys": "pk",
        "ack_timeout_seconds": 0.1,
    }
    return compose(CollectorSettings.model_validate(settings | given)).collector
