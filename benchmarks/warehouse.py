"""How fast the warehouse takes in events: from Kafka to ClickHouse in this process, exactly once.

The clock runs from when the sink is connected and has read nothing yet, as the first-touch
benchmark's does, until the last event is in ClickHouse and the ledger says so.

    python benchmarks/warehouse.py [--events 1000000]
"""

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path

import psutil
from load import clicks, fill

from reftrail.contracts.installation import Installation
from reftrail.local.broker import Broker
from reftrail.local.topics import create_topics
from reftrail.warehouse.clickhouse import connect_for_writing
from reftrail.warehouse.dead_letters import DeadLetters
from reftrail.warehouse.ledger import Ledger
from reftrail.warehouse.loader import Loader
from reftrail.warehouse.metrics import Metrics
from reftrail.warehouse.progress import Progress
from reftrail.warehouse.settings import WarehouseSettings
from reftrail.warehouse.sink import Sink
from reftrail.warehouse.tables import apply_ddl

PARTITIONS = 4


def measure(events: int) -> dict[str, float]:
    """Events per second, CPU seconds for them, and how many MB the process grew to."""
    with tempfile.TemporaryDirectory() as directory, Broker(Path(directory) / "kafka") as broker:
        settings = WarehouseSettings(
            bootstrap_servers=broker.bootstrap_servers,
            topic_prefix="referral.",
            clickhouse_path=Path(directory) / "clickhouse",
            secret_keys="unused",
        )
        installation = Installation(bootstrap_servers=broker.bootstrap_servers)
        create_topics(installation, PARTITIONS)
        fill(installation, PARTITIONS, clicks(events, visitors=events // 10))
        return asyncio.run(_load(settings, events))


async def _load(settings: WarehouseSettings, events: int) -> dict[str, float]:
    client = connect_for_writing(settings.clickhouse_path, None)
    apply_ddl(client)
    ledger, progress, metrics = Ledger(client), Progress(), Metrics()
    loader = Loader(client, ledger, DeadLetters(settings).bury, metrics)
    stop = asyncio.Event()
    process = psutil.Process()
    sinking = asyncio.create_task(Sink(settings, ledger, loader, progress, metrics).run(stop))
    while not progress.positions:
        await _breathe(sinking)
    began, cpu = time.perf_counter(), _cpu(process)
    while sum(at for (topic, _), at in progress.positions.items() if topic == "events") < events:
        await _breathe(sinking)
    seconds, cpu = time.perf_counter() - began, _cpu(process) - cpu
    stop.set()
    await sinking
    ((found,),) = client.query("SELECT count() FROM events").result_rows
    assert found == events, f"{found} rows of {events} events"
    client.close()
    return {
        "warehouse_events_per_s": round(events / seconds),
        "warehouse_cpu_s": round(cpu, 1),
        "warehouse_rss_mb": process.memory_info().rss >> 20,
    }


async def _breathe(sinking: asyncio.Task[None]) -> None:
    if sinking.done():
        sinking.result()
    await asyncio.sleep(0.01)


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    print(json.dumps(measure(parser.parse_args().events)))
