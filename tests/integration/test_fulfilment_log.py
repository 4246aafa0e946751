"""Fulfilment's log on a real broker: slow transactions, lost partitions, and a log cut short."""

import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError, KafkaTimeoutError
from support.fulfilment import RunningFulfilment, an_order, fulfilment, lag_of, partners, wait_until
from support.fulfilment_invariants import wrongs
from support.fulfilment_records import letters, reports
from support.kafka import TestInstallation
from support.log import produce

from reftrail.contracts.dead_letters import dead_letter
from reftrail.contracts.decisions import DeadLettered
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.topics import REWARD_GRANTED
from reftrail.fulfilment.kafka_log import KafkaLog, connected
from reftrail.fulfilment.order_positions import OrderPosition
from reftrail.hosting.kafka.log_bounds import Position


class Slow:
    """A producer that commits no sooner than it is let go."""

    def __init__(self, producer: Any) -> None:
        self._producer = producer
        self.is_let_go = threading.Event()
        self.has_tried = threading.Event()

    def commit_transaction(self) -> None:
        self.is_let_go.wait()
        try:
            self._producer.commit_transaction()
        finally:
            self.has_tried.set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._producer, name)


class Alone:
    """A member that keeps what it is given."""

    positions: Mapping[int, int] | None = None

    def losing(self) -> None: ...

    def gained(self, positions: Mapping[int, int]) -> None:
        self.positions = positions


def _owns(log: KafkaLog, owner: Alone) -> bool:
    log.poll(100)
    return owner.positions is not None


def test_a_transaction_that_takes_too_long_is_given_up_for_a_new_connection(
    installation: TestInstallation,
) -> None:
    with connected(installation, "group", "one") as log:
        owner = Alone()
        log.join(owner)
        wait_until(lambda: _owns(log, owner))
        letter = dead_letter_of("slow")
        slow = Slow(log.producer)
        log.producer = slow
        with pytest.raises(KafkaTimeoutError, match="within 10 s"):
            log.write_reports([], [letter], {0: 0})
    with connected(installation, "group", "one") as log:
        owner = Alone()
        log.join(owner)
        wait_until(lambda: _owns(log, owner))
        log.write_reports([], [dead_letter_of("again")], {0: 0})
    slow.is_let_go.set()
    slow.has_tried.wait(1)  # what was given up must not be written now; it may wait for ever
    assert [letter.event_id for letter in letters(installation).values()] == ["again"]


def dead_letter_of(name: str) -> DeadLettered:
    """A letter about a message that was no order."""
    return dead_letter(
        event_id=name, stage="fulfilment", reason="undecodable", detail=name, topic="t",
        partition=0, offset=0, timestamp=1, message_key=None, payload=b"junk",
    )  # fmt: skip


def test_of_two_with_one_journal_the_first_ends(installation: TestInstallation) -> None:
    with connected(installation, "group", "one") as first:
        owner = Alone()
        first.join(owner)
        wait_until(lambda: _owns(first, owner))
        with (
            connected(installation, "group", "one"),
            pytest.raises(ExpectedError, match="has a copy of this one's journal"),
        ):
            first.write_reports([], [dead_letter_of("first")], {0: 0})


class Forgetful(Alone):
    """A member whose client forgets, while it is losing its partitions, why it is."""

    def __init__(self, log: KafkaLog) -> None:
        self._coordinator = log.consumer._coordinator
        self._known = self._coordinator._metadata_snapshot
        self.has_lost = False

    def begin(self) -> None:
        """Have the client see the topic without partitions, as for a moment in an outage."""
        self._known, self._coordinator._metadata_snapshot = self._coordinator._metadata_snapshot, {}

    def losing(self) -> None:
        self.has_lost, self.positions = True, None
        self._coordinator._metadata_snapshot = self._known


def test_partitions_come_back_after_a_change_of_the_topic_that_was_none(
    installation: TestInstallation,
) -> None:
    """Otherwise a fulfilment that has given them up polls for ever, and fulfils nothing."""
    with connected(installation, "group", "one") as log:
        owner = Forgetful(log)
        log.join(owner)
        wait_until(lambda: _owns(log, owner))
        owner.begin()
        wait_until(lambda: bool(log.poll(0)) and owner.has_lost)
        wait_until(lambda: _owns(log, owner))


@pytest.mark.parametrize(
    ("lost", "says"),
    [
        (
            lambda stored: stored._replace(position=Position(stored.position.offset + 7)),
            r"fulfilled .*reward-granted/\d up to position \d+, but the log ends at \d+: messages",
        ),
        (
            lambda stored: stored._replace(
                position=Position(
                    stored.position.offset, stored.position.last._replace(checksum=1, timestamp=1)
                )
            ),
            r"its last record at \d+, but another record is there now: the log lost its end",
        ),
    ],
)
def test_a_log_that_lost_its_end_is_refused_until_the_loss_is_accepted(
    installation: TestInstallation, tmp_path: Path, lost: Any, says: str
) -> None:
    """To the group it is the same, whether the log was cut or its position is moved."""
    orders = [an_order(n, "credit") for n in range(12)]
    setting = {"REFTRAIL_FULFILMENT_KINDS": "credit"}
    produce(installation, REWARD_GRANTED, orders)
    with partners() as (url, deliveries), lag_of(installation) as lag:
        with fulfilment(installation, tmp_path, url, **setting) as running:
            wait_until(lambda: lag() == 0)
            assert running.stop() == 0
        _move(installation, lost)
        refused = RunningFulfilment(installation, tmp_path, url, **setting)
        assert refused.process.wait(180) == 1
        assert re.search(says, refused.output())
        assert "REFTRAIL_FULFILMENT_ACCEPT_LOST_ORDERS=true" in refused.output()
        more = [an_order(n, "credit") for n in range(12, 20)]
        produce(installation, REWARD_GRANTED, more)
        accepting = setting | {"REFTRAIL_FULFILMENT_ACCEPT_LOST_ORDERS": "true"}
        with fulfilment(installation, tmp_path, url, **accepting) as running:
            wait_until(lambda: len(deliveries.done) == 20 and lag() == 0)
            assert running.stop() == 0
        with fulfilment(installation, tmp_path, url, **setting) as running:
            produce(installation, REWARD_GRANTED, [an_order(20, "credit")])
            wait_until(lambda: len(deliveries.done) == 21 and lag() == 0)
        assert wrongs([*orders, *more, an_order(20, "credit")], deliveries.done,
                      reports(installation), lag=0) == []  # fmt: skip


def _move(installation: TestInstallation, lost: Any) -> None:
    """Change the group's positions in the partitions where it has read something."""
    group = f"{installation.topic_prefix}fulfilment"
    name = installation.name_of(REWARD_GRANTED)
    consumer = KafkaConsumer(
        bootstrap_servers=installation.bootstrap_servers,
        group_id=group,
        enable_auto_commit=False,
        isolation_level="read_committed",  # no position whose transaction has still to end
    )
    places = [TopicPartition(name, n) for n in consumer.partitions_for_topic(name)]
    consumer.assign(places)
    answers = {at: consumer.committed(at, metadata=True) for at in places}
    positions = {at: OrderPosition.of(answer) for at, answer in answers.items() if answer}
    moved = {
        at: lost(position).committed()
        for at, position in positions.items()
        if position.position.last
    }
    wait_until(lambda: _is_committed(consumer, moved))  # once the group knows that its member left
    consumer.close()


def _is_committed(consumer: Any, positions: Mapping[TopicPartition, Any]) -> bool:
    try:
        consumer.commit(positions)
    except KafkaError:
        return False
    return True
