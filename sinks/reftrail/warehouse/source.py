"""Source of the warehouse: committed messages of the public topics, by position."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiokafka import TopicPartition

from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.installation import Installation
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import PUBLIC_TOPICS
from reftrail.engine.chunks import Chunk, join, marks_at, take_chunks
from reftrail.hosting.kafka.asynchronous import AsyncConsumer, async_consumer
from reftrail.hosting.kafka.blocking import blocking_admin
from reftrail.hosting.kafka.log_bounds import (
    LogBounds,
    Position,
    PositionAdvice,
    check_last_record,
    check_position,
)
from reftrail.warehouse.blocks import Part
from reftrail.warehouse.ledger import Load, Source
from reftrail.warehouse.loader import Work

Positions = Mapping[tuple[str, int], Position]
"""By topic, without prefix, and partition."""

_CHUNK: Final = 20_000
_ADVICE: Final = PositionAdvice(
    host="this warehouse",
    done="loaded",
    if_removed="restore them, or start with a new, empty warehouse",
    if_truncated="start with a new, empty warehouse",
    if_rewritten="restore the log from a replica or a backup, or start with a new, empty warehouse",
)


def describe(installation: Installation) -> list[tuple[Source, int]]:
    """The public topics on the broker, each with its number of partitions; blocks.

    Raises `ExpectedError` if one isn't there, `KafkaError` if the broker doesn't answer.
    """
    admin = blocking_admin(installation, bootstrap_timeout_ms=5_000)
    try:
        cluster_id = admin.describe_cluster()["cluster_id"]
        names = [installation.name_of(topic) for topic in PUBLIC_TOPICS]
        found: dict[str, dict[str, Any]] = {
            topic["name"]: topic
            for topic in admin.describe_topics(names)
            if not topic["error_code"]
        }
    finally:
        admin.close()
    if missing := [name for name in names if name not in found]:
        raise ExpectedError(
            f"{installation.bootstrap_servers} has no topics {', '.join(missing)}; create the "
            f"installation's topics, or set REFTRAIL_TOPIC_PREFIX to the prefix of those it has"
        )
    return [
        (
            Source(topic.name, name, str(found[name]["topic_id"]), cluster_id),
            len(found[name]["partitions"]),
        )
        for topic, name in zip(PUBLIC_TOPICS, names, strict=True)
    ]


class KafkaSource:
    """Reads the public topics, outside any consumer group. Must be made in the event loop."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._topics = {installation.name_of(topic): topic for topic in PUBLIC_TOPICS}
        self._partitions: dict[Topic, int] = {}
        self._consumer = _consumer(installation)

    async def start(
        self, sources: Sequence[tuple[Source, int]], positions: Positions
    ) -> dict[tuple[str, int], int]:
        """Begin at the given positions, or at a partition's beginning where there is none.

        Says where each partition begins. Raises `ExpectedError` if a position is no longer, or
        not yet, in the log, or the log was written again since.
        """
        await self._consumer.start()
        counts = {source.topic: count for source, count in sources}
        self._partitions = {topic: counts[topic.name] for topic in PUBLIC_TOPICS}
        partitions = [
            TopicPartition(self._installation.name_of(topic), number)
            for topic, count in self._partitions.items()
            for number in range(count)
        ]
        begins = await self._consumer.beginning_offsets(partitions)
        ends = await self._consumer.end_offsets(partitions)
        places = {at: (self._topics[at.topic].name, at.partition) for at in partitions}
        known = {at: positions.get(places[at], Position(begins[at])) for at in partitions}
        for at, position in known.items():
            _check(at, position.offset, LogBounds(begins[at], ends[at]))
        self._consumer.assign(partitions)
        self._consumer.pause(*partitions)
        self._seek(known)
        await self._check_last_records(known, begins)
        self._seek(known)
        self._consumer.resume(*partitions)
        return {places[at]: position.offset for at, position in known.items()}

    def _seek(self, positions: Mapping[TopicPartition, Position]) -> None:
        for at, position in positions.items():
            self._consumer.seek(at, position.offset)

    async def _check_last_records(
        self, known: Mapping[TopicPartition, Position], begins: Mapping[TopicPartition, int]
    ) -> None:
        """Compare the last records that were loaded with those in the log, where they still are."""
        offsets = {
            at: position.last.offset
            for at, position in known.items()
            if position.last and position.last.offset >= begins[at]
        }
        found = await marks_at(self._consumer, offsets)
        for at, mark in found.items():
            if mark is None and await self._was_removed(at, offsets[at]):
                continue
            check_last_record(at.topic, at.partition, known[at], mark, _ADVICE)

    async def _was_removed(self, at: TopicPartition, offset: int) -> bool:
        """Whether a record may be gone in the course of time: compacted, or no longer kept."""
        begins = await self._consumer.beginning_offsets([at])
        return self._topics[at.topic].compacted or begins[at] > offset

    async def stop(self) -> None:
        """Disconnect."""
        await self._consumer.stop()

    async def read(self, timeout_seconds: float) -> dict[Topic, list[Part]]:
        """Read new messages, waiting for at most so long. Topics in table order."""
        found = await take_chunks(self._consumer, (), timeout_seconds, _CHUNK)
        parts: dict[Topic, list[Part]] = {topic: [] for topic in PUBLIC_TOPICS}
        for at, chunks in found.items():
            if chunks:
                parts[self._topics[at.topic]].append(Part(at.partition, join(chunks)))
        return {topic: some for topic, some in parts.items() if some}

    async def ends(self) -> dict[tuple[str, int], int]:
        """For each partition the position after its last committed message, as of now.

        Raises `KafkaError` if the broker doesn't answer, `ExpectedError` if there are more
        partitions than at the start.
        """
        for topic, count in self._partitions.items():
            name = self._installation.name_of(topic)
            now = self._consumer.partitions_for_topic(name)
            if now is not None and len(now) > count:
                raise ExpectedError(
                    f"topic {name} has {len(now)} partitions now, it had {count}; start the "
                    f"warehouse again, so that it reads them all"
                )
        ends = await self._consumer.end_offsets(self._consumer.assignment())
        return {(self._topics[at.topic].name, at.partition): end for at, end in ends.items()}


