"""Publisher of accepted messages: acknowledged by all replicas, each partition in order.

Messages of many requests travel together: while a partition's batch is on its way, the next one
gathers. A producer with idempotence retries for as long as the broker takes to come back, so order
and single delivery hold across its restarts; callers get `Unavailable` meanwhile.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Collection, Sequence
from contextlib import suppress
from math import inf
from typing import Any, Final

from aiokafka.errors import KafkaError

from reftrail.collector.interfaces import Message
from reftrail.collector.metrics import CollectorMetrics
from reftrail.collector.settings import CollectorSettings
from reftrail.contracts.installation import Installation
from reftrail.contracts.topic import Topic
from reftrail.edge.http_errors import Unavailable
from reftrail.hosting.kafka.asynchronous import async_producer

logger = logging.getLogger(__name__)

_BATCH_BYTES: Final = 256 * 1024
_OVERHEAD: Final = 64  # of a message in a batch, and of its place in our memory
_RETRY_SECONDS: Final = 0.5
_REQUEST_TIMEOUT_MS: Final = 10_000
_RETRY_BACKOFF_MS: Final = 100


class _Waiting:
    """A request that waits for batches. left is how many it still waits for."""

    __slots__ = ("error", "left", "outcome", "until")

    def __init__(self, outcome: asyncio.Future[None], until: float, left: int) -> None:
        self.outcome = outcome
        self.until = until
        self.left = left
        self.error: Exception | None = None

    def one_ended(self, error: Exception | None) -> None:
        """Note the end of a batch; the last one's is the request's."""
        self.left -= 1
        self.error = self.error or error
        if self.left or self.outcome.done():  # timed out, or its client has gone
            return
        if self.error is None:
            self.outcome.set_result(None)
            return
        refusal = Unavailable(f"Kafka has not taken the events: {self.error!r}")
        refusal.__cause__ = self.error
        self.outcome.set_exception(refusal)


class _Batch:
    """Messages for one partition that are sent together, and who waits for them."""

    __slots__ = ("builder", "bytes", "waiting")

    def __init__(self, builder: Any) -> None:
        self.builder = builder
        self.bytes = 0
        self.waiting: list[_Waiting] = []


class Publisher:
    """Writes to one topic. `run` keeps it connected; `publish` is what requests call."""

    def __init__(
        self, settings: CollectorSettings, topic: Topic, metrics: CollectorMetrics
    ) -> None:
        self._installation: Installation = settings
        self._topic = topic
        self._topic_name = settings.name_of(topic)
        self._metrics = metrics
        self._ack_timeout = settings.ack_timeout_seconds
        self._buffer_bytes = settings.buffer_bytes
        self._buffered = 0
        self._senders: list[_PartitionSender] = []
        self._stalled = False
        self._broken = asyncio.Event()
        self._overdue: deque[_Waiting] = deque()
        self._timer: asyncio.TimerHandle | None = None
        metrics.buffered.set_function(lambda: self._buffered)

    spooled = None

    @property
    def is_connected(self) -> bool:
        """Whether messages can be handed to a producer, acknowledged soon or not."""
        return bool(self._senders)

    @property
    def is_away(self) -> bool:
        """Whether a message wouldn't be written now, as far as is known."""
        return self.refusal is not None

    @property
    def refusal(self) -> str | None:
        """The reason for which a message wouldn't be written now; None if it would."""
        if not self._senders:
            return "Kafka has not been reached yet"
        return "Kafka does not acknowledge at the moment" if self._stalled else None

    async def publish(self, messages: Sequence[Message]) -> None:
        """Return when Kafka has acknowledged all of them; else raise `Unavailable`.

        Then none, some or all of them may have been written, or may be later.
        """
        if not messages:
            return
        self._admit(sum(len(message.value) for message in messages))
        until = self._loop.time() + self._ack_timeout
        waiting = self._hand_over(messages, until)
        self._overdue.append(waiting)
        if self._timer is None:
            self._timer = self._loop.call_at(until, self._time_out)
        await waiting.outcome

    async def deliver(self, messages: Sequence[Message]) -> None:
        """Return when Kafka has acknowledged all of them, however long it takes.

        Raises `Unavailable` where there is no connection, or it ends; then as in `publish`.
        """
        if not self._senders:
            raise Unavailable("Kafka has not been reached yet")
        await self._hand_over(messages).outcome

    def _hand_over(self, messages: Sequence[Message], until: float = inf) -> _Waiting:
        senders, count = self._senders, len(self._senders)
        batches: Collection[_Batch]
        if len(messages) == 1:  # as of most requests
            key, value = messages[0]
            batches = (senders[self._topic.partition(key, count)].append(key.encode(), value),)
        else:
            batches = {
                senders[self._topic.partition(key, count)].append(key.encode(), value)
                for key, value in messages
            }
        waiting = _Waiting(self._loop.create_future(), until, len(batches))
        for batch in batches:
            batch.waiting.append(waiting)
        return waiting

    def _time_out(self) -> None:
        """End the waiting of requests whose time is over. All wait for as long, in their order."""
        self._timer = None
        while self._overdue:
            waiting = self._overdue[0]
            if waiting.outcome.done():
                self._overdue.popleft()
            elif waiting.until <= self._loop.time():
                self._set_stalled(stalled=True)
                waiting.outcome.set_exception(
                    Unavailable(f"Kafka has not acknowledged within {self._ack_timeout:g} s")
                )
            else:
                self._timer = self._loop.call_at(waiting.until, self._time_out)
                return

    def _ended(self, batch: _Batch, error: Exception | None) -> None:
        """A batch was acknowledged, or won't be."""
        self._buffered -= batch.bytes
        if error is None:
            self._set_stalled(stalled=False)
        for waiting in batch.waiting:
            waiting.one_ended(error)
        while self._overdue and self._overdue[0].outcome.done():
            self._overdue.popleft()

    def _admit(self, size: int) -> None:
        if self.refusal is not None:
            raise Unavailable(self.refusal)
        if self._buffered + size > self._buffer_bytes:
            raise Unavailable(f"{self._buffered} bytes already wait for Kafka")

    async def run(self) -> None:
        """Stay connected until cancelled; then see to it that what was handed over is written."""
        self._loop = asyncio.get_running_loop()
        while True:
            producer = async_producer(
                self._installation,
                enable_idempotence=True,
                max_batch_size=_BATCH_BYTES,
                max_request_size=8 * _BATCH_BYTES,
                request_timeout_ms=_REQUEST_TIMEOUT_MS,
                retry_backoff_ms=_RETRY_BACKOFF_MS,
            )
            try:
                await self._serve(producer)
            except (KafkaError, TimeoutError) as error:
                logger.warning("cannot write to %s yet: %r", self._topic_name, error)
                await asyncio.sleep(_RETRY_SECONDS)
            finally:
                self._metrics.broker_up.set(0)
                senders, self._senders = self._senders, []
                await _close(producer, senders, self._ack_timeout)

    async def _serve(self, producer: Any) -> None:
        """Take messages over one producer until it breaks."""
        await producer.start()
        partitions = await producer.partitions_for(self._topic_name)
        self._broken.clear()
        self._set_stalled(stalled=False)
        self._senders = [
            _PartitionSender(self, producer, self._topic_name, partition)
            for partition in sorted(partitions)
        ]
        logger.info("writing to %s, %d partitions", self._topic_name, len(partitions))
        await self._broken.wait()

    def _set_stalled(self, *, stalled: bool) -> None:
        if stalled and not self._stalled:
            logger.warning("Kafka does not acknowledge: answering 503 until it does")
        elif self._stalled and not stalled:
            logger.warning("Kafka acknowledges again")
        self._stalled = stalled
        self._metrics.broker_up.set(0 if stalled else 1)

    def _failed(self, error: Exception) -> None:
        """A batch that can't be retried leaves a gap in its sequence: start over, with a new id."""
        if not self._broken.is_set():
            logger.error("Kafka refused a batch, connecting anew: %r", error)
        self._broken.set()


