"""Writing records to a real broker's topics and reading back what is committed there."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from reftrail.contracts.codec import decode, encode
from reftrail.contracts.installation import Installation
from reftrail.contracts.record import Record
from reftrail.contracts.topic import Topic
from reftrail.engine.topology import TOPOLOGY
from reftrail.local.topics import admin


@dataclass(frozen=True, slots=True)
class Logged:
    """A record and where it stands."""

    partition: int
    offset: int
    key: str
    record: Any


@contextmanager
def writing(
    installation: Installation, topic: Topic
) -> Iterator[Callable[[Iterable[Record]], None]]:
    """Writes records under their keys, in order, and returns when all are acknowledged."""
    producer = KafkaProducer(
        bootstrap_servers=installation.bootstrap_servers, acks="all", linger_ms=5
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
        producer.flush()
        for future in sent:
            future.get(timeout=30)

    try:
        yield write
    finally:
        producer.close()


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


def read_committed(installation: Installation, topic: Topic) -> list[Logged]:
    """All committed records of a topic as of now, by partition and offset."""
    consumer = reading(installation, topic, fetch_max_wait_ms=50)
    partitions = consumer.assignment()
    ends = consumer.end_offsets(partitions)
    found = []
    while any(consumer.position(partition) < ends[partition] for partition in partitions):
        for partition, messages in consumer.poll(timeout_ms=200).items():
            found += [_logged(partition.partition, message) for message in messages]
    consumer.close()
    return sorted(found, key=lambda logged: (logged.partition, logged.offset))


def read_until(
    installation: Installation,
    topic: Topic,
    enough: Callable[[list[Logged]], bool],
    seconds: float = 60,
) -> list[Logged]:
    """The committed records of a topic, as they come in, as soon as they are enough.

    Read by one consumer, once each. Those that are there when the time is up, for the test to see.
    """
    deadline = time.monotonic() + seconds
    consumer = reading(installation, topic, fetch_max_wait_ms=50)
    found: list[Logged] = []
    while not enough(found) and time.monotonic() < deadline:
        for partition, messages in consumer.poll(timeout_ms=200).items():
            found += [_logged(partition.partition, message) for message in messages]
    consumer.close()
    return found


def _logged(partition: int, message: Any) -> Logged:
    return Logged(partition, message.offset, message.key.decode(), decode(message.value))


def group_positions(installation: Installation, group: str) -> dict[tuple[Topic, int], int]:
    """Where the group stands in what the stages read."""
    read = {installation.name_of(stage.reads): stage.reads for stage in TOPOLOGY}
    with admin(installation) as client:
        found: dict[TopicPartition, int] = {
            partition: position.offset
            for partition, position in client.list_group_offsets(group)[group].items()
        }
    return {(read[at.topic], at.partition): offset for at, offset in found.items()}
