"""One stage on one partition: takes chunks, concludes, commits; one batch after the other."""

import asyncio
import time
from collections.abc import Callable

from aiokafka import TopicPartition

from reftrail.engine.batch import Outcome, StageOfPartition
from reftrail.engine.chunks import Chunk, join
from reftrail.engine.follower import LiveReference
from reftrail.engine.metrics import StageMetrics
from reftrail.engine.settings import WorkerSettings
from reftrail.engine.sieve import Sieve
from reftrail.engine.state import StateStore
from reftrail.engine.transaction import TransactionalWriter


class LostRecordsError(RuntimeError):
    """The log no longer has what the group was to read next, or the positions don't join."""


class PartitionTask:
    """Processes what is handed to it, in order, each batch in one transaction.

    position is where the next record is expected. Whatever goes wrong ends the task and is
    reported to on_failure: nothing is committed past it.
    """

    def __init__(  # noqa: PLR0913  (one place puts the parts together: Assignment)
        self,
        work: StageOfPartition,
        source: TopicPartition,
        settings: WorkerSettings,
        *,
        store: StateStore,
        writer: TransactionalWriter,
        reference: LiveReference,
        sieve: Sieve | None,
        metrics: StageMetrics,
        on_failure: Callable[[BaseException], None],
    ) -> None:
        self.source = source
        self.store = store
        self.position: int | None = None
        self._work = work
        self._settings = settings
        self._writer = writer
        self._reference = reference
        self._sieve = sieve
        self._metrics = metrics
        self._on_failure = on_failure
        self._committed: int | None = None
        self._committed_at = time.perf_counter()
        self._gather_until = 0.0
        self._queue: asyncio.Queue[Chunk] = asyncio.Queue()
        self._queued = 0
        self._room = asyncio.Event()
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, committed: int | None) -> None:
        """Begin at the group's committed position; None if it never committed one."""
        self.position = self._committed = committed
        self._task = asyncio.create_task(self._run(), name=f"{self.source}")

    async def hand_over(self, chunk: Chunk) -> None:
        """Take a chunk in; waits while a batch's worth is waiting. Forgotten if it is stopping."""
        while self._queued >= self._settings.max_batch and not self._closing.is_set():
            self._room.clear()
            await self._room.wait()
        self._queued += len(chunk.values)
        self._queue.put_nowait(chunk)

    async def stop(self) -> None:
        """Finish the batch under way, leave the rest unread, and let go of the partition."""
        self._closing.set()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
        self._room.set()  # for those who wait in hand_over
        await self._writer.stop()

    async def _run(self) -> None:
        try:
            while not self._closing.is_set():
                chunk = await self._next()
                if chunk is not None:
                    await self._process(chunk)
                elif self.position != self._committed:
                    await self._commit(Outcome())
            if self.position != self._committed:
                await self._commit(Outcome())
        except asyncio.CancelledError:
            raise  # the process ends anyway, and its open transaction with it
        except BaseException as error:
            self._on_failure(error)
            raise

    async def _next(self) -> Chunk | None:
        """The next batch; None when nothing comes for a while, or when closing."""
        closing = asyncio.ensure_future(self._closing.wait())
        getting = asyncio.ensure_future(self._queue.get())
        await asyncio.wait(
            (closing, getting),
            timeout=self._settings.idle_commit_seconds,
            return_when=asyncio.FIRST_COMPLETED,
        )
        closing.cancel()
        if not getting.done():
            getting.cancel()
            return None
        await self._gather(len(getting.result().values))
        waiting = [self._queue.get_nowait() for _ in range(self._queue.qsize())]
        chunks = [getting.result(), *waiting]
        self._queued -= sum(len(chunk.values) for chunk in chunks)
        self._room.set()
        return self._joined(chunks)

    async def _gather(self, records: int) -> None:
        """Let a batch grow for as long as the last commit took, if that one was just now."""
        pause = self._gather_until - time.perf_counter()
        if pause > 0 and records < self._settings.max_batch:
            await asyncio.sleep(pause)

    async def _process(self, chunk: Chunk) -> None:
        started = time.perf_counter()
        outcome = self._conclude(chunk)
        if self._reference.tables.missed and await self._reference.learned_more():
            outcome = self._conclude(chunk)
        self.position = chunk.end
        decided = time.perf_counter()
        overdue = decided - self._committed_at > self._settings.idle_commit_seconds
        if overdue or not outcome.is_empty:
            await self._commit(outcome)
        self._metrics.batch(
            records=len(chunk.values),
            outcome=outcome,
            deciding=decided - started,
            committing=time.perf_counter() - decided,
        )

    def _joined(self, chunks: list[Chunk]) -> Chunk | None:
        """The chunks as one, without what was processed before; None if nothing is left."""
        position, expected = self.position, []
        for chunk in chunks:
            if position is not None and chunk.begin > position:
                raise LostRecordsError(
                    f"{self.source.topic}[{self.source.partition}] goes on at {chunk.begin}, but "
                    f"the records from {position} were never processed. Were they deleted by the "
                    "topic's retention? Set the group's offset by hand to accept the loss."
                )
            if position is None or chunk.end > position:
                expected.append(chunk if position is None else chunk.after(position))
                position = chunk.end
        return join(expected) if expected else None

    def _conclude(self, chunk: Chunk) -> Outcome:
        return self._work.conclude(chunk, self.store, self._reference.tables, self._sieve)

    async def _commit(self, outcome: Outcome) -> None:
        assert self.position is not None
        started = time.perf_counter()
        await self._writer.commit(outcome.messages, self.position)
        self.store.apply(outcome.changes)
        self._committed = self.position
        self._committed_at = now = time.perf_counter()
        self._gather_until = now + max(now - started, self._settings.gather_ms / 1000)
