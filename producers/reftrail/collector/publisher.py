"""Publisher of accepted messages: acknowledged by all replicas, each partition in order.

Messages of many requests travel together: while a partition's batch is on its way, the next one
gathers. A producer with idempotence retries for as long as the broker takes to come back, so order
and single delivery hold across its restarts; callers get `Unavailable` meanwhile.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Collection, Coroutine, Sequence
from contextlib import suppress
from math import inf
from typing import Any, Final

from aiokafka.errors import KafkaError

from reftrail.collector.interfaces import Message
from reftrail.collector.metrics import CollectorMetrics
from reftrail.collector.partition_senders import (
    Batch,
    Continuation,
    Outcome,
    PartitionSender,
    PartitionSenders,
    Waiting,
)
from reftrail.collector.settings import CollectorSettings
from reftrail.contracts.installation import Installation
from reftrail.contracts.topic import Topic
from reftrail.edge.http_errors import Unavailable
from reftrail.hosting.kafka.asynchronous import async_producer

logger = logging.getLogger(__name__)

_BATCH_BYTES: Final = 256 * 1024
_RETRY_SECONDS: Final = 0.5
_REQUEST_TIMEOUT_MS: Final = 10_000
_RETRY_BACKOFF_MS: Final = 100


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
        self._connected: PartitionSenders | None = None
        self._senders: Sequence[PartitionSender] = ()
        self._stalled = False
        self._broken = asyncio.Event()
        self._overdue: deque[Waiting] = deque()
        self._timer: asyncio.TimerHandle | None = None
        metrics.buffered.set_function(lambda: self._buffered)

    spooled = None

    @property
    def _buffered(self) -> int:
        """Bytes that wait for an acknowledgement."""
        return 0 if self._connected is None else self._connected.bytes

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
        outcome: asyncio.Future[None] = self._loop.create_future()
        self._hand_over(messages, outcome, self._loop.time() + self._ack_timeout)
        await outcome

    def publish_one(self, message: Message, proceed: Callable[[Exception | None], None]) -> None:
        """Write a message as `publish` does, and go on then, with the error if there is one.

        Raises `Unavailable` for one that can't be taken.
        """
        self._admit(len(message.value))
        self._hand_over((message,), Continuation(proceed), self._loop.time() + self._ack_timeout)

    async def deliver(self, messages: Sequence[Message]) -> None:
        """Return when Kafka has acknowledged all of them, however long it takes.

        Raises `Unavailable` where there is no connection, or it ends; then as in `publish`.
        """
        if not self._senders:
            raise Unavailable("Kafka has not been reached yet")
        outcome: asyncio.Future[None] = self._loop.create_future()
        self._hand_over(messages, outcome)
        await outcome

    def _hand_over(
        self, messages: Sequence[Message], outcome: Outcome, until: float | None = None
    ) -> None:
        """Add messages to their partitions' batches; until is when to give up, if ever."""
        senders, count = self._senders, len(self._senders)
        batches: Collection[Batch]
        if len(messages) == 1:  # as of most requests
            key, value = messages[0]
            batches = (senders[self._topic.partition(key, count)].append(key.encode(), value),)
        else:
            batches = {
                senders[self._topic.partition(key, count)].append(key.encode(), value)
                for key, value in messages
            }
        waiting = Waiting(outcome, inf if until is None else until, len(batches))
        for batch in batches:
            batch.waiting.append(waiting)
        if until is not None:
            self._overdue.append(waiting)
            if self._timer is None:
                self._timer = self._loop.call_at(until, self._time_out)

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

    def _ended(self, batch: Batch, error: Exception | None) -> None:
        """A batch was acknowledged, or won't be."""
        if error is None:
            self._set_stalled(stalled=False)
        for waiting in batch.waiting:
            waiting.one_ended(error)
        while self._overdue and self._overdue[0].outcome.done():
            self._overdue.popleft()

    def _admit(self, size: int) -> None:
        if self.refusal is not None:
            raise Unavailable(self.refusal)
        if (buffered := self._buffered) + size > self._buffer_bytes:
            raise Unavailable(f"{buffered} bytes already wait for Kafka")

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
                self._senders = ()
                await _to_its_end(_close(producer, self._connected, self._ack_timeout))
                self._connected = None

    async def _serve(self, producer: Any) -> None:
        """Take messages over one producer until it breaks."""
        await producer.start()
        partitions = await producer.partitions_for(self._topic_name)
        self._broken.clear()
        self._set_stalled(stalled=False)
        self._connected = PartitionSenders(
            producer, self._topic_name, sorted(partitions), self._ended, self._failed
        )
        self._senders = self._connected.senders
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


async def _to_its_end(closing: Coroutine[Any, Any, None]) -> None:
    """Return when it is closed; a cancellation that comes meanwhile is raised afterwards."""
    task = asyncio.create_task(closing)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


async def _close(producer: Any, senders: PartitionSenders | None, patience: float) -> None:
    """Let what can be written be written, for so many seconds, then give the rest up."""
    if senders is not None:
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await senders.drained()
        await senders.close()
    with suppress(TimeoutError, KafkaError):
        async with asyncio.timeout(patience):
            await producer.stop()
