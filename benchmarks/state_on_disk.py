"""State in RocksDB: throughput against memory, and a worker with very many visitors.

Throughput is measured of the touch stage alone, and of whole workers with Kafka, each time in
rounds in which the two stores take turns.

    python benchmarks/state_on_disk.py [--visitors 10000000] [--tail 100000] [--known 1000000]
        [--events 300000] [--rounds 5] [--only throughput|kafka|worker]
"""

import argparse
import asyncio
import gc
import json
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
from known_visitors import BATCH, TOUCH, chunks, packed_touch, visitor_id, write_touches
from load import clicks, fill, programme, usual_mix
from processes import python

from reftrail.contracts.changelogs import TOUCH_CHANGELOG
from reftrail.contracts.installation import Installation
from reftrail.contracts.topics import CAMPAIGNS, CODES, EVENTS
from reftrail.engine.batch import StageOfPartition
from reftrail.engine.chunks import Chunk
from reftrail.engine.partition_state import PartitionState
from reftrail.engine.prefilter import TouchPrefilter
from reftrail.engine.reference import ReferenceTables
from reftrail.engine.rocksdb.database import DiskStore
from reftrail.engine.rocksdb.options import SharedMemory
from reftrail.engine.store import MemoryStore, PartitionStore
from reftrail.hosting.kafka.log_bounds import Position
from reftrail.local.broker import Broker
from reftrail.local.ports import free_port
from reftrail.local.topics import create_topics

PARTITIONS = 4
MEMORY_MB = 256
LOAD = 400_000
_PATIENCE_SECONDS = 3_600
_QUIET_SECONDS = 2.0


class TouchStage:
    """The touch stage on one partition, with what a worker does for a batch but for Kafka."""

    def __init__(self, store: PartitionStore) -> None:
        self.state = PartitionState((TOUCH,), store)
        self.work = StageOfPartition(TOUCH, 0, 1)
        self.reference = ReferenceTables()
        self.prefilter = TouchPrefilter()
        self.end = 0

    def know(self, visitors: int) -> None:
        """Have state for so many visitors, whose ids are those of `load`."""
        for begin in range(0, visitors, BATCH):
            numbers = range(begin, min(begin + BATCH, visitors))
            self.state.stores["touch"].apply({visitor_id(n): packed_touch(n) for n in numbers})
            self.state.committed({}, {TOUCH_CHANGELOG: 0})

    def take(self, chunks: list[Chunk]) -> float:
        """Seconds for deciding on chunks and keeping what follows."""
        store, began = self.state.stores["touch"], time.perf_counter()
        for chunk in chunks:
            outcome = self.work.decide(chunk, store, self.reference, self.prefilter)
            store.apply(outcome.changes, outcome.due_times)
            self.end += len(outcome.changes)
            self.state.committed({EVENTS.name: Position(chunk.end)}, {TOUCH_CHANGELOG: self.end})
        return time.perf_counter() - began


