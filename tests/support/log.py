"""Writing records to a real broker's topics and reading back what is committed there."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import OffsetNotAvailableError

from reftrail.contracts.codec import decode, encode
from reftrail.contracts.installation import Installation
from reftrail.contracts.record import Millis, Record
from reftrail.contracts.topic import Topic
from reftrail.engine.topology import TOPOLOGY
from reftrail.local.topics import admin

_TRANSACTIONS_END_WITHIN = 120.0
"""Seconds; one that is left open is aborted by the broker."""


@dataclass(frozen=True, slots=True)
class Logged:
    """A record and its position; timestamp is the broker's."""

    partition: int
    offset: int
    key: str
    record: Any
    timestamp: Millis | None = None


@dataclass(frozen=True, slots=True)
class Raw:
    """A message and its position, readable or not."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: Millis | None = None

    def decoded(self) -> Logged:
        """It with its record. Raises `Undecodable`."""
        key = b"" if self.key is None else self.key
        record = decode(self.value)
        return Logged(self.partition, self.offset, key.decode(), record, self.timestamp)


_ACKNOWLEDGED_WITHIN: Final = 30
_LEADS_WITHIN: Final = 60
"""Seconds."""


@contextmanager
def writing(
    installation: Installation, topic: Topic, **settings: Any
) -> Iterator[Callable[[Iterable[Record]], None]]:
    """Writes records under their keys, in order, and returns when all are acknowledged.

    Raises `KafkaTimeoutError` if they aren't in 30 s: of a broker that has gone, kafka-python waits
    for ever. settings are the producer's.
    """
    producer = KafkaProducer(
        bootstrap_servers=installation.bootstrap_servers, acks="all", linger_ms=5, **settings
    )
    name = installation.name_of(topic)
    count = len(producer.partitions_for(name))

    def write(records: Iterable[Record]) -> None:
        sent = []
        for record in records:
            key = topic.key_of(record)
            sent.append(
                producer.send(
                    name,
                    key=key.encode(),
                    value=encode(record),
                    partition=topic.partition(key, count),
                )
            )
        producer.flush(timeout=_ACKNOWLEDGED_WITHIN)
        for future in sent:
            future.get(timeout=_ACKNOWLEDGED_WITHIN)

    try:
        yield write
    finally:
        producer.close(timeout=_ACKNOWLEDGED_WITHIN)


def produce(installation: Installation, topic: Topic, records: Iterable[Record]) -> None:
    """Write records under their keys, in order, and return when all are acknowledged."""
    with writing(installation, topic) as write:
        write(records)


def reading(installation: Installation, topic: Topic, fetch_max_wait_ms: int = 500) -> Any:
    """A consumer of what is committed on a topic, from the first record on, outside any group."""
    consumer = KafkaConsumer(
        bootstrap_servers=installation.bootstrap_servers,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=fetch_max_wait_ms,
    )
    name = installation.name_of(topic)
    consumer.assign([TopicPartition(name, p) for p in consumer.partitions_for_topic(name)])
    return consumer


def read_committed(
    installation: Installation, topic: Topic, begin: Mapping[int, int] | None = None
) -> list[Logged]:
    """All committed records of a topic as of now, by partition and offset.

    Or those from given positions of its partitions on.
    """
    return [message.decoded() for message in read_raw(installation, topic, begin=begin)]


def ends_of(installation: Installation, topic: Topic) -> dict[int, int]:
    """The position behind the last record of each partition."""
    consumer = reading(installation, topic)
    ends = consumer.end_offsets(consumer.assignment())
    consumer.close()
    return {at.partition: end for at, end in ends.items()}


def written_ends(
    installation: Installation, partitions: Iterable[TopicPartition]
) -> dict[TopicPartition, int]:
    """The position behind the last record of partitions, in open transactions too.

    A leader that is new doesn't know it at once: it is asked again.
    """
    wanted = dict.fromkeys(partitions, OffsetSpec.LATEST)
    deadline = time.monotonic() + _LEADS_WITHIN
    with admin(installation) as client:
        while True:
            try:
                found = client.list_partition_offsets(wanted)
                break
            except OffsetNotAvailableError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
    return {partition: position.offset for partition, position in found.items()}


def read_raw(
    installation: Installation,
    topic: Topic,
    until: Mapping[int, int] | None = None,
    *,
    begin: Mapping[int, int] | None = None,
) -> list[Raw]:
    """All committed messages of a topic, undecoded, by partition and offset.

    As of now, or of some partitions, those before given positions; from the first, or from given
    positions on. The end of transactions that are under way is waited for: a commit is acknowledged
    before each partition has its marker, so that one of them may be readable before another.
    """
    consumer = reading(installation, topic, fetch_max_wait_ms=50)
    ends = written_ends(installation, consumer.assignment())
    if until is not None:
        ends = {at: until[at.partition] for at in ends if at.partition in until}
        consumer.assign(list(ends))
    for at in ends:
        if begin is not None:
            consumer.seek(at, begin[at.partition])
    found = []
    deadline = time.monotonic() + _TRANSACTIONS_END_WITHIN
    while any(consumer.position(at) < end for at, end in ends.items()):
        assert time.monotonic() < deadline, f"a transaction on {topic.name} doesn't end"
        for at, messages in consumer.poll(timeout_ms=200).items():
            found += [
                _raw(at.partition, message) for message in messages if message.offset < ends[at]
            ]
    consumer.close()
    return sorted(found, key=lambda raw: (raw.partition, raw.offset))


def read_until(
    installation: Installation,
    topic: Topic,
    enough: Callable[[list[Logged]], bool],
    seconds: float = 180,
) -> list[Logged]:
    """The committed records of a topic, as they come in, as soon as they are enough.

    Read by one consumer, once each. Those that are there when none came for so many seconds, for
    the test to see.
    """
    deadline = time.monotonic() + seconds
    consumer = reading(installation, topic, fetch_max_wait_ms=50)
    found: list[Logged] = []
    while not enough(found) and time.monotonic() < deadline:
        for partition, messages in consumer.poll(timeout_ms=200).items():
            found += [_raw(partition.partition, message).decoded() for message in messages]
            deadline = time.monotonic() + seconds
    consumer.close()
    return found


def _raw(partition: int, message: Any) -> Raw:
    return Raw(partition, message.offset, message.key, message.value, message.timestamp)


def group_positions(installation: Installation, group: str) -> dict[tuple[Topic, int], int]:
    """The positions of the group in the stages' topics."""
    read = {installation.name_of(stage.reads): stage.reads for stage in TOPOLOGY}
    with admin(installation) as client:
        found: dict[TopicPartition, int] = {
            partition: position.offset
            for partition, position in client.list_group_offsets(group)[group].items()
        }
    return {(read[at.topic], at.partition): offset for at, offset in found.items()}
