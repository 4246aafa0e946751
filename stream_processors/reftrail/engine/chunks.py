# ruff: noqa: SLF001  (the client has no public way to the record batches of a response)
"""Fetched messages in bulk: one object for thousands of them, with the positions they span.

The client makes a record object of some microseconds for every message. Here the values and
offsets of a fetched response are collected straight from its record batches instead.
"""

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import FetchResult
from aiokafka.errors import ConsumerStoppedError, CorruptRecordException

from reftrail.contracts.installation import Installation
from reftrail.hosting.kafka.asynchronous import AsyncConsumer, async_consumer
from reftrail.hosting.kafka.log_bounds import LogBounds, RecordMark


@dataclass(frozen=True, slots=True)
class Chunk:
    """Messages of one partition, in order, that stand in the log from begin up to before end.

    offsets, timestamps (the broker's, in ms), keys and values run side by side. There may be
    fewer messages than positions, even none: control records, aborted transactions and compaction
    leave gaps.
    """

    begin: int
    end: int
    offsets: list[int]
    timestamps: list[int]
    keys: list[bytes | None]
    values: list[bytes | None]

    @property
    def last(self) -> RecordMark | None:
        """The mark of its last message."""
        if not self.offsets:
            return None
        return RecordMark.of(self.offsets[-1], self.timestamps[-1], self.keys[-1], self.values[-1])

    def at(self, offset: int) -> RecordMark | None:
        """The mark of the message at an offset, if there is one."""
        nth = bisect_left(self.offsets, offset)
        if nth == len(self.offsets) or self.offsets[nth] != offset:
            return None
        return RecordMark.of(offset, self.timestamps[nth], self.keys[nth], self.values[nth])


def join(chunks: list[Chunk]) -> Chunk:
    """Chunks that follow each other, as one."""
    if len(chunks) == 1:
        return chunks[0]
    return Chunk(
        begin=chunks[0].begin,
        end=chunks[-1].end,
        offsets=[offset for chunk in chunks for offset in chunk.offsets],
        timestamps=[timestamp for chunk in chunks for timestamp in chunk.timestamps],
        keys=[key for chunk in chunks for key in chunk.keys],
        values=[value for chunk in chunks for value in chunk.values],
    )


async def take_chunks(
    consumer: AsyncConsumer,
    partitions: Iterable[TopicPartition],
    timeout_seconds: float,
    max_records: int,
    may_take: Callable[[], bool] = lambda: True,
) -> dict[TopicPartition, list[Chunk]]:
    """The messages that a consumer has fetched of partitions (none given: of all), in chunks.

    Waits for something to come in for at most timeout_seconds. A chunk has max_records messages,
    or a record batch more. may_take is asked after the wait: if not, all is left where it is, the
    consumer's positions too. Must run in the consumer's event loop. Reaches into the client: the
    iterator of each fetched response is a generator that hasn't been started, and is replaced.
    """
    fetcher = consumer._fetcher
    if fetcher._closed:
        raise ConsumerStoppedError
    with fetcher._subscriptions.fetch_context():
        if fetcher._subscriptions.reassignment_in_progress:
            await fetcher._subscriptions.wait_for_assignment()
        if not fetcher._records and timeout_seconds:
            await _something_fetched(fetcher, timeout_seconds)
        if fetcher._subscriptions.reassignment_in_progress or not may_take():
            return {}
        for fetched in fetcher._records.values():
            if isinstance(fetched, FetchResult) and fetched.has_more():
                _yield_chunks(fetched._partition_records, max_records)
        # Nothing suspends from here on, so that no response slips in unreplaced.
        found: dict[TopicPartition, list[Chunk]] = await fetcher.fetched_records(
            partitions, timeout=0
        )
    return found


def _yield_chunks(response: Any, max_records: int) -> None:
    if not hasattr(response, "in_chunks"):
        response.in_chunks = True
        response._records_iterator = _chunks(response, max_records)


def _chunks(response: Any, max_records: int) -> Iterator[Chunk]:
    """The messages of one partition's response. Keeps its next_fetch_offset at the chunk's end."""
    chunk = Chunk(response.next_fetch_offset, response.next_fetch_offset, [], [], [], [])
    for batch in _data_batches(response):
        _append(batch, chunk)
        if len(chunk.offsets) >= max_records:
            response.next_fetch_offset = batch.next_offset
            yield _ending(chunk, batch.next_offset)
            chunk = Chunk(batch.next_offset, batch.next_offset, [], [], [], [])
    if response.next_fetch_offset > chunk.begin:
        yield _ending(chunk, response.next_fetch_offset)


def _ending(chunk: Chunk, end: int) -> Chunk:
    return Chunk(chunk.begin, end, chunk.offsets, chunk.timestamps, chunk.keys, chunk.values)


