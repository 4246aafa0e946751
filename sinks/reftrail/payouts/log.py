"""The log as pay-outs need it: the ledger and statements from their topics, and what is added.

There is one writer: it first takes over the transactional id of
pay-outs, then reads to the end of the topics, decides, and writes all of it in one transaction. One
that began earlier is refused by the broker, so what it decided on is still so when it is written.
"""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from typing import Any, Final

from kafka import TopicPartition
from kafka.errors import KafkaError, KafkaTimeoutError

from reftrail.contracts.codec import Undecodable, decode, encode, stop_if_newer
from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.external_inputs import FulfilmentReported
from reftrail.contracts.installation import Installation
from reftrail.contracts.record import Record
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import FULFILMENTS, PAYOUTS, REWARDS
from reftrail.hosting.kafka.blocking import (
    BlockingConsumer,
    BlockingProducer,
    blocking_consumer,
    blocking_producer,
    close_in_time,
    is_fenced,
    numbers_of,
    within,
)
from reftrail.payouts.ledger import accounts_of
from reftrail.payouts.preparing import Ledger
from reftrail.payouts.statements import Statements, statements_of

_POLL_MS: Final = 500
_TRANSACTION_MS: Final = 600_000
"""The longest time of a transaction.

What a killed command leaves open the next one ends at its start.
"""

_WITH_REPORTS_MS: Final = 60_000
"""The same where workers read what is written too, and would wait for a killed command."""

_END_SECONDS: Final = 30.0
"""The longest wait for a transaction's end, and for its being readable."""

_READABLE_EVERY: Final = 0.005