class _PartitionSender:
    """One partition: batches leave one after the other, in the order in which they were begun."""

    def __init__(self, publisher: Publisher, producer: Any, topic: str, partition: int) -> None:
        self._publisher = publisher
        self._producer = producer
        self._topic = topic
        self._partition = partition
        self._gathering: deque[_Batch] = deque()
        self._sending: _Batch | None = None
        self._filled = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self.task = asyncio.create_task(self._run(), name=f"publish {topic}/{partition}")

    def append(self, key: bytes, value: bytes) -> _Batch:
        """Add a message; returns the batch it travels in."""
        batch = self._gathering[-1] if self._gathering else self._begin()
        if batch.builder.append(timestamp=None, key=key, value=value) is None:
            batch = self._begin()
            if batch.builder.append(timestamp=None, key=key, value=value) is None:
                raise ValueError(f"a message of {len(value)} bytes does not fit into a batch")
        size = len(key) + len(value) + _OVERHEAD
        batch.bytes += size
        self._publisher._buffered += size  # noqa: SLF001  publisher and sender are one
        return batch

    async def drained(self) -> None:
        """Return when nothing waits any more."""
        await self._empty.wait()

    async def close(self) -> None:
        """Give up what has not been acknowledged."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        closed = Unavailable("the connection to Kafka was closed")
        if self._sending is not None:
            self._end(self._sending, closed)
        while self._gathering:
            self._end(self._gathering.popleft(), closed)

    def _begin(self) -> _Batch:
        batch = _Batch(self._producer.create_batch())
        self._gathering.append(batch)
        self._empty.clear()
        self._filled.set()
        return batch

    async def _run(self) -> None:
        while True:
            await self._filled.wait()
            self._filled.clear()
            while self._gathering:
                await self._send(self._gathering.popleft())
            self._empty.set()

    async def _send(self, batch: _Batch) -> None:
        self._sending = batch
        try:
            sent = await self._producer.send_batch(
                batch.builder, self._topic, partition=self._partition
            )
            await sent
        except Exception as error:  # noqa: BLE001  whatever it is, the batch has not gone out
            self._publisher._failed(error)  # noqa: SLF001  publisher and sender are one
            self._end(batch, error)
        else:
            self._end(batch, None)

    def _end(self, batch: _Batch, error: Exception | None) -> None:
        self._sending = None
        self._publisher._ended(batch, error)  # noqa: SLF001  publisher and sender are one


async def _close(producer: Any, senders: Sequence[_PartitionSender], patience: float) -> None:
    """Let what can be written be written, for so many seconds, then give the rest up."""
    with suppress(TimeoutError):
        async with asyncio.timeout(patience):
            for sender in senders:
                await sender.drained()
    for sender in senders:
        await sender.close()
    with suppress(TimeoutError, KafkaError):
        async with asyncio.timeout(patience):
            await producer.stop()
