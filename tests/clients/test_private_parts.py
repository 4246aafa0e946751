"""The Kafka clients have the private parts that reftrail uses, and they behave as it needs."""

import ast
import asyncio
import inspect
import itertools
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import faust
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer.fetcher import READ_COMMITTED, FetchResult, PartitionRecords
from aiokafka.errors import ConsumerStoppedError
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c
from faust.transport.drivers import aiokafka as driver

from clients.private_parts import PRIVATE_PARTS
from reftrail.engine import chunks, transport, worker
from reftrail.engine.settings import WorkerSettings
from reftrail.engine.transaction import TransactionalWriter

ROOT = Path(__file__).parents[2]
PORTIONS = ("schemas", "producers", "stream_processors", "sinks", "infra")
CLIENTS = {"aiokafka", "kafka", "faust"}
OWN = {"_buffered", "_failed", "_set_stalled"}
"""Attributes of reftrail's own classes, in modules that import a client."""

AT = TopicPartition("events", 0)
COMMIT, ABORT = 1, 0


def private_uses() -> Iterator[str]:
    """Private attributes of other objects, in all modules that import a client."""
    for portion in PORTIONS:
        for file in (ROOT / portion).rglob("*.py"):
            tree = ast.parse(file.read_text("utf-8"))
            if not CLIENTS & set(imported(tree)):
                continue
            for node in ast.walk(tree):
                match node:
                    case ast.Attribute(value=ast.Name(id="self" | "cls" | "os")):
                        pass
                    case ast.Attribute(value=ast.Call(func=ast.Name(id="super"))):
                        pass
                    case ast.Attribute(attr=name) if name.startswith("_") and name[:2] != "__":
                        yield name


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (one.name.partition(".")[0] for one in names)
            case ast.ImportFrom(module=str(module)):
                yield module.partition(".")[0]


def test_the_list_of_private_parts_is_complete() -> None:
    assert set(private_uses()) - OWN == PRIVATE_PARTS.keys()


def a_batch(base: int, count: int, producer: int = -1, *, transactional: bool = False) -> bytes:
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=transactional,
        producer_id=producer,
        producer_epoch=0,
        base_sequence=0,
        batch_size=1 << 16,
    )
    for nth in range(count):
        key, value = b"k%d" % (base + nth), b"v%d" % (base + nth)
        builder.append(nth, timestamp=1000 + base + nth, key=key, value=value, headers=[])
    return struct.pack(">q", base) + bytes(builder.build())[8:]


