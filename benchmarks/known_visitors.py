"""State of very many visitors, for the changelog of the touch stage and for a store."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from aiokafka import AIOKafkaProducer
from load import START, clicks

from reftrail.contracts.changelogs import TOUCH_CHANGELOG
from reftrail.contracts.codec import encode
from reftrail.contracts.events import Event
from reftrail.contracts.installation import Installation
from reftrail.contracts.topics import EVENTS
from reftrail.engine.batch import StageOfPartition
from reftrail.engine.chunks import Chunk
from reftrail.engine.partition_state import PartitionState
from reftrail.engine.positions import position_message
from reftrail.engine.reference import ReferenceTables
from reftrail.engine.topology import TOPOLOGY
from reftrail.hosting.kafka.log_bounds import Position

TOUCH = TOPOLOGY[0]
BATCH = 20_000


def visitor_id(number: int) -> str:
    """The id that a visitor has in `load` too."""
    return f"019a0000-0000-7000-9000-{number:012x}"


def packed_touch(number: int) -> bytes:
    """A touch as the stage keeps it, of a time that differs."""
    global _template  # noqa: PLW0603
    if _template is None:
        outcome = StageOfPartition(TOUCH, 0, 1).decide(
            next(chunks(clicks(BATCH, visitors=10**9))),
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


def chunks(events: Iterable[Event]) -> Iterator[Chunk]:
    """Events as the host hands them to the touch stage."""
    values: list[bytes | None] = []
    keys: list[bytes | None] = []
    for event in events:
        values.append(encode(event))
        keys.append(EVENTS.key_of(event).encode())
        if len(values) == BATCH:
            yield Chunk(0, BATCH, list(range(BATCH)), [START] * BATCH, keys, values)
            values, keys = [], []


async def write_touches(installation: Installation, partitions: int, visitors: range) -> None:
    """The touch stage's changelog for visitors, and positions for all stages."""
    name = installation.name_of(TOUCH_CHANGELOG)
    async with AIOKafkaProducer(
        bootstrap_servers=installation.bootstrap_servers, max_batch_size=512 << 10
    ) as producer:
        batches = [producer.create_batch() for _ in range(partitions)]
        for number in visitors:
            visitor = visitor_id(number)
            partition = EVENTS.partition(visitor, partitions)
            key, value = visitor.encode(), packed_touch(number)
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
