"""Kafka for fulfilment: orders in, reports and dead letters out, and the positions of both.

Several processes share the partitions of a group. Reports, letters and positions go out together,
in transactions that the broker takes from the group's current members alone: of whoever has lost a
partition nothing about it comes to Kafka any more.

A position stays before the first open order, so that messages behind it are read again at the next
start. The metadata of the position says up to where unreadable ones are in the dead letters.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Protocol

from kafka import OffsetAndMetadata, TopicPartition
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from kafka.errors import InvalidProducerEpochError, KafkaError, ProducerFencedError

from reftrail.contracts.codec import Undecodable, decode, decode_as, encode, stop_if_newer
from reftrail.contracts.decisions import DeadLettered, RewardGranted, RewardWithdrawn
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.external_inputs import FulfilmentReported
from reftrail.contracts.installation import Installation
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import DEAD_LETTERS, FULFILMENTS, REWARD_GRANTED
from reftrail.fulfilment.journal import Untold
from reftrail.fulfilment.reports import Refusal
from reftrail.hosting.kafka.blocking import (
    BlockingConsumer,
    BlockingProducer,
    blocking_admin,
    blocking_consumer,
    blocking_producer,
    close_in_time,
)
from reftrail.hosting.kafka.log_bounds import LogPosition

_CHUNK: Final = 500

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FoundOrders:
    """Messages read: orders with their positions, withdrawals, and messages that are neither."""

    orders: Sequence[tuple[RewardGranted, LogPosition]]
    unreadable: Sequence[Refusal]
    withdrawals: Sequence[RewardWithdrawn] = ()


class Owner(Protocol):
    """Listener that a log informs of the partitions that are its own."""

    def losing(self) -> None:
        """The partitions may go to others when this returns: the last chance to report."""

    def gained(self, positions: Mapping[int, int]) -> None:
        """These partitions are its own from now on, and the group has passed these positions."""


class FulfilmentLog(Protocol):
    """Kafka as fulfilment needs it. Positions are by partition; methods raise `KafkaError`.

    identity is that of the topics, which a topic made again under its name doesn't share.
    """

    @property
    def identity(self) -> str: ...  # noqa: D102

    @property
    def partitions(self) -> int:
        """Of the orders, those of others included."""

    def reports(
        self, positions: Mapping[int, int]
    ) -> Iterator[tuple[list[FulfilmentReported], dict[int, int]]]:
        """The reports from these positions (or the beginning) to the end, and up to where."""

    def join(self, owner: Owner) -> None:
        """Become a member of the group. owner hears of its partitions during polls."""

    def poll(self, timeout_ms: int) -> FoundOrders:
        """The next orders, waiting for at most so long; from the group's positions at first."""

    def positions(self) -> dict[int, int]:
        """Up to where orders of its own partitions were polled."""

    def ends(self) -> dict[int, int]:
        """The present ends of its own partitions of orders."""

    def tell(
        self,
        untold: Sequence[Untold],
        letters: Sequence[DeadLettered],
        positions: Mapping[int, int],
    ) -> dict[int, int]:
        """Write reports and letters and move the group's positions: all of it, or nothing.

        Says up to where the reports were written.
        """


