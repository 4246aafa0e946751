"""Events per second of the collector, in batches of 100, each acknowledged by Kafka.

    python benchmarks/collector.py [SECONDS]

Broker, collector (one process) and the sender share the machine, as on a developer's laptop. The
bodies are made before the clock starts; every event has a code, an address, a device and a user
agent, so that nothing that costs is left out. What was answered as accepted is counted on the
topic afterwards.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

import httpx
import msgspec
from collector_process import KEY, event_fields, running_collector, written
from collector_setup import codes

from reftrail.campaigns import Campaign
from reftrail.campaigns.apply import apply_campaigns
from reftrail.contracts.installation import Installation
from reftrail.contracts.topics import CODES, EVENTS
from reftrail.local.broker import Broker
from reftrail.local.topics import create_topics
from reftrail.reference import write

BATCH = 100
CONNECTIONS = 8
PARTITIONS = 12
BODIES = 400


def measure(seconds: float = 10.0) -> dict[str, float]:
    """Figures of one run."""
    with tempfile.TemporaryDirectory() as directory, Broker(Path(directory) / "kafka") as broker:
        installation = Installation(bootstrap_servers=broker.bootstrap_servers)
        create_topics(installation, PARTITIONS)
        apply_campaigns(installation, [Campaign(campaign_id="summer", name="Summer")])
        write(installation, CODES, codes())
        environment = os.environ | {"REFTRAIL_BOOTSTRAP_SERVERS": broker.bootstrap_servers}
        command = [sys.executable, "-m", "reftrail.collector"]
        log = Path(directory) / "collector.log"
        with running_collector(command, environment, log) as (url, _):
            asyncio.run(_load(url, _bodies(), seconds=2.0))
            before = _written(installation)
            accepted, took, latencies = asyncio.run(_load(url, _bodies(), seconds))
        new = _written(installation) - before
    if new != accepted:
        raise AssertionError(f"{accepted} accepted, but {new} written")
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
    return event_fields(number) | {"event_id": str(uuid4())}


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
    return written(installation.bootstrap_servers, installation.name_of(EVENTS), PARTITIONS)


if __name__ == "__main__":
    print(json.dumps(measure(float(sys.argv[1]) if len(sys.argv) > 1 else 10.0)))
