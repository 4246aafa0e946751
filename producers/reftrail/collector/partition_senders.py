"""Senders of one topic's partitions over one producer: each partition's batches in order.

The client has one request at a time to each broker. What comes while it is away gathers, one batch
for each partition, and all of these go into the next request together.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from reftrail.edge.http_errors import Unavailable

logger = logging.getLogger(__name__)

_OVERHEAD: Final = 64  # of a message in a batch, and of its place in our memory
_LONGEST_WAIT: Final = 0.005
"""Seconds after which a partition's batch doesn't wait for other partitions' acknowledgements: they
may be another broker's."""


_TURNS_TO_SEND: Final = 4
"""Turns of the event loop in which the client writes a request, from a batch that it was handed.

Answers wait so long: Kafka takes up the next batches while those who waited for the last ones are
answered. With 64 connections that was 13 % more requests/s (`benchmarks/README.md`).
"""


class Outcome(Protocol):
    """The outcome of a request, as a future of asyncio takes it."""

    def done(self) -> bool:
        """Whether it is known."""

    def set_result(self, result: None, /) -> None:
        """All is written."""

    def set_exception(self, exception: Exception, /) -> None:
        """Something may not be written."""


class Continuation:
    """An outcome that goes on with the request at once, with the error if there is one."""

    __slots__ = ("_is_known", "_proceed")

    def __init__(self, proceed: Callable[[Exception | None], None]) -> None:
        self._proceed = proceed
        self._is_known = False

    def done(self) -> bool:
        """Whether it is known."""
        return self._is_known

    def set_result(self, _: None, /) -> None:
        """All is written."""
        self.set_exception(None)

    def set_exception(self, exception: Exception | None, /) -> None:
        """Something may not be written."""
        self._is_known = True
        try:
            self._proceed(exception)
        except Exception:  # other requests wait for the same batch
            logger.exception("a request was not answered")


class Waiting:
    """A request that waits for batches. left is how many it still waits for."""

    __slots__ = ("error", "left", "outcome", "until")

    def __init__(self, outcome: Outcome, until: float, left: int) -> None:
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


class Batch:
    """Messages for one partition that are sent together, and who waits for them."""

    __slots__ = ("builder", "bytes", "waiting")

    def __init__(self, builder: Any) -> None:
        self.builder = builder
        self.bytes = 0
        self.waiting: list[Waiting] = []


class PartitionSenders:
    """The senders of all partitions. bytes are those that wait for an acknowledgement.

    on_end is called for each batch that was acknowledged, or won't be; on_failure, before that, for
    one that the client has given up.
    """

    def __init__(
        self,
        producer: Any,
        topic: str,
        partitions: Sequence[int],
        on_end: Callable[[Batch, Exception | None], None],
        on_failure: Callable[[Exception], None],
    ) -> None:
        self.bytes = 0
        self._ended: list[tuple[Batch, Exception | None]] = []
        self.on_end = on_end
        self.on_failure = on_failure
        self._unanswered = 0
        self._is_due = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self.senders = [PartitionSender(self, producer, topic, number) for number in partitions]
        self._task = asyncio.create_task(self._run(), name=f"publish {topic}")

    def begin(self) -> None:
        """A partition has a batch to send: at once, or with those of other partitions."""
        if not self._unanswered:
            self._is_due.set()
        elif self._timer is None:
            self._timer = self._loop.call_later(_LONGEST_WAIT, self._is_due.set)

    def end(self, batch: Batch, error: Exception | None) -> None:
        """A batch was acknowledged, or won't be."""
        self._unanswered -= 1
        if not self._unanswered:
            self._is_due.set()
        if not self._ended:
            self._loop.call_soon(self._answer_after, _TURNS_TO_SEND)
        self._ended.append((batch, error))

    def forget(self, batch: Batch, error: Exception | None) -> None:
        """A batch, sent or not, waits no longer."""
        self.bytes -= batch.bytes
        self.on_end(batch, error)

    def _answer_after(self, turns: int) -> None:
        if turns > 1:
            self._loop.call_soon(self._answer_after, turns - 1)
        else:
            self._answer()

    def _answer(self) -> None:
        ended, self._ended = self._ended, []
        for batch, error in ended:
            self.forget(batch, error)

    async def drained(self) -> None:
        """Return when nothing waits any more."""
        for sender in self.senders:
            await sender.drained()
        self._answer()

    async def close(self) -> None:
        """Give up what has not been acknowledged."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if self._timer is not None:
            self._timer.cancel()
        for sender in self.senders:
            sender.give_up(Unavailable("the connection to Kafka was closed"))
        self._answer()

    async def _run(self) -> None:
        while True:
            await self._is_due.wait()
            self._is_due.clear()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            for sender in self.senders:
                if sender.is_due:
                    self._unanswered += 1
                    await sender.send()


class PartitionSender:
    """One partition: batches leave one after the other, in the order in which they were begun."""

    def __init__(
        self, senders: PartitionSenders, producer: Any, topic: str, partition: int
    ) -> None:
        self._senders = senders
        self._producer = producer
        self._topic = topic
        self._partition = partition
        self._gathering: deque[Batch] = deque()
        self._sending: Batch | None = None
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def is_due(self) -> bool:
        """Whether there is a batch to send, and none on its way."""
        return self._sending is None and bool(self._gathering)

    def append(self, key: bytes, value: bytes) -> Batch:
        """Add a message; returns the batch it travels in."""
        batch = self._gathering[-1] if self._gathering else self._begin()
        if batch.builder.append(timestamp=None, key=key, value=value) is None:
            batch = self._begin()
            if batch.builder.append(timestamp=None, key=key, value=value) is None:
                raise ValueError(f"a message of {len(value)} bytes does not fit into a batch")
        size = len(key) + len(value) + _OVERHEAD
        batch.bytes += size
        self._senders.bytes += size
        return batch

    async def send(self) -> None:
        """Hand the first batch to the client."""
        batch = self._sending = self._gathering.popleft()
        try:
            sent = await self._producer.send_batch(
                batch.builder, self._topic, partition=self._partition
            )
        except Exception as error:  # noqa: BLE001  whatever it is, the batch has not gone out
            self._ended(error)
        else:
            sent.add_done_callback(self._answered)

    async def drained(self) -> None:
        """Return when nothing waits any more."""
        await self._empty.wait()

    def give_up(self, error: Exception) -> None:
        """End what has not been acknowledged."""
        batch, self._sending = self._sending, None
        if batch is not None:
            self._senders.end(batch, error)
        while self._gathering:
            self._senders.forget(self._gathering.popleft(), error)

    def _begin(self) -> Batch:
        batch = Batch(self._producer.create_batch())
        self._gathering.append(batch)
        self._empty.clear()
        if self._sending is None:
            self._senders.begin()
        return batch

    def _answered(self, sent: asyncio.Future[Any]) -> None:
        error = Unavailable("the client was closed") if sent.cancelled() else sent.exception()
        if self._sending is None:  # given up
            return
        if error is not None and not isinstance(error, Exception):
            raise error
        self._ended(error)

    def _ended(self, error: Exception | None) -> None:
        batch, self._sending = self._sending, None
        assert batch is not None, "a batch ends twice"
        if error is not None:
            self._senders.on_failure(error)
        self._senders.end(batch, error)
        if self._gathering:
            self._senders.begin()
        else:
            self._empty.set()
