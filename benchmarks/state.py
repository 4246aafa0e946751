"""Restoring a worker's state from its changelog, and how much memory a visitor takes.

python benchmarks/state.py [--keys 500000]
"""

import argparse
import asyncio
import gc
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from aiokafka import AIOKafkaProducer, TopicPartition
from load import clicks

from reftrail.contracts.changelogs import TOUCH_CHANGELOG
from reftrail.contracts.codec import encode
from reftrail.contracts.installation import Installation
from reftrail.contracts.topics import EVENTS
from reftrail.engine.batch import StageOfPartition
from reftrail.engine.chunks import Chunk
from reftrail.engine.partition_state import PartitionState
from reftrail.engine.reference import ReferenceTables
from reftrail.engine.restore import restore_from
from reftrail.engine.state import StateStore
from reftrail.engine.topology import TOPOLOGY
from reftrail.local.broker import Broker
from reftrail.local.topics import create_topics

PARTITIONS = 4


def measure(keys: int) -> dict[str, float]:
    """Keys restored per second, and resident bytes for each."""
    with tempfile.TemporaryDirectory() as directory, Broker(Path(directory)) as broker:
        installation = Installation(bootstrap_servers=broker.bootstrap_servers)
        create_topics(installation, PARTITIONS)
        asyncio.run(_write(installation, keys))
        gc.collect()
        states = [PartitionState(TOPOLOGY) for _ in range(PARTITIONS)]
        changelogs = {
            TopicPartition(installation.name_of(TOUCH_CHANGELOG), partition): (
                state,
                TOUCH_CHANGELOG,
            )
            for partition, state in enumerate(states)
        }
        before = psutil.Process().memory_info().rss
        started = time.perf_counter()
        asyncio.run(restore_from(installation, changelogs))
        seconds = time.perf_counter() - started
        gc.collect()
        grown = psutil.Process().memory_info().rss - before
        held = sum(len(state.stores["touch"].packed) for state in states)
        return {"restore_keys_per_s": held / seconds, "bytes_per_visitor": grown / held}


async def _write(installation: Installation, keys: int) -> None:
    """The touch stage's own state for so many visitors."""
    name = installation.name_of(TOUCH_CHANGELOG)
    async with AIOKafkaProducer(
        bootstrap_servers=installation.bootstrap_servers, max_batch_size=512 << 10
    ) as producer:
        for partition in range(PARTITIONS):
            builder = producer.create_batch()
            for key, packed in _states(keys // PARTITIONS, partition):
                if builder.append(timestamp=None, key=key, value=packed) is None:
                    await producer.send_batch(builder, name, partition=partition)
                    builder = producer.create_batch()
                    builder.append(timestamp=None, key=key, value=packed)
            await producer.send_batch(builder, name, partition=partition)
        await producer.flush()


def _states(count: int, partition: int) -> Iterator[tuple[bytes, bytes | None]]:
    work = StageOfPartition(TOPOLOGY[0], partition, PARTITIONS)
    for event in clicks(count, visitors=10**9, seed=partition):
        values: list[bytes | None] = [encode(event)]
        key = EVENTS.key_of(event).encode()
        outcome = work.decide(Chunk(0, 1, [0], [0], [key], values), StateStore(), ReferenceTables())
        yield from ((key.encode(), packed) for key, packed in outcome.changes.items())


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=500_000)
    figures = measure(parser.parse_args().keys)
    print(json.dumps({name: round(figure, 1) for name, figure in figures.items()}))


if __name__ == "__main__":
    main()
