"""How many events a second the collector takes, in batches of 100, each acknowledged by Kafka.

    python benchmarks/collector.py [SECONDS]

Broker, collector (one process) and the sender share the machine, as on a developer's laptop. The
bodies are made before the clock starts; every event has a code, an address, a device and a user
agent, so that nothing that costs is left out. What was answered as accepted is counted on the
topic afterwards.
"""

import asyncio
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import msgspec
from kafka import KafkaConsumer, TopicPartition

from reftrail.campaigns import Campaign, apply_campaigns
from reftrail.contracts.installation import Installation
from reftrail.contracts.reference import CodeChanged
from reftrail.contracts.topics import CODES, EVENTS
from reftrail.local.broker import Broker
from reftrail.local.ports import free_port
from reftrail.local.topics import create_topics
from reftrail.reference import write

BATCH = 100
CONNECTIONS = 8
PARTITIONS = 12
BODIES = 400
KEY = "sk_benchmark"
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/{}.0 Safari/537.36"


def measure(seconds: float = 10.0) -> dict[str, float]:
    """Figures of one run."""
    with tempfile.TemporaryDirectory() as directory, Broker(Path(directory) / "kafka") as broker:
        installation = Installation(bootstrap_servers=broker.bootstrap_servers)
        create_topics(installation, PARTITIONS)
        apply_campaigns(installation, [Campaign(campaign_id="summer", name="Summer")])
        write(installation, CODES, [_code(number) for number in range(1000)])
        with _collector(installation, Path(directory) / "collector.log") as url:
            asyncio.run(_load(url, _bodies(), seconds=2.0))
            before = _written(installation)
            accepted, took, latencies = asyncio.run(_load(url, _bodies(), seconds))
        written = _written(installation) - before
    if written != accepted:
        raise AssertionError(f"{accepted} accepted, but {written} written")
    latencies.sort()
    return {
        "collector_events_per_s": accepted / took,
        "collector_p50_ms": latencies[len(latencies) // 2] * 1000,
        "collector_p99_ms": latencies[len(latencies) * 99 // 100] * 1000,
    }


def _bodies() -> list[bytes]:
    """Requests with ids that are new each time."""
    return [
        msgspec.json.encode({"events": [_event(batch * BATCH + n) for n in range(BATCH)]})
        for batch in range(BODIES)
    ]


def _event(number: int) -> dict[str, str]:
    return {
        "type": ("view", "click", "view", "form_started")[number % 4],
        "event_id": str(uuid4()),
        "event_time": "2025-03-01T12:00:00.123Z",
        "visitor_id": f"visitor-{number % 9973}",
        "code": f"C{number % 1000}",
        "source": "electronic",
        "device_id": f"device-{number % 9973}",
        "ip": f"203.0.{number % 113}.{number % 251}",
        "user_agent": AGENT.format(100 + number % 40),
        "country": "DE",
    }


async def _load(url: str, bodies: list[bytes], seconds: float) -> tuple[int, float, list[float]]:
    """Events accepted, seconds taken, and each request's seconds."""
    began = time.perf_counter()
    accepted, latencies = 0, list[float]()

    async def send(client: httpx.AsyncClient, first: int) -> None:
        nonlocal accepted
        number = first
        while (start := time.perf_counter()) < began + seconds:
            answer = await client.post("/v1/events", content=bodies[number % len(bodies)])
            answer.raise_for_status()
            accepted += int(msgspec.json.decode(answer.content)["accepted"])
            latencies.append(time.perf_counter() - start)
            number += CONNECTIONS

    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(
                httpx.AsyncClient(
                    base_url=url, headers={"authorization": f"Bearer {KEY}"}, timeout=30
                )
            )
            for _ in range(CONNECTIONS)
        ]
        await asyncio.gather(*(send(client, n) for n, client in enumerate(clients)))
    return accepted, time.perf_counter() - began, latencies


def _written(installation: Installation) -> int:
    consumer = KafkaConsumer(bootstrap_servers=installation.bootstrap_servers)
    name = installation.name_of(EVENTS)
    ends = consumer.end_offsets([TopicPartition(name, n) for n in range(PARTITIONS)])
    consumer.close()
    return sum(ends.values())


def _code(number: int) -> CodeChanged:
    return CodeChanged(
        event_id=f"code-{number}",
        event_time=1,
        received_at=1,
        code=f"C{number}",
        campaign_id="summer",
        created_at=1,
    )


@contextmanager
def _collector(installation: Installation, log: Path) -> Iterator[str]:
    url = f"http://127.0.0.1:{(port := free_port())}"
    environment = {
        "REFTRAIL_BOOTSTRAP_SERVERS": installation.bootstrap_servers,
        "REFTRAIL_SECRET_KEYS": KEY,
        "REFTRAIL_HASH_KEY": f"k1:{secrets.token_hex(32)}",
        "REFTRAIL_COLLECTOR_PORT": str(port),
    }
    command = [sys.executable, "-m", "reftrail.collector"]
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=os.environ | environment, stderr=out)
    try:
        _wait_ready(url, process, log)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _wait_ready(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            if httpx.get(f"{url}/readyz", timeout=5).is_success:
                return
        except httpx.TransportError:
            pass
        if process.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"the collector is not ready:\n{log.read_text()}")
        time.sleep(0.05)


if __name__ == "__main__":
    print(json.dumps(measure(float(sys.argv[1]) if len(sys.argv) > 1 else 10.0)))