def a_marker(base: int, producer: int, kind: int) -> bytes:
    """A control batch, which the client's builder has no way to write."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=True,
        producer_id=producer,
        producer_epoch=0,
        base_sequence=-1,
        batch_size=1 << 16,
    )
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


async def test_chunks_are_what_the_client_unpacks_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [(one.offset, one.timestamp, one.key, one.value) for one in a_response()]
    assert [offset for offset, *_ in expected] == [0, 1, 2, 8, 9, 10, 11, 12, 14, 15]
    async with started_consumer(monkeypatch, isolation_level="read_committed") as consumer:
        consumer.assign([AT])
        consumer.seek(AT, 0)
        fetched(consumer, a_response())
        found: list[chunks.Chunk] = []
        while taken := await chunks.take_chunks(consumer, [AT], 0, max_records=4):
            found += taken[AT]
        assert await consumer.position(AT) == 16
    assert [
        parts
        for one in found
        for parts in zip(one.offsets, one.timestamps, one.keys, one.values, strict=True)
    ] == expected
    assert (found[0].begin, found[-1].end) == (0, 16)
    assert all(one.end == other.begin for one, other in itertools.pairwise(found))


async def test_a_response_is_read_from_within_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    async with started_consumer(monkeypatch, isolation_level="read_committed") as consumer:
        consumer.assign([AT])
        consumer.seek(AT, 10)
        fetched(consumer, a_response(fetch_offset=10))
        taken = await chunks.take_chunks(consumer, [AT], 0, max_records=100)
    assert taken[AT][0].offsets == [10, 11, 12, 14, 15]


async def test_nothing_is_taken_while_it_may_not_be(monkeypatch: pytest.MonkeyPatch) -> None:
    async with started_consumer(monkeypatch, isolation_level="read_committed") as consumer:
        consumer.assign([AT])
        consumer.seek(AT, 0)
        fetched(consumer, a_response())
        assert await chunks.take_chunks(consumer, [AT], 0, 100, may_take=lambda: False) == {}
        assert (await chunks.take_chunks(consumer, [AT], 0, 100))[AT][0].begin == 0


async def test_one_can_wait_for_a_response(monkeypatch: pytest.MonkeyPatch) -> None:
    async with started_consumer(monkeypatch) as consumer:
        consumer.assign([AT])
        consumer.seek(AT, 0)
        assert await chunks.take_chunks(consumer, [AT], 0.01, 100) == {}


async def test_a_damaged_batch_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = bytearray(LOG)
    damaged[70] ^= 0xFF
    async with started_consumer(monkeypatch) as consumer:
        consumer.assign([AT])
        consumer.seek(AT, 0)
        fetched(consumer, a_response(bytes(damaged)))
        with pytest.raises(Exception, match="checksum"):
            await chunks.take_chunks(consumer, [AT], 0, 100)


async def test_a_closed_consumer_gives_no_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    async with started_consumer(monkeypatch) as consumer:
        pass
    with pytest.raises(ConsumerStoppedError):
        await chunks.take_chunks(consumer, [AT], 0, 100)


async def test_a_member_can_ask_for_another_sharing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    async with started_consumer(monkeypatch, group_id="group") as consumer:
        assigned = SimpleNamespace(assignment=object())
        assert not consumer._coordinator.need_rejoin(assigned)
        consumer._coordinator.request_rejoin()
        assert consumer._coordinator.need_rejoin(assigned)


async def test_both_times_between_retries_can_be_set() -> None:
    settings = WorkerSettings(bootstrap_servers="127.0.0.1:1")
    writer = TransactionalWriter(settings, 0, {})
    parts = (writer._producer.client, writer._producer._sender)
    assert [part._retry_backoff for part in parts] == [0.005, 0.005]
    writer._retry_every(1.0)
    assert [part._retry_backoff for part in parts] == [1.0, 1.0]
    for part in parts:  # read each time, not copied when the producer is made
        assert "asyncio.sleep(self._retry_backoff)" in inspect.getsource(type(part))


OVERRIDING = [
    transport._ConsumerThread,
    transport.ChunkConsumer,
    transport._PausingListener,
    transport._Producer,
    transport.ChunkTransport,
    worker.WorkerApp,
    worker._BoundedWorker,
]
NEW: dict[type, set[str]] = {
    transport._ConsumerThread: {"resume", "_resume", "rejoin", "_rejoin"},
    transport.ChunkConsumer: {"resume", "offer", "rejoin", "may_take", "_message_of"},
    worker._BoundedWorker: {"_end_in_time"},
}
"""Methods that Faust's classes don't have."""


@pytest.mark.parametrize("derived", OVERRIDING, ids=lambda one: one.__name__)
def test_each_method_overrides_one_that_takes_the_same(derived: type) -> None:
    own = {
        name: method
        for name, method in vars(derived).items()
        if inspect.isfunction(method) and name != "__init__"
    }
    assert own or derived is transport.ChunkTransport
    for name in own.keys() - NEW.get(derived, set()):
        theirs = getattr(derived.__mro__[1], name, None)
        assert theirs is not None, f"{derived.__mro__[1].__name__} has no {name} any more"
        parameters = list(inspect.signature(own[name]).parameters)
        taken = [one for one in inspect.signature(theirs).parameters if one != "kwargs"]
        if "_" not in parameters:
            assert parameters == taken, name


def test_fausts_consumer_thread_gives_its_consumer() -> None:
    thread = driver.AIOKafkaConsumerThread
    for name in ("_ensure_consumer", "call_thread"):
        assert callable(getattr(thread, name))
    assert "self._thread" in inspect.getsource(driver.ConsumerRebalanceListener)
    assert issubclass(faust.App, worker.WorkerApp.__mro__[1])
