"""Single messages of Kafka's log, committed ones only: by position, or by their record's id."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from types import TracebackType
from typing import Any, Final, NamedTuple, Self, TypeAlias

from kafka import TopicPartition
from kafka.errors import KafkaError

from reftrail.contracts.codec import FRAME, Undecodable, decode, schema_of, stop_if_newer
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.installation import Installation
from reftrail.contracts.record import MINUTE, Millis, Record
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import TOPICS
from reftrail.hosting.kafka.blocking import blocking_consumer, numbers_of

LogPosition: TypeAlias = tuple[str, int, int]
"""Topic without prefix, partition and offset."""

_POLL_MS: Final = 500
_FAR_APART: Final = 2_000
"""Offsets. To read so many records takes about as long as to look for a place anew."""


@dataclass(frozen=True, slots=True)
class LogMessage:
    """A record and its position; topic without prefix. timestamp is the broker's, if known."""

    topic: str
    partition: int
    offset: int
    record: Record
    timestamp: Millis | None = None


class RawMessage(NamedTuple):
    """A message of a partition; timestamp is the broker's."""

    offset: int
    timestamp: Millis
    value: bytes


class Log:
    """Reads an installation's topics. Raises `ExpectedError` if Kafka doesn't answer.

    Raises `NewerVersionNeeded` at a record that a newer reftrail wrote.
    """

    def __init__(self, installation: Installation) -> None:
        self._prefix = installation.topic_prefix
        try:
            self._consumer = blocking_consumer(
                installation,
                auto_offset_reset="earliest",
                max_partition_fetch_bytes=4 << 20,
                fetch_max_wait_ms=100,
            )
        except KafkaError as error:
            raise ExpectedError(
                f"Kafka at {installation.bootstrap_servers} does not answer ({error}); set "
                f"REFTRAIL_BOOTSTRAP_SERVERS, or start a local stack with: reftrail up"
            ) from error

    def at(self, places: Iterable[LogPosition]) -> dict[LogPosition, LogMessage]:
        """The records at some positions, those that are still there; each partition is read once.

        Records between two that are far apart are not read.
        """
        offsets: dict[tuple[str, int], set[int]] = {}
        for topic, partition, offset in places:
            offsets.setdefault((topic, partition), set()).add(offset)
        return {
            (topic, partition, found.offset): found
            for (topic, partition), wanted in offsets.items()
            for run in _runs(sorted(wanted))
            for found in self._run(topic, partition, run)
        }

    def _run(self, name: str, partition: int, offsets: Sequence[int]) -> Iterator[LogMessage]:
        """The records at offsets that aren't far apart."""
        topic = next(topic for topic in TOPICS if topic.name == name)
        wanted = set(offsets)
        for message in self._from(topic, partition, offsets[0]):
            if message.offset in wanted:
                record = _decoded_record(message.value)
                yield LogMessage(name, partition, message.offset, record, message.timestamp)
            if message.offset >= offsets[-1]:
                return

    def find(
        self, topic: Topic, key: str, event_ids: Iterable[str], needle: bytes, not_before: Millis
    ) -> dict[str, LogMessage]:
        """The first record under a key with each of some ids, those that there are; read once.

        Looked at are records whose bytes have the needle in them. not_before is a time at which
        none of them was written yet: the log is read from there.
        """
        missing = set(event_ids)
        partition = topic.partition(key, self.partitions(topic))
        begin = self._offset_at(topic, partition, max(0, not_before - MINUTE))
        found: dict[str, LogMessage] = {}
        if begin is None:
            return found
        for message in self._from(topic, partition, begin):
            if not missing:
                break
            if needle not in message.value:
                continue
            for logged in self._decoded(topic, partition, message, lambda _: True):
                if logged.record.event_id in missing:
                    missing.remove(logged.record.event_id)
                    found[logged.record.event_id] = logged
        return found

    def having(
        self,
        topic: Topic,
        key: str,
        wanted: Callable[[Any], bool],
        needle: bytes,
        also: type[Record] | None = None,
    ) -> Iterator[LogMessage]:
        """All records of a key's partition that are wanted, in order, from its beginning.

        Looked at are those whose bytes have the needle in them, or that are of the type also.
        """
        partition, begin = self.begin(topic, key)
        for message in self._from(topic, partition, begin):
            if needle in message.value or (also and _is_a(also, message.value[: FRAME.size])):
                yield from self._decoded(topic, partition, message, wanted)

    def everything(self, topic: Topic) -> Iterator[LogMessage]:
        """All records of all partitions, in order within each."""
        for partition in range(self.partitions(topic)):
            begin = self._beginning(topic, partition)
            for message in self._from(topic, partition, begin):
                yield from self._decoded(topic, partition, message, lambda _: True)

    def begin(self, topic: Topic, key: str) -> tuple[int, int]:
        """A key's partition, and the first offset that is still there."""
        partition = topic.partition(key, self.partitions(topic))
        return partition, self._beginning(topic, partition)

    def _offset_at(self, topic: Topic, partition: int, time: Millis) -> int | None:
        """The first offset that was written at a time or later; None if there is none."""
        at = TopicPartition(topic.full_name(self._prefix), partition)
        found = self._consumer.offsets_for_times({at: time})[at]
        return None if found is None else int(found.offset)

    def _beginning(self, topic: Topic, partition: int) -> int:
        at = TopicPartition(topic.full_name(self._prefix), partition)
        begin: int = self._consumer.beginning_offsets([at])[at]
        return begin

    def _decoded(
        self, topic: Topic, partition: int, message: RawMessage, wanted: Callable[[Any], bool]
    ) -> Iterator[LogMessage]:
        """The record, if it is one: what isn't is a dead letter to every stage."""
        try:
            record = _decoded_record(message.value)
        except Undecodable:
            return
        if wanted(record):
            yield LogMessage(topic.name, partition, message.offset, record, message.timestamp)

    def _from(self, topic: Topic, partition: int, offset: int) -> Iterator[RawMessage]:
        """Messages with a value from a position to the end of the log as it is now."""
        at = TopicPartition(topic.full_name(self._prefix), partition)
        self._consumer.assign([at])
        self._consumer.seek(at, offset)
        end = self._consumer.end_offsets([at])[at]
        while self._consumer.position(at) < end:
            messages: list[Any] = self._consumer.poll(timeout_ms=_POLL_MS).get(at, [])
            for message in messages:
                if message.value is not None:
                    yield RawMessage(message.offset, message.timestamp, message.value)

    def partitions(self, topic: Topic) -> int:
        """The number of a topic's partitions. Raises `ExpectedError` if there is no such topic."""
        name = topic.full_name(self._prefix)
        found = numbers_of(self._consumer.partitions_for_topic, name)
        if not found:
            raise ExpectedError(
                f"Kafka has no topic {name}; set REFTRAIL_TOPIC_PREFIX to the installation's prefix"
            )
        return len(found)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._consumer.close()


def _decoded_record(value: bytes) -> Record:
    """The record in a message value. Raises `Undecodable`, or `NewerVersionNeeded`."""
    try:
        return decode(value)
    except Undecodable as error:
        stop_if_newer(error)
        raise


def _runs(offsets: Iterable[int]) -> Iterator[list[int]]:
    """Rising offsets, apart where two are far apart."""
    run: list[int] = []
    for offset in offsets:
        if run and offset - run[-1] > _FAR_APART:
            yield run
            run = []
        run.append(offset)
    if run:
        yield run


@cache
def _is_a(kind: type[Record], frame: bytes) -> bool:
    """Whether a message that begins so is of a type."""
    try:
        return schema_of(frame).record == kind.__name__
    except Undecodable:
        return False
