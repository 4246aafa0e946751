"""Kafka as fulfilment sees it: orders in, reports and dead letters out, and how far it has come.

Reports, letters and positions go out in transactions of one transactional id: whoever starts later
on the same group fences whoever ran before, whose reports then are there or never will be.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

from kafka import OffsetAndMetadata, TopicPartition
from kafka.errors import InvalidProducerEpochError, KafkaError, ProducerFencedError

from reftrail.contracts.codec import Undecodable, decode_as, encode
from reftrail.contracts.decisions import DeadLettered, RewardGranted
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.installation import Installation
from reftrail.contracts.life import FulfilmentReported
from reftrail.contracts.topics import DEAD_LETTERS, FULFILMENTS, REWARD_GRANTED, Topic
from reftrail.fulfilment.journal import Untold
from reftrail.fulfilment.reports import Place, Refusal
from reftrail.hosting.kafka.blocking import (
    BlockingConsumer,
    BlockingProducer,
    blocking_admin,
    blocking_consumer,
    blocking_producer,
)

_CHUNK: Final = 500

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """What came in: orders with their places, and messages that are none."""

    orders: Sequence[tuple[RewardGranted, Place]]
    unreadable: Sequence[Refusal]


class Log(Protocol):
    """What fulfilment asks of Kafka. Positions are by partition; methods raise `KafkaError`.

    identity is that of the topics, which a topic made again under its name doesn't share.
    """

    @property
    def identity(self) -> str: ...  # noqa: D102

    def reports(
        self, positions: Mapping[int, int]
    ) -> Iterator[tuple[list[FulfilmentReported], dict[int, int]]]:
        """The reports from these positions (or the beginning) to the end, and up to where."""

    def poll(self, timeout_ms: int) -> Found:
        """The next orders, waiting for at most so long; from the group's positions at first."""

    def positions(self) -> dict[int, int]:
        """Up to where orders were polled; the group's positions at first."""

    def ends(self) -> dict[int, int]:
        """Where the orders end by now."""

    def tell(
        self,
        untold: Sequence[Untold],
        letters: Sequence[DeadLettered],
        positions: Mapping[int, int],
    ) -> dict[int, int]:
        """Write reports and letters and move the group's positions: all of it, or nothing.

        Says up to where the reports were written.
        """


@dataclass(frozen=True)
class KafkaLog:
    """The log on a broker; told are the partitions of the reports. `connected` makes one."""

    identity: str
    installation: Installation
    group: str
    producer: BlockingProducer
    consumer: BlockingConsumer
    orders: Sequence[TopicPartition]
    told: Sequence[TopicPartition]

    def reports(
        self, positions: Mapping[int, int]
    ) -> Iterator[tuple[list[FulfilmentReported], dict[int, int]]]:
        """See `Log`."""
        consumer = self.consumer
        consumer.assign(self.told)
        begins, ends = consumer.beginning_offsets(self.told), consumer.end_offsets(self.told)
        for at in self.told:
            consumer.seek(at, max(positions.get(at.partition, 0), begins[at]))
        while any(consumer.position(at) < ends[at] for at in self.told):
            found = list(_messages(consumer.poll(timeout_ms=200)))
            yield list(_readable(found)), {at.partition: consumer.position(at) for at in self.told}

    def poll(self, timeout_ms: int) -> Found:
        """See `Log`."""
        self._read_orders()
        orders, unreadable = [], []
        for message in _messages(self.consumer.poll(timeout_ms=timeout_ms)):
            place = Place(message.partition, message.offset)
            try:
                orders.append((decode_as(RewardGranted, message.value), place))
            except Undecodable as error:
                unreadable.append(
                    Refusal(place, message.timestamp, message.key, message.value, str(error))
                )
        return Found(orders, unreadable)

    def positions(self) -> dict[int, int]:
        """See `Log`."""
        self._read_orders()
        return {at.partition: self.consumer.position(at) for at in self.orders}

    def ends(self) -> dict[int, int]:
        """See `Log`."""
        return {at.partition: end for at, end in self.consumer.end_offsets(self.orders).items()}

    def tell(
        self,
        untold: Sequence[Untold],
        letters: Sequence[DeadLettered],
        positions: Mapping[int, int],
    ) -> dict[int, int]:
        """See `Log`. Raises `ExpectedError` if another fulfilment has taken over.

        It must not connect again then, which would fence the other in turn.
        """
        try:
            self.producer.begin_transaction()
            sent = [self._send(FULFILMENTS, one.report) for one in untold]
            for value in _values(untold, letters):
                self._send(DEAD_LETTERS, value)
            self.producer.send_offsets_to_transaction(self._offsets(positions), self.group)
            self.producer.commit_transaction()
        except KafkaError as error:
            if not _is_fenced(error):
                raise
            raise ExpectedError(
                f"another fulfilment of the group {self.group} has started and took over (or Kafka "
                f"was away for longer than a transaction may take); stop one of them, or give them "
                f"groups of their own in REFTRAIL_FULFILMENT_GROUP"
            ) from error
        written: dict[int, int] = {}
        for future in sent:
            done = future.get()
            written[done.partition] = max(written.get(done.partition, 0), done.offset + 1)
        return written

    def _read_orders(self) -> None:
        """Turn from reports to orders, if that has not been done; Kafka has the positions."""
        if self.consumer.assignment() != set(self.orders):
            self.consumer.assign(self.orders)

    def _send(self, topic: Topic, value: bytes) -> Any:
        """Write a message value under its record's key."""
        kind = topic.record
        assert kind is not None
        key = topic.key_of(decode_as(kind, value))
        name = self.installation.name_of(topic)
        partition = topic.partition(key, len(self.told))
        return self.producer.send(name, key=key.encode(), value=value, partition=partition)

    def _offsets(self, positions: Mapping[int, int]) -> dict[TopicPartition, OffsetAndMetadata]:
        name = self.installation.name_of(REWARD_GRANTED)
        return {
            TopicPartition(name, number): OffsetAndMetadata(position, "", -1)
            for number, position in positions.items()
        }