@dataclass
class KafkaLog:
    """The log on a broker. `connected` makes one."""

    identity: str
    installation: Installation
    group: str
    producer: BlockingProducer
    consumer: BlockingConsumer
    report_partitions: Sequence[TopicPartition]
    owner: Owner | None = None
    has_gained: bool = False
    _dead_lettered: dict[int, int] = field(default_factory=dict)

    @property
    def partitions(self) -> int:
        """See `FulfilmentLog`."""
        return len(self.report_partitions)

    def reports(
        self, positions: Mapping[int, int]
    ) -> Iterator[tuple[list[FulfilmentReported], dict[int, int]]]:
        """See `FulfilmentLog`."""
        consumer = _consumer(self.installation, None)
        try:
            consumer.assign(self.report_partitions)
            begins, ends = (
                consumer.beginning_offsets(self.report_partitions),
                consumer.end_offsets(self.report_partitions),
            )
            for at in self.report_partitions:
                consumer.seek(at, max(positions.get(at.partition, 0), begins[at]))
            while any(consumer.position(at) < ends[at] for at in self.report_partitions):
                found = list(_messages(consumer.poll(timeout_ms=200)))
                known = {at.partition: consumer.position(at) for at in self.report_partitions}
                yield list(_readable(found)), known
        finally:
            close_in_time(partial(consumer.close, timeout_ms=1_000))

    def join(self, owner: Owner) -> None:
        """See `FulfilmentLog`."""
        self.owner = owner
        name = self.installation.name_of(REWARD_GRANTED)
        # A member that leads a group before it knows the topic gives everybody nothing.
        self.consumer.partitions_for_topic(name)
        self.consumer.subscribe([name], listener=_Changes(self))

    def poll(self, timeout_ms: int) -> FoundOrders:
        """See `FulfilmentLog`."""
        messages = list(_messages(self.consumer.poll(timeout_ms=timeout_ms)))
        if self.has_gained:
            self.has_gained = False
            assert self.owner is not None
            self.owner.gained(self._committed())
        orders, withdrawals, unreadable = [], [], []
        for message in messages:
            place = LogPosition(message.partition, message.offset)
            try:
                record = decode(message.value)
            except Undecodable as error:
                stop_if_newer(error)
                unreadable.append(_refusal(message, str(error)))
                continue
            if isinstance(record, RewardGranted):
                orders.append((record, place))
            elif isinstance(record, RewardWithdrawn):
                withdrawals.append(record)
            else:
                unreadable.append(_refusal(message, f"found a {type(record).__name__}"))
        new = [one for one in unreadable if not self._is_dead_lettered(one.place)]
        return FoundOrders(orders, new, withdrawals)

    def positions(self) -> dict[int, int]:
        """See `FulfilmentLog`."""
        consumer = self.consumer
        return {at.partition: consumer.position(at) for at in consumer.assignment()}

    def ends(self) -> dict[int, int]:
        """See `FulfilmentLog`."""
        ends = self.consumer.end_offsets(list(self.consumer.assignment()))
        return {at.partition: end for at, end in ends.items()}

    def tell(
        self,
        untold: Sequence[Untold],
        letters: Sequence[DeadLettered],
        positions: Mapping[int, int],
    ) -> dict[int, int]:
        """See `FulfilmentLog`. Raises `KafkaError` also if others have taken its partitions over.

        Raises `ExpectedError` if another process writes from a copy of this one's journal.
        """
        try:
            self.producer.begin_transaction()
            sent = [self._send(FULFILMENTS, one.report) for one in untold if one.report]
            for value in _values(untold, letters):
                self._send(DEAD_LETTERS, value)
            members = self.consumer.group_metadata()
            dead_lettered = self._dead_lettered_with(letters)
            offsets = self._offsets(positions, dead_lettered)
            self.producer.send_offsets_to_transaction(offsets, members)
            self.producer.commit_transaction()
        except KafkaError as error:
            if not _is_fenced(error):
                raise
            raise ExpectedError(
                f"another fulfilment of the group {self.group} has a copy of this one's journal "
                f"(or Kafka was away for longer than a transaction may take); stop one of them, or "
                f"give it a journal of its own in REFTRAIL_FULFILMENT_JOURNAL"
            ) from error
        self._dead_lettered = dead_lettered
        written: dict[int, int] = {}
        for future in sent:
            done = future.get()
            written[done.partition] = max(written.get(done.partition, 0), done.offset + 1)
        return written

    def _committed(self) -> dict[int, int]:
        """The group's positions, once no transaction of a former owner is open."""
        found = {
            at: self.consumer.committed(at, metadata=True) for at in self.consumer.assignment()
        }
        self._dead_lettered = {
            at.partition: int(one.metadata) for at, one in found.items() if one and one.metadata
        }
        return {at.partition: one.offset if one else 0 for at, one in found.items()}

    def _is_dead_lettered(self, place: LogPosition) -> bool:
        return place.offset < self._dead_lettered.get(place.partition, 0)

    def _dead_lettered_with(self, letters: Iterable[DeadLettered]) -> dict[int, int]:
        """Up to where unreadable messages are in the dead letters, once these are."""
        found = dict(self._dead_lettered)
        for one in letters:
            found[one.partition] = max(found.get(one.partition, 0), one.offset + 1)
        return found

    def _send(self, topic: Topic, value: bytes) -> Any:
        """Write a message value under its record's key."""
        kind = topic.record
        assert kind is not None
        key = topic.key_of(decode_as(kind, value))
        name = self.installation.name_of(topic)
        partition = topic.partition(key, len(self.report_partitions))
        return self.producer.send(name, key=key.encode(), value=value, partition=partition)

    def _offsets(
        self, positions: Mapping[int, int], dead_lettered: Mapping[int, int]
    ) -> dict[TopicPartition, OffsetAndMetadata]:
        name = self.installation.name_of(REWARD_GRANTED)
        return {
            TopicPartition(name, number): OffsetAndMetadata(
                position, str(dead_lettered.get(number, "")), -1
            )
            for number, position in positions.items()
        }


