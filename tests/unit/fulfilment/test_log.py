"""A message that is read again behind an open order is no dead letter a second time."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from kafka import OffsetAndMetadata, TopicPartition
from kafka.errors import InvalidProducerEpochError, KafkaError, KafkaTimeoutError
from support.fulfilment import an_order

from reftrail.contracts.codec import encode
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.installation import Installation
from reftrail.contracts.topics import REWARD_GRANTED
from reftrail.fulfilment.kafka_log import KafkaLog
from reftrail.fulfilment.log import FoundOrders
from reftrail.fulfilment.reports import letter_of_unreadable

INSTALLATION = Installation(bootstrap_servers="nowhere:9092")
AT = TopicPartition(INSTALLATION.name_of(REWARD_GRANTED), 0)
VALUES = (encode(an_order(1, "credit")), b"junk", b"more junk")


@dataclass
class Broker:
    """One partition of orders, and the group's position in it."""

    position: OffsetAndMetadata | None = None
    written: list[bytes] = field(default_factory=list)


@dataclass
class Consumer:
    """A member of the group, which is given the partition."""

    broker: Broker
    at_most: int

    def poll(self, timeout_ms: int) -> Mapping[TopicPartition, list[Any]]:
        first = self.broker.position.offset if self.broker.position else 0
        found = list(enumerate(VALUES))[first : self.at_most]
        return {
            AT: [
                SimpleNamespace(partition=0, offset=offset, timestamp=0, key=b"", value=value)
                for offset, value in found
            ]
        }

    def beginning_offsets(self, places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(places, 0)

    def end_offsets(self, places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(places, len(VALUES))

    def position(self, _at: TopicPartition) -> int:
        return self.at_most

    def assignment(self) -> set[TopicPartition]:
        return {AT}

    def committed(self, _at: TopicPartition, *, metadata: bool = False) -> Any:
        position = self.broker.position
        return position.offset if position and not metadata else position

    def group_metadata(self) -> None:
        return None


@dataclass
class Producer:
    """Writes without a thought of transactions that don't come to their end."""

    broker: Broker

    def send(self, topic: str, *, value: bytes, **_: Any) -> None:
        self.broker.written.append(value)

    def send_offsets_to_transaction(
        self, offsets: Mapping[TopicPartition, OffsetAndMetadata], _members: None
    ) -> None:
        self.broker.position = offsets[AT]

    def begin_transaction(self) -> None: ...

    def commit_transaction(self) -> None: ...


class Anybody:
    def losing(self) -> None: ...

    def gained(self, positions: Mapping[int, int]) -> None:
        assert positions == {0: 0}


def started(broker: Broker, at_most: int = len(VALUES)) -> tuple[KafkaLog, FoundOrders]:
    """A process that has just read for the first time."""
    consumer, reports = Consumer(broker, at_most), [TopicPartition("fulfilments", 0)]
    log = KafkaLog("id", INSTALLATION, "group", Producer(broker), consumer, reports)
    log.owner, log.has_gained = Anybody(), True
    return log, log.poll(0)


def unreadable(found: FoundOrders) -> list[bytes | None]:
    assert len(found.orders) == 1
    return [refusal.value for refusal in found.unreadable]


def test_unreadable_messages_behind_an_open_order_are_dead_lettered_once() -> None:
    broker = Broker()
    first, found = started(broker, at_most=2)
    assert unreadable(found) == [b"junk"]
    _, again = started(broker)
    assert unreadable(again) == [b"junk", b"more junk"], "nothing was written yet"
    first.write_reports([], [letter_of_unreadable(refusal) for refusal in found.unreadable], {0: 0})
    assert len(broker.written) == 1

    second, found = started(broker)
    assert unreadable(found) == [b"more junk"]
    second.write_reports([], [], {0: 0})
    _, found = started(broker)
    assert unreadable(found) == [b"more junk"]


@dataclass
class Fenced(Producer):
    """A producer whose transactions the broker has ended in the meantime, after some seconds."""

    clock: list[float] = field(default_factory=lambda: [0.0])
    seconds: float = 0.0

    def commit_transaction(self) -> None:
        self.clock[0] += self.seconds
        raise KafkaError("the transaction is over") from InvalidProducerEpochError()


def fenced_after(seconds: float) -> Callable[[], object]:
    broker, clock = Broker(), [100.0]
    log, _ = started(broker)
    log.producer, log.clock = Fenced(broker, clock=clock, seconds=seconds), lambda: clock[0]
    return lambda: log.write_reports([], [], {0: 0})


def test_a_producer_that_was_fenced_in_a_transaction_that_took_too_long_may_connect_anew() -> None:
    with pytest.raises(KafkaError, match="the transaction is over"):
        fenced_after(10.0)()


def test_a_producer_that_was_fenced_in_time_was_so_by_another_with_its_journal() -> None:
    with pytest.raises(ExpectedError, match="has a copy of this one's journal"):
        fenced_after(9.0)()


class Silent(Producer):
    """A producer that never hears whether its transaction is over."""

    def commit_transaction(self) -> None:
        Event().wait()


def test_a_transaction_that_is_never_over_is_given_up() -> None:
    broker = Broker()
    log, _ = started(broker)
    log.producer, log.transaction_seconds = Silent(broker), 0.1
    with pytest.raises(KafkaTimeoutError, match=r"within 0 s: transaction of reports"):
        log.write_reports([], [], {0: 0})


def test_a_position_without_metadata_says_nothing_of_dead_letters() -> None:
    _, found = started(Broker(OffsetAndMetadata(0, "", -1)))
    assert unreadable(found) == [b"junk", b"more junk"]
