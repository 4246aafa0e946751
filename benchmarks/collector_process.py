"""A collector that benchmarks start: its process, events for it, and what it has written."""

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx
from kafka import KafkaConsumer, TopicPartition

from reftrail.local.held_process import HeldProcess
from reftrail.local.ports import free_port

KEY: Final = "sk_benchmark"
_AGENT: Final = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/{}.0 Safari/537.36"
_READY_SECONDS: Final = 120


def event_fields(number: int) -> dict[str, str]:
    """An event with a code, an address, a device and a user agent, and without an event_id."""
    return {
        "type": ("view", "click", "view", "form_started")[number % 4],
        "event_time": "2025-03-01T12:00:00.123Z",
        "visitor_id": f"visitor-{number % 9973}",
        "code": f"C{number % 1000}",
        "source": "electronic",
        "device_id": f"device-{number % 9973}",
        "ip": f"203.0.{number % 113}.{number % 251}",
        "user_agent": _AGENT.format(100 + number % 40),
        "country": "DE",
    }


@contextmanager
def running_collector(
    command: Sequence[str], environment: Mapping[str, str], log: Path
) -> Iterator[tuple[str, HeldProcess[bytes]]]:
    """A collector that is ready, by its command: its address and process. KEY is its secret key."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    settings = {
        "REFTRAIL_SECRET_KEYS": KEY,
        "REFTRAIL_HASH_KEY": f"k1:{secrets.token_hex(32)}",
        "REFTRAIL_COLLECTOR_PORT": str(port),
    }
    with log.open("wb") as out:
        process = HeldProcess[bytes](list(command), env={**environment, **settings}, stderr=out)
    try:
        _wait_ready(url, process, log)
        yield url, process
    finally:
        process.terminate()
        process.wait(30)


def _wait_ready(url: str, process: HeldProcess[bytes], log: Path) -> None:
    until = time.monotonic() + _READY_SECONDS
    while True:
        try:
            if httpx.get(f"{url}/readyz", timeout=5).is_success:
                return
        except httpx.TransportError:
            pass
        if process.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"the collector is not ready:\n{log.read_text()}")
        time.sleep(0.05)


def written(servers: str, name: str, partitions: int) -> int:
    """Messages on a topic, by its full name."""
    consumer = KafkaConsumer(bootstrap_servers=servers)
    ends = consumer.end_offsets([TopicPartition(name, n) for n in range(partitions)])
    consumer.close()
    return sum(ends.values())