def throughput(known: int, events: int, rounds: int) -> dict[str, float]:
    """Events per second in memory and on disk, in rounds that take turns, and their ratio."""
    with tempfile.TemporaryDirectory() as directory:
        disk = DiskStore(Path(directory), SharedMemory(MEMORY_MB), "")
        stages = {"memory": TouchStage(MemoryStore()), "rocksdb": TouchStage(disk)}
        for stage in stages.values():
            stage.know(known)
        figures: dict[str, float] = {}
        for name, kind in (("clicks", clicks), ("usual_mix", usual_mix)):
            found: dict[str, list[Spent]] = {store: [] for store in stages}
            for seed in range(rounds):
                # Half of the visitors are known.
                batches = list(chunks(kind(events, visitors=2 * known, seed=seed)))
                for store, stage in stages.items():
                    gc.collect()
                    cpu = time.process_time()
                    seconds = stage.take(batches)
                    found[store].append(Spent(seconds, time.process_time() - cpu))
            figures |= _compared(name, events, found)
        disk.close()
    return figures


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds by the clock, and of processor time of all threads, for the events of a round."""

    seconds: float
    cpu_seconds: float


def _compared(name: str, events: int, found: Mapping[str, list[Spent]]) -> dict[str, float]:
    """Medians over the rounds. The ratio of processor time says what a busy machine hides."""
    figures = {
        f"{name}_{store}_events_per_s": statistics.median(events / spell.seconds for spell in spent)
        for store, spent in found.items()
    }
    pairs = list(zip(found["memory"], found["rocksdb"], strict=True))
    ratios = [in_memory.seconds / on_disk.seconds for in_memory, on_disk in pairs]
    return figures | {
        f"{name}_ratio": statistics.median(ratios),
        f"{name}_ratio_least": min(ratios),
        f"{name}_cpu_ratio": statistics.median(
            in_memory.cpu_seconds / on_disk.cpu_seconds for in_memory, on_disk in pairs
        ),
    }


def with_kafka(events: int, rounds: int) -> dict[str, float]:
    """The same of whole workers: all stages on the usual mix, each worker on topics of its own."""
    found: dict[str, list[Spent]] = {"memory": [], "rocksdb": []}
    campaign, codes = programme()
    with tempfile.TemporaryDirectory() as directory, Broker(Path(directory) / "kafka") as broker:
        for nth in range(rounds):
            for store, spent in found.items():
                installation = Installation(
                    bootstrap_servers=broker.bootstrap_servers, topic_prefix=f"{store}-{nth}."
                )
                create_topics(installation, PARTITIONS)
                fill(installation, PARTITIONS, [campaign], CAMPAIGNS)
                fill(installation, PARTITIONS, codes, CODES)
                fill(installation, PARTITIONS, usual_mix(events, events // 8, seed=nth))
                ran = _started(installation, directory, store, until_read=events)
                spent.append(Spent(ran["reading"], ran["cpu"]))
    return _compared("kafka", events, found)


def worker(visitors: int, tail: int) -> dict[str, float]:
    """Resident memory of a worker with so many visitors, and how long it takes to start again."""
    with tempfile.TemporaryDirectory() as directory, Broker(Path(directory) / "kafka") as broker:
        installation = Installation(bootstrap_servers=broker.bootstrap_servers)
        create_topics(installation, PARTITIONS)
        asyncio.run(write_touches(installation, PARTITIONS, range(visitors)))
        cold = _started(installation, directory, "rocksdb")
        asyncio.run(write_touches(installation, PARTITIONS, range(visitors, visitors + tail)))
        campaign, codes = programme()
        fill(installation, PARTITIONS, [campaign], CAMPAIGNS)
        fill(installation, PARTITIONS, codes, CODES)
        fill(installation, PARTITIONS, usual_mix(LOAD, visitors=2 * visitors))
        warm = _started(installation, directory, "rocksdb", until_read=LOAD)
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


def _started(
    installation: Installation, directory: str, store: str, until_read: int = 0
) -> dict[str, float]:
    """Start a worker, and kill it once it is ready and has decided on so many events.

    Its figures, seconds until it was ready and from then to the last record, and most memory.
    """
    port = free_port()
    began, peak, ready = time.perf_counter(), 0, 0.0
    read, read_at, cpu = 0.0, began, 0.0
    with python(
        installation,
        "-m",
        "reftrail.engine",
        worker_web_port=str(port),
        worker_store=store,
        worker_state_dir=str(Path(directory, "state")),
        worker_store_memory_mb=str(MEMORY_MB),
        tick_seconds="0",  # or there is always something to read
    ) as running:
        shown = psutil.Process(running.process.pid)
        while not ready or read < until_read or time.perf_counter() < read_at + _QUIET_SECONDS:
            running.check()
            if time.perf_counter() - began > _PATIENCE_SECONDS:
                raise TimeoutError(f"it isn't done:\n{running.output()[-3000:]}")
            peak = max(peak, shown.memory_info().rss)
            time.sleep(0.1)
            if not ready and _answers(port, "/readyz"):
                ready = time.perf_counter() - began
            if (now_read := _figure(port, "records_total")) != read:
                read, read_at, cpu = now_read, time.perf_counter(), running.cpu_seconds()
        figures = {name: _figure(port, name) for name in ("restored_total", "restore_seconds")}
        time.sleep(5)  # for what is still written and freed
        peak = max(peak, shown.memory_info().rss)
    reading = read_at - began - ready
    return figures | {"ready": ready, "reading": reading, "peak": peak, "cpu": cpu}


def _figure(port: int, name: str) -> float:
    """The sum of a figure over all stages and partitions."""
    lines = (line.rpartition(" ") for line in _answers(port, "/metrics").splitlines())
    found = ((series.partition("{")[0], value) for series, _, value in lines)
    return sum(float(value) for series, value in found if series == f"reftrail_worker_{name}")


def _answers(port: int, path: str) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            text: str = answer.read().decode()
            return text
    except OSError:
        return ""


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, default=10_000_000)
    parser.add_argument("--tail", type=int, default=100_000)
    parser.add_argument("--known", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=300_000, help="of each round with Kafka")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=("throughput", "kafka", "worker"))
    given = parser.parse_args()
    figures: dict[str, float] = {}
    if given.only in (None, "throughput"):
        figures |= throughput(given.known, 5 * BATCH, given.rounds)
    if given.only in (None, "kafka"):
        figures |= with_kafka(given.events, given.rounds)
    if given.only in (None, "worker"):
        figures |= worker(given.visitors, given.tail)
    print(json.dumps({name: round(figure, 2) for name, figure in figures.items()}, indent=2))


if __name__ == "__main__":
    main()
