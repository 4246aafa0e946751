"""Rate of the warehouse: from Kafka to ClickHouse in this process, exactly once.

The clock runs from when the sink is connected and has read nothing yet, as the first-touch
benchmark's does, until the last event is in ClickHouse and the ledger says so.

Then the ledger, whose rows cost more than an event's: entries of rewards, without Kafka in between.

    python benchmarks/warehouse.py [--events 1000000] [--entries 300000]
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from uuid import NAMESPACE_OID, uuid5

import psutil
from load import clicks, fill

from reftrail.contracts.codec import encode
from reftrail.contracts.decisions import DeadLettered, RewardDecided
from reftrail.contracts.installation import Installation
from reftrail.contracts.topics import REWARDS
from reftrail.engine.chunks import Chunk
from reftrail.local.broker import Broker
from reftrail.local.topics import create_topics
from reftrail.warehouse.blocks import Part
from reftrail.warehouse.clickhouse import connect_for_writing
from reftrail.warehouse.dead_letters import DeadLetters
from reftrail.warehouse.ledger import Ledger
from reftrail.warehouse.loader import Loader, Work
from reftrail.warehouse.metrics import WarehouseMetrics
from reftrail.warehouse.progress import LoadedPositions
from reftrail.warehouse.settings import WarehouseSettings
from reftrail.warehouse.sink import Sink
from reftrail.warehouse.tables import apply_ddl

PARTITIONS = 4
LOAD = 100_000


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
    ledger, progress, metrics = Ledger(client), LoadedPositions(), WarehouseMetrics()
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


def measure_ledger(entries: int) -> dict[str, float]:
    """The same of ledger entries, in loads of the usual size, merges in the background included."""
    with tempfile.TemporaryDirectory() as directory:
        client = connect_for_writing(Path(directory) / "clickhouse", None)
        apply_ddl(client)
        loader = Loader(client, Ledger(client), _nowhere, WarehouseMetrics())
        works = [_work(at, min(LOAD, entries - at)) for at in range(0, entries, LOAD)]
        process = psutil.Process()
        began, cpu = time.perf_counter(), _cpu(process)
        for work in works:
            asyncio.run(loader.load([work]))
        seconds, cpu = time.perf_counter() - began, _cpu(process) - cpu
        ((found,),) = client.query("SELECT count() FROM rewards").result_rows
        assert found == entries, f"{found} rows of {entries} entries"
        client.close()
    return {
        "warehouse_ledger_entries_per_s": round(entries / seconds),
        "warehouse_ledger_cpu_s": round(cpu, 1),
    }


def _work(begin: int, count: int) -> Work:
    values: list[bytes | None] = [encode(_entry(number)) for number in range(begin, begin + count)]
    places = list(range(begin, begin + count))
    chunk = Chunk(begin, begin + count, places, [0] * count, [None] * count, values)
    return Work(REWARDS, (Part(0, chunk),))


def _entry(number: int) -> RewardDecided:
    """A grant, or what became of it, to one of some thousands of referrers."""
    at = 1_790_000_000_000 + number * 100
    reward = number // 2
    return RewardDecided(
        event_id=str(uuid5(NAMESPACE_OID, f"entry-{number}")),
        event_time=at,
        received_at=at,
        cause_topic="reward-inputs",
        cause_partition=0,
        cause_offset=number,
        cause_event_id=str(uuid5(NAMESPACE_OID, f"cause-{number}")),
        rules="1",
        reward_id=str(uuid5(NAMESPACE_OID, f"reward-{reward}")),
        code=f"CODE{reward * 7919 % 5000}",
        user_id=f"user-{reward}",
        beneficiary=f"referrer-{reward * 7919 % 5000}",
        role="referrer",
        action="signup",
        status="fulfilled" if number % 2 else "granted",
        value_micros=5_000_000,
        currency="USD",
        kind="credit",
        campaign_id="spring",
        campaign_version=1,
        basis="first_touch",
        action_event_id=str(uuid5(NAMESPACE_OID, f"signup-{reward}")),
    )


async def _nowhere(letters: Sequence[DeadLettered]) -> None:
    raise AssertionError(f"nothing should be dead-lettered: {letters}")


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
    parser.add_argument("--entries", type=int, default=300_000)
    given = parser.parse_args()
    print(json.dumps(measure(given.events) | measure_ledger(given.entries)))