def _append(batch: Any, chunk: Chunk) -> None:
    """Add a batch's messages, without those from before the chunk's begin."""
    add_offset, add_timestamp = chunk.offsets.append, chunk.timestamps.append
    add_key, add_value = chunk.keys.append, chunk.values.append
    records: Iterable[Any] = batch
    if batch.base_offset < chunk.begin:
        records = (record for record in batch if record.offset >= chunk.begin)
    for record in records:
        add_offset(record.offset)
        add_timestamp(record.timestamp)
        add_key(record.key)
        add_value(record.value)


def _data_batches(response: Any) -> Iterator[Any]:
    """The record batches that a reader of committed data sees. As the client's own unpacking does.

    Source: aiokafka 0.14, `PartitionRecords._unpack_records`.
    """
    while response._records.has_next():
        batch = response._records.next_batch()
        if response._check_crcs and not batch.validate_crc():
            raise CorruptRecordException(f"a batch of {response._tp} fails its checksum")
        if batch.producer_id is not None and _is_aborted(response, batch):
            response.next_fetch_offset = batch.next_offset
            continue
        if not batch.is_control_batch:
            yield batch
        response.next_fetch_offset = batch.next_offset


def _is_aborted(response: Any, batch: Any) -> bool:
    response._consume_aborted_up_to(batch.base_offset)
    aborted = response._aborted_producers
    if batch.is_control_batch and response._contains_abort_marker(batch):
        aborted.discard(batch.producer_id)
    return batch.is_transactional and batch.producer_id in aborted


class ChunkReader:
    """Reads partitions in chunks, outside any consumer group, committed messages only."""

    def __init__(self, installation: Installation, max_records: int = 20_000) -> None:
        self._consumer = async_consumer(
            installation,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=4 << 20,
            fetch_max_wait_ms=500,
        )
        self._max_records = max_records

    async def start(
        self,
        positions: Mapping[TopicPartition, int | None],
        unread: Collection[TopicPartition] = (),
    ) -> None:
        """Connect and begin at the given positions; None is the beginning of the partition.

        Of unread partitions only the bounds will be asked for: the client gets to know their topics
        together with the others, which takes a moment; one by one, it takes seconds.
        """
        await self._consumer.start()
        self._consumer.assign([*positions, *unread])
        self._consumer.pause(*unread)
        for partition, position in positions.items():
            if position is not None:
                self._consumer.seek(partition, position)

    def seek(self, partition: TopicPartition, position: int) -> None:
        """Go on from another position; from the beginning of the log, if it lies before that."""
        self._consumer.seek(partition, position)

    async def stop(self) -> None:
        """Disconnect."""
        await self._consumer.stop()

    async def read(self, timeout_seconds: float) -> dict[TopicPartition, list[Chunk]]:
        """The chunks that have come in, after waiting for at most so long."""
        return await take_chunks(self._consumer, (), timeout_seconds, self._max_records)

    async def ends(self) -> dict[TopicPartition, int]:
        """For each partition the position after the last committed message, as of now."""
        ends: dict[TopicPartition, int] = await self._consumer.end_offsets(
            self._consumer.assignment()
        )
        return ends

    async def bounds(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, LogBounds]:
        """The begins of logs, and their ends for readers of committed data."""
        wanted = list(partitions)
        begins = await self._consumer.beginning_offsets(wanted)
        ends = await self._consumer.end_offsets(wanted)
        return {at: LogBounds(begins[at], ends[at]) for at in wanted}

    def known_end(self, partition: TopicPartition) -> int | None:
        """The end of a partition's committed messages when it last answered, if it did."""
        end: int | None = self._consumer.last_stable_offset(partition)
        return end

    async def records_at(
        self, offsets: Mapping[TopicPartition, int]
    ) -> dict[TopicPartition, RecordMark | None]:
        """The marks of what is committed at some offsets before the ends of their logs.

        Nothing else is read any more.
        """
        self._consumer.pause(*(self._consumer.assignment() - offsets.keys()))
        return await marks_at(self._consumer, offsets)

    async def position(self, partition: TopicPartition) -> int:
        """The next position to be read."""
        position: int = await self._consumer.position(partition)
        return position


async def marks_at(
    consumer: AsyncConsumer, offsets: Mapping[TopicPartition, int]
) -> dict[TopicPartition, RecordMark | None]:
    """The marks of what is committed at some offsets before the ends of their logs.

    The consumer must not be reading anything else. Its partitions are paused afterwards.
    """
    for partition, offset in offsets.items():
        consumer.seek(partition, offset)
    consumer.resume(*offsets)
    found: dict[TopicPartition, RecordMark | None] = {}
    while len(found) < len(offsets):
        for partition, chunks in (await take_chunks(consumer, (), 1.0, 1)).items():
            for chunk in chunks:
                if partition not in found and chunk.end > offsets[partition]:
                    found[partition] = chunk.at(offsets[partition])
                    consumer.pause(partition)
    return found


async def _something_fetched(fetcher: Any, timeout_seconds: float) -> None:
    """Wait until a response has come in; its errors are raised when the records are taken."""
    waiter = fetcher._create_fetch_waiter()
    done, _ = await asyncio.wait([waiter], timeout=timeout_seconds)
    if done:
        waiter.result()
    else:
        waiter.cancel()
