"""Relay from the outbox to Kafka: in order, at least once, and by one process at a time.

Input: the rows of `outbox`. Output: `codes`, `code-formats`, `code-acts` and `api-keys`. Guarantee:
what the store has committed reaches the topics, each code's records in the order of their
revisions. A relay that dies between Kafka's commit and the store's sends the same messages again,
with the same event_id and revision: followers keep the highest revision, audit lines are one by
their event_id.

Relays of an installation share a transactional id. A newer one fences an older one off, and begins
to read only then, so that no older one can write behind it. An older one waits as a standby, and
takes over when what waits hasn't moved for a while: longer each time, until it has sent something,
or two of them would never let each other finish where Kafka is slow.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, ProducerFenced
from sqlalchemy.exc import DBAPIError

from reftrail.codes.host.metrics import RelayMetrics
from reftrail.codes.store import Store, outbox
from reftrail.codes.store.outbox import Waiting
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.installation import Installation
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import API_KEYS, CODE_ACTS, CODE_FORMATS, CODES
from reftrail.hosting.kafka.asynchronous import async_consumer, async_producer
from reftrail.hosting.kafka.take_overs import is_fenced

logger = logging.getLogger(__name__)

PATIENCE_SECONDS: Final = 3.0
"""The time for which waiting messages may stand still before another relay takes over."""

_TOPICS: Final[dict[str, Topic]] = {
    topic.name: topic for topic in (CODES, CODE_FORMATS, CODE_ACTS, API_KEYS)
}
_BATCH: Final = 5_000
_BATCH_BYTES: Final = 512 << 10
_TIMEOUT_MS: Final = 30_000
_LOOK_EVERY: Final = 0.05
_RETRY_SECONDS: Final = 1.0
_READABLE_SECONDS: Final = 30.0
_READABLE_EVERY: Final = 0.005


class Relay:
    """One relay; `run` in a host, `drain` in a command that waits for its own messages."""

    def __init__(
        self,
        installation: Installation,
        store: Store,
        metrics: RelayMetrics | None = None,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._installation = installation
        self._store = store
        self._metrics = metrics or RelayMetrics()
        self._patience = patience
        self._waits = patience
        self._partitions: dict[str, int] = {}
        self.answered_at: float | None = None
        """The last answer's time, of Kafka or, for a standby, the store; by `time.monotonic`."""

    async def run(self) -> None:
        """Send whatever comes into the outbox, until cancelled."""
        while True:
            try:
                async with self._connected() as (producer, reader):
                    while True:
                        if not await self._send_some(producer, reader):
                            await asyncio.sleep(_LOOK_EVERY)
            except ProducerFenced:
                logger.info("another relay has taken over; standing by")
                await self._stand_by()
            except (KafkaError, TimeoutError, DBAPIError) as error:
                logger.warning("what waits can't be sent yet: %r", error)
                await asyncio.sleep(_RETRY_SECONDS)

    async def drain(self) -> None:
        """Send until nothing waits. Raises `KafkaError` or `TimeoutError`."""
        async with self._connected() as (producer, reader):
            while await self._send_some(producer, reader):
                pass

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[tuple[Any, Any]]:
        """A producer that has fenced off all relays before it, and a reader of committed data."""
        producer = async_producer(
            self._installation,
            transactional_id=f"{self._installation.topic_prefix}codes-outbox",
            max_batch_size=_BATCH_BYTES,
            transaction_timeout_ms=_TIMEOUT_MS,
            retry_backoff_ms=20,
        )
        reader = async_consumer(self._installation)
        try:
            await producer.start()
            await reader.start()
            for topic in _TOPICS.values():
                found = await producer.partitions_for(self._installation.name_of(topic))
                self._partitions[topic.name] = len(found)
            self._metrics.active.set(1)
            yield producer, reader
        finally:
            self._metrics.active.set(0)
            for client in (producer, reader):
                with suppress(KafkaError):
                    await client.stop()

    async def _send_some(self, producer: Any, reader: Any) -> int:
        """Send the head of the outbox, and return the number of its messages.

        They leave the outbox, and so count as published, once readers of committed data see them.
        """
        waiting = await asyncio.to_thread(self._first_waiting)
        if waiting:
            written = await self._send_unless_fenced(producer, waiting)
            await _until_readable(reader, written)
            await asyncio.to_thread(self._mark_sent, waiting)
            self._waits = self._patience
            for message in waiting:
                self._metrics.sent.labels(message.topic).inc()
        self.answered_at = time.monotonic()
        return len(waiting)

    async def _send_unless_fenced(
        self, producer: Any, waiting: Sequence[Waiting]
    ) -> dict[TopicPartition, int]:
        try:
            return await self._send(producer, waiting)
        except KafkaError as error:
            if await is_fenced(producer, error):
                raise ProducerFenced from error
            raise

    async def _send(self, producer: Any, waiting: Sequence[Waiting]) -> dict[TopicPartition, int]:
        """All messages in one transaction; an offset of it in each partition that it wrote to."""
        by_partition: dict[tuple[str, int], list[Waiting]] = {}
        for message in waiting:
            topic = _TOPICS[message.topic]
            partition = topic.partition(message.key, self._partitions[topic.name])
            by_partition.setdefault((topic.name, partition), []).append(message)
        await producer.begin_transaction()
        sent = [
            await producer.send_batch(
                batch, self._installation.name_of(_TOPICS[name]), partition=partition
            )
            for (name, partition), messages in by_partition.items()
            for batch in _batches(producer, messages)
        ]
        for delivery in sent:
            delivery.add_done_callback(_look_at_error)
        acknowledged = await asyncio.gather(*sent)
        await producer.commit_transaction()
        return {metadata.topic_partition: metadata.offset for metadata in acknowledged}

    def _first_waiting(self) -> list[Waiting]:
        with self._store.read() as connection:
            return outbox.first_waiting(connection, _BATCH)

    def _mark_sent(self, sent: Sequence[Waiting]) -> None:
        with self._store.write() as connection:
            outbox.mark_sent(connection, [message.number for message in sent])

    async def _stand_by(self) -> None:
        """Return when what waits has stood still for too long."""
        standing = _Standing(self._store)
        while await asyncio.to_thread(standing.still_seconds) < self._waits:
            self.answered_at = time.monotonic()
            await asyncio.sleep(_LOOK_EVERY)
        self._waits *= 2
        logger.warning("what waits isn't sent by the other relay; taking over")


