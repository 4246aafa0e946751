"""State in RocksDB: throughput against memory, and a worker with very many visitors.

python benchmarks/state_on_disk.py [--visitors 10000000] [--tail 100000] [--known 1000000]
"""

import argparse
import asyncio
import gc
import json
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import psutil
from aiokafka import AIOKafkaProducer
from load import START, clicks, fill, programme, usual_mix
from processes import python

from reftrail.contracts.codec import encode
from reftrail.contracts.events import Event
from reftrail.contracts.installation import Installation
from reftrail.contracts.topics import CAMPAIGNS, CODES, EVENTS, TOUCH_CHANGELOG
from reftrail.engine.batch import StageOfPartition
from reftrail.engine.chunks import Chunk
from reftrail.engine.partition_state import PartitionState
from reftrail.engine.positions import position_message
from reftrail.engine.reference import ReferenceTables
from reftrail.engine.rocksdb.database import DiskStore
from reftrail.engine.rocksdb.options import SharedMemory
from reftrail.engine.sieve import TouchSieve
from reftrail.engine.store import MemoryStore, PartitionStore
from reftrail.engine.topology import TOPOLOGY
from reftrail.hosting.kafka.log_bounds import Position
from reftrail.local.broker import Broker
from reftrail.local.ports import free_port
from reftrail.local.topics import create_topics

PARTITIONS = 4
BATCH = 20_000
ROUNDS = 5
MEMORY_MB = 256
LOAD = 400_000
_PATIENCE_SECONDS = 3_600
TOUCH = TOPOLOGY[0]


class TouchStage:
    """The touch stage on one partition, with what a worker does for a batch but for Kafka."""

    def __init__(self, store: PartitionStore) -> None:
        self.state = PartitionState((TOUCH,), store)
        self.work = StageOfPartition(TOUCH, 0, 1)
        self.reference = ReferenceTables()
        self.sieve = TouchSieve()
        self.end = 0

    def know(self, visitors: int) -> None:
        """Have state for so many visitors, whose ids are those of `load`."""
        for begin in range(0, visitors, BATCH):
            numbers = range(begin, min(begin + BATCH, visitors))
            self.state.stores["touch"].apply({_visitor(n): _packed(n) for n in numbers})
            self.state.committed({}, {TOUCH_CHANGELOG: 0})

    def take(self, chunks: list[Chunk]) -> float:
        """Seconds for deciding on chunks and keeping what follows."""
        store, began = self.state.stores["touch"], time.perf_counter()
        for chunk in chunks:
            outcome = self.work.conclude(chunk, store, self.reference, self.sieve)
            store.apply(outcome.changes, outcome.due_times)
            self.end += len(outcome.changes)
            self.state.committed({EVENTS.name: Position(chunk.end)}, {TOUCH_CHANGELOG: self.end})
        return time.perf_counter() - began


def throughput(known: int, events: int) -> dict[str, float]:
    """Events per second in memory and on disk, in rounds that take turns, and their ratio."""
    with tempfile.TemporaryDirectory() as directory:
        disk = DiskStore(Path(directory), SharedMemory(MEMORY_MB), "")
        stages = {"memory": TouchStage(MemoryStore()), "rocksdb": TouchStage(disk)}
        for stage in stages.values():
            stage.know(known)
        figures: dict[str, float] = {}
        for name, kind in (("clicks", clicks), ("usual_mix", usual_mix)):
            rates: dict[str, list[float]] = {store: [] for store in stages}
            for seed in range(ROUNDS):
                # Half of the visitors are known.
                chunks = list(_chunks(kind(events, visitors=2 * known, seed=seed)))
                for store, stage in stages.items():
                    gc.collect()
                    rates[store].append(events / stage.take(chunks))
            for store, found in rates.items():
                figures[f"{name}_{store}_events_per_s"] = statistics.median(found)
            figures[f"{name}_ratio"] = statistics.median(
                on_disk / in_memory
                for in_memory, on_disk in zip(rates["memory"], rates["rocksdb"], strict=True)
            )
        disk.close()
    return figures


def worker(visitors: int, tail: int) -> dict[str, float]:
    """Resident memory of a worker with so many visitors, and how long it takes to start again."""
    with tempfile.TemporaryDirectory() as directory, Broker(Path(directory) / "kafka") as broker:
        installation = Installation(bootstrap_servers=broker.bootstrap_servers)
        create_topics(installation, PARTITIONS)
        asyncio.run(_write(installation, range(visitors)))
        cold = _started(installation, directory)
        asyncio.run(_write(installation, range(visitors, visitors + tail)))
        campaign, codes = programme()
        fill(installation, PARTITIONS, [campaign], CAMPAIGNS)
        fill(installation, PARTITIONS, codes, CODES)
        fill(installation, PARTITIONS, usual_mix(LOAD, visitors=2 * visitors))
        warm = _started(installation, directory, until_read=LOAD)
        size = sum(f.stat().st_size for f in Path(directory, "state").rglob("*") if f.is_file())
        return {
            "visitors": visitors,
            "peak_rss_mb": max(cold["peak"], warm["peak"]) / 2**20,
            "disk_bytes_per_visitor": size / visitors,
            "cold_restore_s": cold["restore_seconds"],
            "tail": warm["restored_total"],
            "disk_and_tail_restore_s": warm["restore_seconds"],
            "start_to_ready_s": warm["ready"],
            "all_stages_events_per_s": LOAD / warm["reading"],
        }


