"""A partition's log as a broker sends it, and a consumer that is given it."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer.fetcher import READ_COMMITTED, FetchResult, PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c

AT = TopicPartition("events", 0)

COMMIT, ABORT = 1, 0


def a_batch(base: int, count: int, producer: int = -1, *, transactional: bool = False) -> bytes:
    builder = _builder(producer, base_sequence=0, transactional=transactional)
    for nth in range(count):
        key, value = b"k%d" % (base + nth), b"v%d" % (base + nth)
        builder.append(nth, timestamp=1000 + base + nth, key=key, value=value, headers=[])
    return struct.pack(">q", base) + bytes(builder.build())[8:]


def _builder(producer: int, base_sequence: int, *, transactional: bool) -> Any:
    return DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=transactional,
        producer_id=producer,
        producer_epoch=0,
        base_sequence=base_sequence,
        batch_size=1 << 16,
    )


def a_marker(base: int, producer: int, kind: int) -> bytes:
    """A control batch, which the client's builder has no way to write."""
    builder = _builder(producer, base_sequence=-1, transactional=True)
    key, value = struct.pack(">hh", 0, kind), struct.pack(">hi", 0, 0)
    builder.append(0, timestamp=1, key=key, value=value, headers=[])
    batch = bytearray(builder.build())
    batch[:8] = struct.pack(">q", base)
    attributes = struct.unpack_from(">h", batch, 21)[0] | 0x20
    struct.pack_into(">h", batch, 21, attributes)
    struct.pack_into(">I", batch, 17, calc_crc32c(memoryview(batch)[21:]))
    return bytes(batch)


LOG = b"".join(
    [
        a_batch(0, 3),
        a_batch(3, 4, producer=7, transactional=True),
        a_marker(7, 7, ABORT),
        a_batch(8, 5, producer=7, transactional=True),
        a_marker(13, 7, COMMIT),
        a_batch(14, 2),
    ]
)
"""Positions 0 to 15, those from 3 to 6 aborted, 7 and 13 markers."""


def a_response(log: bytes = LOG, fetch_offset: int = 0) -> Any:
    return PartitionRecords(
        AT, MemoryRecords(log), [(7, 3)], fetch_offset, None, None, True, READ_COMMITTED
    )


@asynccontextmanager
async def started_consumer(
    monkeypatch: pytest.MonkeyPatch, **settings: Any
) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer that believes it has reached its cluster, of which it knows nothing."""

    async def reached(_: Any) -> None:
        pass

    monkeypatch.setattr(AIOKafkaClient, "bootstrap", reached)
    consumer = AIOKafkaConsumer(bootstrap_servers="127.0.0.1:1", **settings)
    await consumer.start()
    try:
        yield consumer
    finally:
        await asyncio.sleep(0)  # its tasks must have begun before they can be ended
        await consumer.stop()


def fetched(consumer: Any, response: Any) -> None:
    """Let a response come in for the partition that the consumer reads."""
    consumer._fetcher._records[AT] = FetchResult(
        AT,
        assignment=consumer._subscription.subscription.assignment,
        partition_records=response,
        backoff=0,
    )
