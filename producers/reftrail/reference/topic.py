"""A reference topic from its beginning to its end, and records added to it."""

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from typing import Any, Final, TypeVar

from kafka import TopicPartition
from kafka.errors import KafkaError

from reftrail.contracts.codec import Undecodable, decode_as, encode, stop_if_newer
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.installation import Installation
from reftrail.contracts.record import Record
from reftrail.contracts.topic import Topic
from reftrail.hosting.kafka.blocking import blocking_consumer, blocking_producer, numbers_of

R = TypeVar("R", bound=Record)

_POLL_MS: Final = 500
_ACK_SECONDS: Final = 30.0


def read_all(installation: Installation, topic: Topic, kind: type[R]) -> list[R]:
    """Every record of a topic as of now; those of one key in the order of their writing.

    Raises `ExpectedError` when the broker or the topic isn't there, or a message can't be read.
    """
    with _explaining(installation), closing(_consumer(installation)) as consumer:
        partitions = [
            TopicPartition(installation.name_of(topic), partition)
            for partition in _partitions(installation, topic, consumer.partitions_for_topic)
        ]
        consumer.assign(partitions)
        ends = consumer.end_offsets(partitions)
        records: list[R] = []
        while any(consumer.position(partition) < ends[partition] for partition in partitions):
            for messages in consumer.poll(timeout_ms=_POLL_MS).values():
                records.extend(
                    _decoded(kind, message) for message in messages if message.value is not None
                )
        return records


def write(installation: Installation, topic: Topic, records: Iterable[Record]) -> None:
    """Write records under their keys; return when all replicas have all of them.

    Raises `ExpectedError` when the broker or topic isn't there or doesn't acknowledge; then some
    may have been written.
    """
    with _explaining(installation), closing(_producer(installation)) as producer:
        name = installation.name_of(topic)
        partitions = len(_partitions(installation, topic, producer.partitions_for))
        sent = []
        for record in records:
            key = topic.key_of(record)
            sent.append(
                producer.send(
                    name,
                    value=encode(record),
                    key=key.encode(),
                    partition=topic.partition(key, partitions),
                )
            )
        producer.flush(timeout=_ACK_SECONDS)
        for future in sent:
            future.get(timeout=_ACK_SECONDS)


def _consumer(installation: Installation) -> Any:
    return blocking_consumer(installation, auto_offset_reset="earliest", fetch_max_wait_ms=100)


def _producer(installation: Installation) -> Any:
    return blocking_producer(installation, enable_idempotence=True, linger_ms=5)


def _partitions(installation: Installation, topic: Topic, known: Any) -> list[int]:
    partitions = numbers_of(known, installation.name_of(topic))
    if not partitions:
        raise ExpectedError(
            f"the topic {installation.name_of(topic)} does not exist on "
            f"{installation.bootstrap_servers}; is the topic prefix right?"
        )
    return partitions


def _decoded(kind: type[R], message: Any) -> R:
    try:
        return decode_as(kind, message.value)
    except Undecodable as error:
        stop_if_newer(error)
        raise ExpectedError(
            f"{message.topic}/{message.partition} has something else than a {kind.__name__} at "
            f"offset {message.offset}: {error}"
        ) from error


@contextmanager
def _explaining(installation: Installation) -> Iterator[None]:
    try:
        yield
    except KafkaError as error:
        raise ExpectedError(
            f"Kafka at {installation.bootstrap_servers} does not answer as it should: {error!r}; "
            f"is the broker running, and is the address right?"
        ) from error