async def read_again(installation: Installation, load: Load) -> Work:
    """The messages of exactly a load's ranges. Raises `ExpectedError` if they are gone."""
    topic = next(topic for topic in PUBLIC_TOPICS if topic.name == load.topic)
    name = installation.name_of(topic)
    consumer = _consumer(installation)
    await consumer.start()
    try:
        ranges = {TopicPartition(name, loaded.partition): loaded for loaded in load.ranges}
        begins = await consumer.beginning_offsets(ranges)
        ends = await consumer.end_offsets(ranges)
        consumer.assign(list(ranges))
        found: dict[TopicPartition, list[Chunk]] = {}
        for at, loaded in ranges.items():
            for position in (loaded.begin, loaded.end):
                _check(at, position, LogBounds(begins[at], ends[at]))
            consumer.seek(at, loaded.begin)
            found[at] = [Chunk(loaded.begin, loaded.begin, [], [], [], [])]
        while unread := [at for at, loaded in ranges.items() if found[at][-1].end < loaded.end]:
            for at, chunks in (await take_chunks(consumer, unread, 1.0, _CHUNK)).items():
                found[at].extend(chunks)
    finally:
        await consumer.stop()
    parts = [
        Part(at.partition, before(join(found[at]), loaded.end)) for at, loaded in ranges.items()
    ]
    return Work(topic, tuple(sorted(parts, key=lambda part: part.partition)))


def before(chunk: Chunk, end: int) -> Chunk:
    """The part of a chunk before a position."""
    count = sum(offset < end for offset in chunk.offsets)
    return Chunk(
        chunk.begin,
        end,
        chunk.offsets[:count],
        chunk.timestamps[:count],
        chunk.keys[:count],
        chunk.values[:count],
    )


def _check(at: TopicPartition, position: int, bounds: LogBounds) -> None:
    check_position(at.topic, at.partition, position, bounds, _ADVICE)


def _consumer(installation: Installation) -> AsyncConsumer:
    return async_consumer(
        installation,
        auto_offset_reset="none",
        max_partition_fetch_bytes=4 << 20,
        fetch_max_bytes=32 << 20,
        # Little by little would keep the broker and this process busy for nothing.
        fetch_min_bytes=256 << 10,
        fetch_max_wait_ms=250,
        retry_backoff_ms=200,
    )