class PayoutLog:
    """The topics of an installation, to read. Methods raise `ExpectedError`."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation

    def ledger(self, kinds: Collection[str]) -> Ledger:
        """The accounts of all rewards of some kinds, as of the end of the log now."""
        positions: dict[int, int] = {}
        entries = self._records(REWARDS, positions)
        only = (entry for entry in entries if isinstance(entry, RewardDecided))
        return Ledger(accounts_of(only, kinds), positions)

    def statements(self) -> Statements:
        """All statements, as of the end of the log now."""
        return statements_of(self._records(PAYOUTS, {}))

    def _records(self, topic: Topic, positions: dict[int, int]) -> Iterator[Record]:
        """The committed records of a topic up to its end now, which positions has afterwards."""
        with _explaining(self._installation), closing(self._consumer()) as consumer:
            partitions = self._partitions(topic, consumer.partitions_for_topic)
            consumer.assign(partitions)
            ends = consumer.end_offsets(partitions)
            positions.update({at.partition: ends[at] for at in partitions})
            consumer.seek_to_beginning(*partitions)
            while any(consumer.position(at) < ends[at] for at in partitions):
                for at, messages in consumer.poll(timeout_ms=_POLL_MS).items():
                    yield from (
                        _decoded(topic, message)
                        for message in messages
                        if message.offset < ends[at]
                    )

    def _consumer(self) -> BlockingConsumer:
        return blocking_consumer(
            self._installation, auto_offset_reset="earliest", fetch_max_wait_ms=100
        )

    def _partitions(self, topic: Topic, known: Any) -> list[TopicPartition]:
        name = self._installation.name_of(topic)
        found = numbers_of(known, name)
        if not found:
            raise ExpectedError(
                f"the topic {name} does not exist on {self._installation.bootstrap_servers}; is "
                f"the topic prefix right? An installation from before pay-outs needs its topics "
                f"created again, which leaves those alone that it has"
            )
        return [TopicPartition(name, number) for number in found]


class PayoutWriter(PayoutLog):
    """The topics, to read and then to write. `payout_writer` makes one."""

    def __init__(self, installation: Installation, producer: BlockingProducer) -> None:
        super().__init__(installation)
        self._producer = producer

    def write(self, records: Sequence[Record], reports: Sequence[FulfilmentReported] = ()) -> None:
        """Write records of statements, and reports of fulfilment: all, or nothing."""
        if not records and not reports:
            return
        with _explaining(self._installation):
            try:
                self._producer.begin_transaction()
                sent = [self._send(PAYOUTS, record) for record in records]
                sent += [self._send(FULFILMENTS, report) for report in reports]
                self._producer.flush()
                written = [future.get(timeout=_TRANSACTION_MS / 1000) for future in sent]
            except KafkaError:
                with suppress(KafkaError):  # it may be fenced, or the broker gone
                    within(_END_SECONDS, self._producer.abort_transaction, "end of a transaction")
                raise
            self._commit({TopicPartition(at.topic, at.partition): at.offset for at in written})

    def _commit(self, written: Mapping[TopicPartition, int]) -> None:
        """End the transaction, and return when it can be read.

        written is an offset of it in each of its partitions. Raises `ExpectedError` if Kafka
        doesn't say whether it is ended.
        """
        try:
            within(_END_SECONDS, self._producer.commit_transaction, "end of a transaction")
            self._wait_until_readable(written)
        except KafkaTimeoutError as error:
            raise ExpectedError(
                f"Kafka at {self._installation.bootstrap_servers} did not say within "
                f"{_END_SECONDS:.0f} s whether this is written; run the command again once it "
                f"answers: it reads what is there first, and writes nothing twice"
            ) from error

    def _wait_until_readable(self, written: Mapping[TopicPartition, int]) -> None:
        """The broker acknowledges a commit before each partition has its marker.

        So the next command might not find what this one wrote.
        """
        deadline = time.monotonic() + _END_SECONDS
        with closing(self._consumer()) as consumer:
            while True:
                ends = consumer.end_offsets(list(written))
                if all(ends[at] > offset for at, offset in written.items()):
                    return
                if time.monotonic() > deadline:
                    raise KafkaTimeoutError
                time.sleep(_READABLE_EVERY)

    def _send(self, topic: Topic, record: Record) -> Any:
        count = len(self._partitions(topic, self._producer.partitions_for))
        key = topic.key_of(record)
        return self._producer.send(
            self._installation.name_of(topic),
            key=key.encode(),
            value=encode(record),
            partition=topic.partition(key, count),
        )


@contextmanager
def payout_writer(
    installation: Installation, *, with_reports: bool = False
) -> Iterator[PayoutWriter]:
    """The only writer of pay-outs from now on. Raises `ExpectedError`.

    with_reports: it writes reports of fulfilment too.
    """
    with _explaining(installation):
        lasts_ms = _WITH_REPORTS_MS if with_reports else _TRANSACTION_MS
        producer = blocking_producer(
            installation,
            transactional_id=f"{installation.topic_prefix}payouts",
            transaction_timeout_ms=lasts_ms,
            delivery_timeout_ms=lasts_ms,
            linger_ms=5,
            max_block_ms=10_000,
            allow_auto_create_topics=False,
        )
        try:
            producer.init_transactions()
            yield PayoutWriter(installation, producer)
        finally:
            close_in_time(partial(producer.close, timeout=1.0))


def _decoded(topic: Topic, message: Any) -> Record:
    place = f"{message.topic}/{message.partition} offset {message.offset}"
    try:
        record = decode(message.value)
    except Undecodable as error:
        stop_if_newer(error)
        raise ExpectedError(
            f"{place} can't be read, so that sums would be wrong: {error}"
        ) from error
    if not isinstance(record, topic.records):
        raise ExpectedError(f"{place} is a {type(record).__name__}, which doesn't belong there")
    return record


@contextmanager
def _explaining(installation: Installation) -> Iterator[None]:
    try:
        yield
    except KafkaError as error:
        if is_fenced(error):
            raise ExpectedError(
                "another command about pay-outs began after this one, and this one has written "
                "nothing; run it again once that has ended"
            ) from error
        raise ExpectedError(
            f"Kafka at {installation.bootstrap_servers} does not answer as it should: {error!r}; "
            f"is the broker running, and is the address right?"
        ) from error
