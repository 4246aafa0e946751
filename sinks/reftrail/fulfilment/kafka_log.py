"""Log of fulfilment on a Kafka broker.

Several processes share the partitions of a group. Reports, letters and positions go out together,
in transactions that the broker accepts from the group's current members alone: a process that has
lost a partition writes nothing more about it.

A position stays before the first open order, so that messages behind it are read again at the next
start. Its metadata say up to where unreadable ones are in the dead letters, and which record was
the last before it (`order_positions`).
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from kafka import OffsetAndMetadata, TopicPartition
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.errors import KafkaError

from reftrail.contracts.codec import Undecodable, decode, decode_as, stop_if_newer
from reftrail.contracts.decisions import DeadLettered, RewardGranted, RewardWithdrawn
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.external_inputs import FulfilmentReported
from reftrail.contracts.installation import Installation
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import DEAD_LETTERS, FULFILMENTS, REWARD_GRANTED
from reftrail.fulfilment.journal import Unreported
from reftrail.fulfilment.kafka_clients import (
    TRANSACTION_SECONDS,
    describe_topics_of,
    orders_consumer,
    transactional_producer,
)
from reftrail.fulfilment.log import FoundOrders, Owner
from reftrail.fulfilment.messages import (
    letter_values,
    mark_of,
    messages_in,
    readable_reports,
    refusal,
)
from reftrail.fulfilment.order_positions import OrderPosition, ReadMarks, lost_orders
from reftrail.hosting.kafka.blocking import (
    BlockingConsumer,
    BlockingProducer,
    close_in_time,
    is_fenced,
    within,
)
from reftrail.hosting.kafka.log_bounds import LogPosition, Position


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
    accepts_loss: bool = False
    transaction_seconds: float = TRANSACTION_SECONDS
    clock: Callable[[], float] = time.monotonic
    _dead_lettered: dict[int, int] = field(default_factory=dict)
    _marks: ReadMarks = field(default_factory=ReadMarks)

    @property
    def partitions(self) -> int:
        """See `FulfilmentLog`."""
        return len(self.report_partitions)

    def reports(
        self, positions: Mapping[int, int]
    ) -> Iterator[tuple[list[FulfilmentReported], dict[int, int]]]:
        """See `FulfilmentLog`."""
        consumer = orders_consumer(self.installation, None)
        try:
            consumer.assign(self.report_partitions)
            begins, ends = (
                consumer.beginning_offsets(self.report_partitions),
                consumer.end_offsets(self.report_partitions),
            )
            for at in self.report_partitions:
                consumer.seek(at, max(positions.get(at.partition, 0), begins[at]))
            while any(consumer.position(at) < ends[at] for at in self.report_partitions):
                found = list(messages_in(consumer.poll(timeout_ms=200)))
                known = {at.partition: consumer.position(at) for at in self.report_partitions}
                yield list(readable_reports(found)), known
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
        polled = self.consumer.poll(timeout_ms=timeout_ms)
        if self.has_gained:
            self.has_gained = False
            assert self.owner is not None
            committed, restarted = self._committed()
            polled = {at: messages for at, messages in polled.items() if at not in restarted}
            self.owner.gained(committed)
        orders, withdrawals, unreadable = [], [], []
        for message in messages_in(polled):
            place = LogPosition(message.partition, message.offset)
            self._marks.add(message.partition, mark_of(message))
            try:
                record = decode(message.value)
            except Undecodable as error:
                stop_if_newer(error)
                unreadable.append(refusal(message, str(error)))
                continue
            if isinstance(record, RewardGranted):
                orders.append((record, place))
            elif isinstance(record, RewardWithdrawn):
                withdrawals.append((record, place))
            else:
                unreadable.append(refusal(message, f"found a {type(record).__name__}"))
        new = [refused for refused in unreadable if not self._is_dead_lettered(refused.place)]
        return FoundOrders(orders, new, withdrawals)

    def positions(self) -> dict[int, int]:
        """See `FulfilmentLog`."""
        consumer = self.consumer
        return {at.partition: consumer.position(at) for at in consumer.assignment()}

    def ends(self) -> dict[int, int]:
        """See `FulfilmentLog`."""
        ends = self.consumer.end_offsets(list(self.consumer.assignment()))
        return {at.partition: end for at, end in ends.items()}

    def write_reports(
        self,
        unreported: Sequence[Unreported],
        letters: Sequence[DeadLettered],
        positions: Mapping[int, int],
    ) -> dict[int, int]:
        """See `FulfilmentLog`. Raises `KafkaError` also if others have taken its partitions over.

        Raises `ExpectedError` if another process writes from a copy of this one's journal. A broker
        also fences a producer whose transaction took too long, in an outage or a pause of this
        process. That is a `KafkaError`: nothing of it was written, and connecting anew is safe.
        A transaction that isn't over in the broker's time for it raises `KafkaTimeoutError`: it may
        have been written, which reading the reports shows, and this log must not be used any more.
        """
        began = self.clock()
        members = self.consumer.group_metadata()
        dead_lettered = self._dead_lettered_with(letters)
        offsets = self._offsets(positions, dead_lettered)

        def transaction() -> list[Any]:
            self.producer.begin_transaction()
            sent = [self._send(FULFILMENTS, order.report) for order in unreported if order.report]
            for value in letter_values(unreported, letters):
                self._send(DEAD_LETTERS, value)
            self.producer.send_offsets_to_transaction(offsets, members)
            self.producer.commit_transaction()
            return sent

        try:
            sent = within(self.transaction_seconds, transaction, "transaction of reports")
        except KafkaError as error:
            if not is_fenced(error) or self.clock() - began >= self.transaction_seconds:
                raise
            raise ExpectedError(
                f"another fulfilment of the group {self.group} has a copy of this one's journal; "
                f"stop one of them, or give it a journal of its own in REFTRAIL_FULFILMENT_JOURNAL"
            ) from error
        self._dead_lettered = dead_lettered
        written: dict[int, int] = {}
        for future in sent:
            done = future.get()
            written[done.partition] = max(written.get(done.partition, 0), done.offset + 1)
        return written

    def _committed(self) -> tuple[dict[int, int], set[TopicPartition]]:
        """The group's positions, once no transaction of a former owner is open.

        With them those partitions that are read from their beginning, since that was accepted.
        Raises `ExpectedError` if a position isn't in the log, or the log is another one.
        """
        assigned = self.consumer.assignment()
        answers = {at: self.consumer.committed(at, metadata=True) for at in assigned}
        known = {at: OrderPosition.of(answer) for at, answer in answers.items() if answer}
        positions = {at: position.position for at, position in known.items()}
        lost = lost_orders(
            self.installation, self.consumer, positions, accepts_loss=self.accepts_loss
        )
        self._dead_lettered = {
            at.partition: position.dead_lettered
            for at, position in known.items()
            if position.dead_lettered is not None and at not in lost
        }
        offsets: dict[int, int] = {}
        for at in assigned:
            position = known[at].position if at in known else Position(0)
            if at in lost:
                self._marks.begin(at.partition, None)
            else:
                self._marks.resume(at.partition, position, self.consumer.position(at))
            offsets[at.partition] = lost.get(at, position.offset)
        for at, begin in lost.items():
            self.consumer.seek(at, begin)
        return offsets, set(lost)

    def _is_dead_lettered(self, place: LogPosition) -> bool:
        return place.offset < self._dead_lettered.get(place.partition, 0)

    def _dead_lettered_with(self, letters: Iterable[DeadLettered]) -> dict[int, int]:
        """Positions up to which unreadable messages are in the dead letters, once these are."""
        found = dict(self._dead_lettered)
        for letter in letters:
            found[letter.partition] = max(found.get(letter.partition, 0), letter.offset + 1)
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
            TopicPartition(name, number): OrderPosition(
                Position(offset, self._marks.before(number, offset)), dead_lettered.get(number)
            ).committed()
            for number, offset in positions.items()
        }


class _Changes(ConsumerRebalanceListener):  # type: ignore[misc]  # the client is untyped
    """Hears from the client which partitions the group gives to this member."""

    def __init__(self, log: KafkaLog) -> None:
        self._log = log

    def on_partitions_revoked(self, revoked: Any) -> None:
        # If what made it rejoin is gone meanwhile, the client wouldn't take its partitions back.
        self._log.consumer._coordinator.request_rejoin()  # noqa: SLF001
        if revoked and self._log.owner is not None:
            self._log.owner.losing()

    def on_partitions_assigned(self, assigned: Any) -> None:  # noqa: ARG002
        self._log.has_gained = True


@contextmanager
def connected(
    installation: Installation, group: str, member: str, *, accepts_loss: bool = False
) -> Iterator[KafkaLog]:
    """A log of one of the group's processes, which others know by the name member.

    accepts_loss: a log that lost what the group has read is read from its beginning. Raises
    `KafkaError`, or `ExpectedError` if the topics aren't there.
    """
    identity, counts = describe_topics_of(installation)
    name = installation.name_of(FULFILMENTS)
    report_partitions = [TopicPartition(name, number) for number in range(counts[FULFILMENTS])]
    with ExitStack() as closing:
        producer = transactional_producer(installation, f"{group}-{member}")
        closing.callback(close_in_time, partial(producer.close, timeout=1.0))
        # A process that starts again is the same member: the group waits for no other to time out.
        consumer = orders_consumer(installation, group, f"{group}-{member}")
        closing.callback(close_in_time, partial(consumer.close, timeout_ms=1_000))
        producer.init_transactions()
        log = KafkaLog(identity, installation, group, producer, consumer, report_partitions)
        log.accepts_loss = accepts_loss
        yield log
