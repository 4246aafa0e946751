"""Publisher that keeps messages on the disk while Kafka is away, and replays them in order.

While anything is in the spool everything goes through it, so that each key's messages reach Kafka
in the order in which they were accepted. For the last of them new requests wait a moment: the
spool ends, and what comes next goes to Kafka at once.

A message whose first try wasn't acknowledged, or whose replay was cut short, may reach Kafka twice,
under one event_id: it counts once.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Final, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from reftrail.collector.interfaces import Backlog, Message
from reftrail.collector.metrics import CollectorMetrics
from reftrail.collector.publisher import Publisher
from reftrail.collector.spool import Spool, Spooled, size_of
from reftrail.contracts.record import Millis
from reftrail.contracts.times import now
from reftrail.edge.http_errors import Unavailable

logger = logging.getLogger(__name__)

T = TypeVar("T")

_UNWRITABLE: Final = "Kafka is away, and the spool can't be written"
_CHUNK_BYTES: Final = 2**20
_MORE_BYTES: Final = _CHUNK_BYTES // 16
_RETRY_SECONDS: Final = 0.25
_UNWRITABLE_SECONDS: Final = 5.0
"""The time for which messages aren't tried after the disk has refused some."""
_CLOSING_SECONDS: Final = 1.0
"""The longest time for which requests wait for the spool's last messages to reach Kafka."""


@dataclass(slots=True)
class _Waiting:
    """Messages of a request that are to be written to the spool."""

    messages: Sequence[Message]
    outcome: asyncio.Future[None]