@contextmanager
def connected(installation: Installation, group: str) -> Iterator[KafkaLog]:
    """A log of which whoever ran before is fenced: nothing more of theirs comes to Kafka.

    Raises `KafkaError`, or `ExpectedError` if the topics aren't there.
    """
    identity, counts = _describe(installation)
    orders, told = (
        [TopicPartition(installation.name_of(topic), number) for number in range(counts[topic])]
        for topic in (REWARD_GRANTED, FULFILMENTS)
    )
    with ExitStack() as closing:
        producer = _producer(installation, group)
        closing.callback(_close, partial(producer.close, timeout=1.0))
        consumer = _consumer(installation, group)
        closing.callback(_close, partial(consumer.close, timeout_ms=1_000))
        producer.init_transactions()
        yield KafkaLog(identity, installation, group, producer, consumer, orders, told)


def _producer(installation: Installation, group: str) -> BlockingProducer:
    return blocking_producer(
        installation,
        transactional_id=f"{installation.topic_prefix}{group}",
        retry_backoff_ms=20,
        max_block_ms=10_000,
        max_request_size=8 << 20,
        allow_auto_create_topics=False,
    )


def _consumer(installation: Installation, group: str) -> BlockingConsumer:
    return blocking_consumer(
        installation,
        group_id=group,
        auto_offset_reset="earliest",
        max_poll_records=_CHUNK,
        fetch_max_wait_ms=200,
        request_timeout_ms=10_000,
        allow_auto_create_topics=False,
    )


def _is_fenced(error: KafkaError) -> bool:
    """Whether an error says so, or what it wraps: that depends on which request was under way."""
    said = (error, error.__cause__, *error.args)
    return any(isinstance(one, ProducerFencedError | InvalidProducerEpochError) for one in said)


def _close(close: Callable[[], None]) -> None:
    """What isn't committed is given up; a broker that is away needn't hear of it."""
    with suppress(KafkaError):
        close()


def _describe(installation: Installation) -> tuple[str, dict[Topic, int]]:
    """Which topics these are, and how many partitions each has."""
    names = {installation.name_of(topic): topic for topic in (REWARD_GRANTED, FULFILMENTS)}
    admin = blocking_admin(installation, bootstrap_timeout_ms=5_000)
    try:
        described = [one for one in admin.describe_topics(list(names)) if not one["error_code"]]
    finally:
        admin.close()
    found = {names[one["name"]]: one for one in described}
    if missing := [name for name, topic in names.items() if topic not in found]:
        raise ExpectedError(
            f"{installation.bootstrap_servers} has no topics {', '.join(missing)}; create the "
            f"installation's topics, or set REFTRAIL_TOPIC_PREFIX to the prefix of those it has"
        )
    identity = "/".join(str(found[topic]["topic_id"]) for topic in (REWARD_GRANTED, FULFILMENTS))
    return identity, {topic: len(one["partitions"]) for topic, one in found.items()}


def _messages(polled: Mapping[TopicPartition, Iterable[Any]]) -> Iterator[Any]:
    for messages in polled.values():
        yield from messages


def _values(untold: Iterable[Untold], letters: Iterable[DeadLettered]) -> Iterator[bytes]:
    yield from (one.letter for one in untold if one.letter is not None)
    yield from map(encode, letters)


def _readable(messages: Iterable[Any]) -> Iterator[FulfilmentReported]:
    for message in messages:
        try:
            yield decode_as(FulfilmentReported, message.value)
        except Undecodable as error:
            place = f"{message.topic}/{message.partition} offset {message.offset}"
            _log.warning("%s is no report and is passed over: %s", place, error)