def _started(installation: Installation, directory: str, until_read: int = 0) -> dict[str, float]:
    """Start a worker, and kill it once it is ready and has read so many events.

    Its figures, seconds until it was ready and from then until it had read, and most memory.
    """
    port = free_port()
    began, peak, ready = time.perf_counter(), 0, 0.0
    with python(
        installation,
        "-m",
        "reftrail.engine",
        worker_web_port=str(port),
        worker_store="rocksdb",
        worker_state_dir=str(Path(directory, "state")),
        worker_store_memory_mb=str(MEMORY_MB),
    ) as running:
        shown = psutil.Process(running.process.pid)
        while not ready or _read(port) < until_read:
            running.check()
            if time.perf_counter() - began > _PATIENCE_SECONDS:
                raise TimeoutError(f"it isn't done:\n{running.output()[-3000:]}")
            peak = max(peak, shown.memory_info().rss)
            time.sleep(0.1)
            if not ready and _answers(port, "/readyz"):
                ready = time.perf_counter() - began
        reading = time.perf_counter() - began - ready
        figures = {name: _figure(port, name) for name in ("restored_total", "restore_seconds")}
        time.sleep(5)  # for what is still written and freed
        peak = max(peak, shown.memory_info().rss)
    return figures | {"ready": ready, "reading": reading, "peak": peak}


def _read(port: int) -> float:
    return _figure(port, 'records_total{stage="touch"}')


def _figure(port: int, name: str) -> float:
    lines = (line.rpartition(" ") for line in _answers(port, "/metrics").splitlines())
    return sum(float(value) for series, _, value in lines if series == f"reftrail_worker_{name}")


def _answers(port: int, path: str) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            text: str = answer.read().decode()
            return text
    except OSError:
        return ""


def _chunks(events: Iterator[Event]) -> Iterator[Chunk]:
    values: list[bytes | None] = []
    keys: list[bytes | None] = []
    for event in events:
        values.append(encode(event))
        keys.append(EVENTS.key_of(event).encode())
        if len(values) == BATCH:
            yield Chunk(0, BATCH, list(range(BATCH)), [START] * BATCH, keys, values)
            values, keys = [], []


def _visitor(number: int) -> str:
    return f"019a0000-0000-7000-9000-{number:012x}"


def _packed(number: int) -> bytes:
    """A touch as the stage keeps it, of a time that differs."""
    global _template  # noqa: PLW0603
    if _template is None:
        outcome = StageOfPartition(TOUCH, 0, 1).conclude(
            next(_chunks(clicks(BATCH, visitors=10**9))),
            PartitionState((TOUCH,)).stores["touch"],
            ReferenceTables(),
        )
        _template = msgspec.msgpack.decode(next(iter(outcome.changes.values())) or b"")
    _template[0] = START + number
    digits = f"{number * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFF:012x}"
    for at, part in enumerate(_template):
        if isinstance(part, str):
            _template[at] = part[: -len(digits)] + digits[-len(part) :] if part else part
    packed: bytes = msgspec.msgpack.encode(_template)
    return packed


_template: Any = None


async def _write(installation: Installation, visitors: range) -> None:
    """The touch stage's changelog for visitors, and positions for all stages."""
    name = installation.name_of(TOUCH_CHANGELOG)
    async with AIOKafkaProducer(
        bootstrap_servers=installation.bootstrap_servers, max_batch_size=512 << 10
    ) as producer:
        batches = [producer.create_batch() for _ in range(PARTITIONS)]
        for number in visitors:
            visitor = _visitor(number)
            partition = EVENTS.partition(visitor, PARTITIONS)
            key, value = visitor.encode(), _packed(number)
            if batches[partition].append(timestamp=None, key=key, value=value) is None:
                await producer.send_batch(batches[partition], name, partition=partition)
                batches[partition] = producer.create_batch()
                batches[partition].append(timestamp=None, key=key, value=value)
        for partition, batch in enumerate(batches):
            if batch.record_count():
                await producer.send_batch(batch, name, partition=partition)
            for stage in TOPOLOGY:
                of_topic, position = position_message(stage.reads, Position(0))
                await producer.send(name, position, of_topic, partition=partition)
        await producer.flush()


def measure(visitors: int = 500_000, tail: int = 50_000, known: int = 200_000) -> dict[str, float]:
    """All figures."""
    return throughput(known, 5 * BATCH) | worker(visitors, tail)


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, default=10_000_000)
    parser.add_argument("--tail", type=int, default=100_000)
    parser.add_argument("--known", type=int, default=1_000_000)
    parser.add_argument("--only", choices=("throughput", "worker"))
    given = parser.parse_args()
    figures: dict[str, float] = {}
    if given.only != "worker":
        figures |= throughput(given.known, 5 * BATCH)
    if given.only != "throughput":
        figures |= worker(given.visitors, given.tail)
    print(json.dumps({name: round(figure, 2) for name, figure in figures.items()}, indent=2))


if __name__ == "__main__":
    main()