class SpooledPublisher:
    """Writes to one topic through a `Publisher`, or to a spool. `run` replays the spool."""

    def __init__(
        self, direct: Publisher, spool: Spool, most_bytes: int, metrics: CollectorMetrics
    ) -> None:
        self._direct = direct
        self._spool = spool
        self._most_bytes = most_bytes
        self._metrics = metrics
        backlog = spool.backlog()
        self._events, self._bytes, self._oldest = backlog.events, backlog.bytes, backlog.oldest
        self._chunk_bytes = _CHUNK_BYTES  # fewer after a refusal: a batch may be too large
        self._replayed = 0  # the place up to which Kafka has what is in the file
        self._queue: list[_Waiting] = []
        self._queued, self._written, self._filled = (asyncio.Event() for _ in range(3))
        self._open = asyncio.Event()
        self._open.set()
        self._unwritable_until = 0.0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool")
        metrics.watch_spool(lambda: self.spooled)
        if self._events:
            self._filled.set()
            logger.info("%d messages in the spool are to be replayed", self._events)

    @property
    def spooled(self) -> Backlog:
        """The messages that Kafka doesn't have yet."""
        return Backlog(self._events, self._bytes, self._oldest if self._events else None)

    @property
    def is_away(self) -> bool:
        """Whether Kafka doesn't take messages now."""
        return self._direct.is_away

    @property
    def refusal(self) -> str | None:
        """The reason for which a message wouldn't be taken now; None if it would."""
        if not self._events and not self.is_away:
            return None
        if monotonic() < self._unwritable_until:
            return _UNWRITABLE
        return None if self._bytes < self._most_bytes else self._full()

    async def publish(self, messages: Sequence[Message]) -> None:
        """Return when Kafka, or the disk, has all of them. Raises `Unavailable`."""
        if not messages:
            return
        while not self._open.is_set():
            await self._open.wait()
        if not self._events:
            try:
                await self._direct.publish(messages)
            except Unavailable as error:
                logger.debug("into the spool: %s", error)
            else:
                return
        await self._append(messages)

    async def _append(self, messages: Sequence[Message]) -> None:
        size = sum(map(size_of, messages))
        if self._bytes + size > self._most_bytes:
            self._metrics.spool_refused.inc(len(messages))
            raise Unavailable(self._full())
        if not self._events:
            self._oldest = now()
            logger.warning("Kafka is away: accepted events go to the spool")
        self._events += len(messages)
        self._bytes += size
        waiting = _Waiting(messages, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        self._queued.set()
        await waiting.outcome

    def _full(self) -> str:
        return (
            f"Kafka is away, and the spool holds {self._bytes} bytes of the {self._most_bytes} it "
            f"may (REFTRAIL_COLLECTOR_SPOOL_BYTES)"
        )

    async def run(self) -> None:
        """Write to the spool, and replay it, until cancelled. What is in it then stays there."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._write())
                group.create_task(self._replay())
        finally:
            self._thread.shutdown()
            self._spool.close()

    async def _write(self) -> None:
        """Write what has gathered in one transaction, while the next requests gather."""
        while True:
            await self._queued.wait()
            self._queued.clear()
            batch, self._queue = self._queue, []
            messages = [message for waiting in batch for message in waiting.messages]
            try:
                await self._in_thread(partial(self._spool.append, messages, now()))
            except (SQLAlchemyError, OSError) as error:
                logger.error("the spool %s can't be written: %s", self._spool.path, error)  # noqa: TRY400
                self._forget(messages)
                self._metrics.spool_refused.inc(len(messages))
                self._unwritable_until = monotonic() + _UNWRITABLE_SECONDS
                _end(batch, Unavailable(_UNWRITABLE))
            else:
                self._unwritable_until = 0.0
                self._metrics.spooled.inc(len(messages))
                self._filled.set()
                _end(batch, None)
            self._written.set()

    async def _replay(self) -> None:
        while True:
            await self._filled.wait()
            if not self._direct.is_connected:
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            if self._bytes <= self._chunk_bytes and not self.is_away:
                self._open.clear()
            try:
                await self._replay_chunk()
            except (Unavailable, SQLAlchemyError, OSError) as error:
                logger.warning("the spool isn't replayed yet: %s", error)
                if isinstance(error, Unavailable):
                    self._chunk_bytes = max(self._chunk_bytes // 2, 1)
                self._open.set()
                await asyncio.sleep(_RETRY_SECONDS)

    async def _replay_chunk(self) -> None:
        """Send Kafka the first messages that it lacks. Raises `Unavailable`, SQLAlchemyError."""
        self._written.clear()
        chunk = await self._in_thread(partial(self._spool.after, self._replayed, self._chunk_bytes))
        if not chunk:  # the others are still to be written, or couldn't be
            if self._events:
                await self._written.wait()
            else:
                await self._emptied()
            return
        messages = [spooled.message for spooled in chunk]
        delivering = asyncio.create_task(self._direct.deliver(messages))
        try:
            await asyncio.wait([delivering], timeout=_CLOSING_SECONDS)
            if not delivering.done():
                self._open.set()
            await delivering
        finally:
            delivering.cancel()
        self._chunk_bytes = min(self._chunk_bytes + _MORE_BYTES, _CHUNK_BYTES)
        self._replayed = chunk[-1].place
        self._metrics.replayed.inc(len(chunk))
        self._forget(messages)
        if self._events:
            await self._in_thread(partial(self._spool.drop_through, self._replayed))
            self._oldest = await self._oldest_after(chunk)
        else:
            await self._emptied()

    async def _oldest_after(self, chunk: list[Spooled]) -> Millis:
        following = await self._in_thread(partial(self._spool.after, self._replayed, 0))
        return following[0].accepted_at if following else chunk[-1].accepted_at

    async def _emptied(self) -> None:
        """Let new messages go to Kafka directly, which has all, and give the disk back.

        On a full disk nothing can be removed: then the file is made anew, unless something new is
        on its way to it.
        """
        self._filled.clear()
        self._open.set()
        logger.warning("the spool is empty: Kafka has all that was accepted")
        try:
            await self._in_thread(partial(self._spool.drop_through, self._replayed))
            await self._in_thread(self._spool.shrink)
        except SQLAlchemyError as error:
            if self._events:
                raise
            logger.warning("the spool %s is made anew: %s", self._spool.path, error)
            await self._in_thread(self._spool.clear)
            self._replayed = 0

    def _forget(self, messages: Sequence[Message]) -> None:
        self._events -= len(messages)
        self._bytes -= sum(map(size_of, messages))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _end(batch: Sequence[_Waiting], error: Exception | None) -> None:
    for waiting in batch:
        if waiting.outcome.done():  # its client has gone
            continue
        if error is None:
            waiting.outcome.set_result(None)
        else:
            waiting.outcome.set_exception(error)
