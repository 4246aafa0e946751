"""Chunks hold what the client's own records would, and their positions leave no gap."""

import asyncio
import itertools
import time

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from support.kafka import TestInstallation

from reftrail.contracts.changelogs import TOUCH_CHANGELOG
from reftrail.contracts.topics import EVENTS
from reftrail.engine.chunks import Chunk, ChunkReader, join
from reftrail.engine.partition_state import PartitionState
from reftrail.engine.restore import restore_from
from reftrail.engine.topology import TOPOLOGY
from reftrail.rules.touch.state import TouchState


def _value(turn: int, n: int) -> bytes:
    """A state, since those that are restored are looked at."""
    return msgspec.msgpack.encode(TouchState(code=f"{turn}-{n}"))


ENDED = 5 * (7 + 1)
"""The position behind five transactions of seven messages, each with its marker."""


async def _write(installation: TestInstallation, topic: str) -> None:
    """Three committed transactions with two aborted ones between, and one still open at the end.

    Returns when the markers of those that have ended are written, which the broker does after it
    has acknowledged the end.
    """
    for turn in range(6):
        producer = AIOKafkaProducer(
            bootstrap_servers=installation.bootstrap_servers,
            transactional_id=f"{topic}-{turn}",
        )
        await producer.start()
        await producer.begin_transaction()
        for n in range(7):
            await producer.send_and_wait(
                topic, key=f"k{n}".encode(), value=_value(turn, n), partition=0
            )
        if turn == 5:
            await producer.flush()
        elif turn % 2:
            await producer.abort_transaction()
        else:
            await producer.commit_transaction()
        if turn < 5:
            await producer.stop()
        else:
            await producer.client.close()
    partition = TopicPartition(topic, 0)
    reader = ChunkReader(installation)
    await reader.start({partition: None})
    deadline = time.monotonic() + 180
    while (await reader.ends())[partition] < ENDED:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    await reader.stop()


async def _read_all(reader: ChunkReader, partition: TopicPartition) -> list[Chunk]:
    end, found = (await reader.ends())[partition], []
    while await reader.position(partition) < end:
        found += (await reader.read(1.0)).get(partition, [])
    return found


async def test_chunks_equal_the_clients_records(installation: TestInstallation) -> None:
    topic = installation.name_of(EVENTS)
    partition = TopicPartition(topic, 0)
    await _write(installation, topic)
    reader = ChunkReader(installation, max_records=3)
    await reader.start({partition: None})
    chunks = await _read_all(reader, partition)
    await reader.stop()

    assert chunks[0].begin == 0
    assert all(chunk.end == other.begin for chunk, other in itertools.pairwise(chunks))
    read = [
        (offset, key, value)
        for chunk in chunks
        for offset, key, value in zip(chunk.offsets, chunk.keys, chunk.values, strict=True)
    ]
    assert read == await _with_the_client(installation, partition, len(read))
    assert [value for _, _, value in read] == [
        _value(turn, n) for turn in (0, 2, 4) for n in range(7)
    ]
    # The end lies after the last control record, not after the last message.
    assert chunks[-1].end > read[-1][0] + 1


async def _with_the_client(
    installation: TestInstallation, partition: TopicPartition, count: int
) -> list[tuple[int, bytes | None, bytes | None]]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=installation.bootstrap_servers,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
    )
    await consumer.start()
    consumer.assign([partition])
    records = [await consumer.getone() for _ in range(count)]
    await consumer.stop()
    return [(record.offset, record.key, record.value) for record in records]


async def test_state_is_restored_up_to_what_is_committed_and_then_only_what_is_new(
    installation: TestInstallation,
) -> None:
    topic = installation.name_of(TOUCH_CHANGELOG)
    partition, state = TopicPartition(topic, 0), PartitionState(TOPOLOGY)
    await _write(installation, topic)
    changelogs = {partition: (state, TOUCH_CHANGELOG)}
    assert await restore_from(installation, changelogs) == 21
    assert state.stores["touch"].packed == {f"k{n}": _value(4, n) for n in range(7)}
    assert await restore_from(installation, changelogs) == 0


def test_chunks_that_follow_each_other_are_joined() -> None:
    chunk = Chunk(10, 20, [11, 12, 15], [1, 2, 3], [b"a", b"b", b"c"], [b"x", b"y", b"z"])
    assert join([chunk, Chunk(20, 21, [], [], [], [])]).end == 21