class _Changes(ConsumerRebalanceListener):  # type: ignore[misc]  # the client is untyped
    """Hears from the client which partitions the group gives to this member."""

    def __init__(self, log: KafkaLog) -> None:
        self._log = log

    def on_partitions_revoked(self, revoked: Any) -> None:
        if revoked and self._log.owner is not None:
            self._log.owner.losing()

    def on_partitions_assigned(self, assigned: Any) -> None:  # noqa: ARG002
        self._log.has_gained = True


@contextmanager
def connected(installation: Installation, group: str, member: str) -> Iterator[KafkaLog]:
    """A log of one of the group's processes, which others know by the name member.

    Raises `KafkaError`, or `ExpectedError` if the topics aren't there.
    """
    identity, counts = _describe(installation)
    name = installation.name_of(FULFILMENTS)
    report_partitions = [TopicPartition(name, number) for number in range(counts[FULFILMENTS])]
    with ExitStack() as closing:
        producer = _producer(installation, f"{group}-{member}")
        closing.callback(close_in_time, partial(producer.close, timeout=1.0))
        # A process that starts again is the same member: the group waits for no other to time out.
        consumer = _consumer(installation, group, f"{group}-{member}")
        closing.callback(close_in_time, partial(consumer.close, timeout_ms=1_000))
        producer.init_transactions()
        yield KafkaLog(identity, installation, group, producer, consumer, report_partitions)


def _producer(installation: Installation, writer: str) -> BlockingProducer:
    return blocking_producer(
        installation,
        transactional_id=f"{installation.topic_prefix}{writer}",
        transaction_timeout_ms=10_000,  # what a killed process left open holds others up so long
        retry_backoff_ms=20,
        max_block_ms=10_000,
        max_request_size=8 << 20,
        allow_auto_create_topics=False,
    )


def _consumer(
    installation: Installation, group: str | None, member: str | None = None
) -> BlockingConsumer:
    return blocking_consumer(
        installation,
        group_id=group,
        group_instance_id=member,
        auto_offset_reset="earliest",
        max_poll_records=_CHUNK,
        fetch_max_wait_ms=200,
        request_timeout_ms=15_000,
        session_timeout_ms=10_000,
        partition_assignment_strategy=[StickyPartitionAssignor],
        allow_auto_create_topics=False,
    )


def _is_fenced(error: KafkaError) -> bool:
    """Whether an error says so, or what it wraps: that depends on which request was under way."""
    said = (error, error.__cause__, *error.args)
    return any(isinstance(one, ProducerFencedError | InvalidProducerEpochError) for one in said)


def _describe(installation: Installation) -> tuple[str, dict[Topic, int]]:
    """The topics, and the number of partitions of each."""
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


def _refusal(message: Any, detail: str) -> Refusal:
    place = LogPosition(message.partition, message.offset)
    return Refusal(place, message.timestamp, message.key, message.value, detail)


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
            stop_if_newer(error)
            place = f"{message.topic}/{message.partition} offset {message.offset}"
            _log.warning("%s is no report and is passed over: %s", place, error)