def wait_until_sent(
    store: Store,
    installation: Installation,
    *,
    patience: float = PATIENCE_SECONDS,
    timeout: float = 60.0,
) -> None:
    """Return when Kafka has all that is in the outbox now; sends it itself if nobody does.

    For commands. Raises `ExpectedError` if that doesn't come about; what was issued stays issued.
    """
    until = time.monotonic() + timeout
    with _explaining(store, installation):
        standing = _Standing(store)
        while not standing.is_past_beginning():
            if standing.still_seconds() >= patience:
                asyncio.run(_drain(installation, store, until - time.monotonic()))
                standing.begin_again()
                patience *= 2
            elif time.monotonic() > until:
                raise TimeoutError
            time.sleep(_LOOK_EVERY)


async def _drain(installation: Installation, store: Store, seconds: float) -> None:
    async with asyncio.timeout(max(seconds, _RETRY_SECONDS)):
        with suppress(ProducerFenced):  # another one has begun to send
            await Relay(installation, store).drain()


class _Standing:
    """Whether the head of the outbox moves."""

    def __init__(self, store: Store) -> None:
        self._store = store
        with store.read() as connection:
            self._last = outbox.tail(connection)
        self._head: int | None = None
        self._since = time.monotonic()

    def still_seconds(self) -> float:
        """The seconds for which one message has been at the head; 0 if none waits."""
        with self._store.read() as connection:
            head = outbox.head(connection)
        if head is None or head != self._head:
            self._head, self._since = head, time.monotonic()
        return time.monotonic() - self._since

    def begin_again(self) -> None:
        """Count from now on."""
        self._since = time.monotonic()

    def is_past_beginning(self) -> bool:
        """Whether all that waited when this was made is sent."""
        if self._last is None:
            return True
        with self._store.read() as connection:
            head = outbox.head(connection)
        return head is None or head > self._last


async def _until_readable(reader: Any, written: Mapping[TopicPartition, int]) -> None:
    """Return when readers of committed data can read a transaction whose commit was acknowledged.

    The broker acknowledges a commit before it has written the markers to the partitions: in 98 of
    150 tries they came later, by up to 76 ms. The end that a reader of committed data is given lies
    before the first record of a transaction that is still open.
    """
    async with asyncio.timeout(_READABLE_SECONDS):
        while True:
            ends = await reader.end_offsets(list(written))
            if all(ends[place] > offset for place, offset in written.items()):
                return
            await asyncio.sleep(_READABLE_EVERY)


def _look_at_error(sent: "asyncio.Future[Any]") -> None:
    """The first error is raised; the others, which follow from it, would be said not to be seen."""
    if not sent.cancelled():
        sent.exception()


def _batches(producer: Any, messages: Sequence[Waiting]) -> list[Any]:
    """Messages of one partition as batches that are sent as they are."""
    builders = [producer.create_batch()]
    for message in messages:
        key = message.key.encode()
        if builders[-1].append(timestamp=None, key=key, value=message.value) is None:
            builders.append(producer.create_batch())
            if builders[-1].append(timestamp=None, key=key, value=message.value) is None:
                raise ValueError(
                    f"message {message.number} of the outbox has {len(message.value)} bytes and "
                    f"does not fit into a batch of {_BATCH_BYTES} bytes"
                )
    return builders


@contextmanager
def _explaining(store: Store, installation: Installation) -> Iterator[None]:
    try:
        yield
    except (KafkaError, TimeoutError, DBAPIError) as error:
        raise ExpectedError(
            f"what was done is in {store.name}, but not in Kafka at "
            f"{installation.bootstrap_servers} yet ({error!r}); the host of codes sends it as "
            f"soon as it runs and reaches Kafka: python -m reftrail.codes"
        ) from error
