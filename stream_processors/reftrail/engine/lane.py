"""All stages on one partition: what comes in for any of them is committed in one transaction."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from aiokafka import TopicPartition

from reftrail.contracts.topics import Topic
from reftrail.engine.batch import Message, Outcome, StageOfPartition
from reftrail.engine.chunks import Chunk
from reftrail.engine.follower import LiveReference
from reftrail.engine.intake import Intake
from reftrail.engine.metrics import StageMetrics
from reftrail.engine.settings import WorkerSettings
from reftrail.engine.sieve import Sieve
from reftrail.engine.state import StateStore
from reftrail.engine.transaction import TransactionalWriter


@dataclass(frozen=True, slots=True)
class LaneStage:
    """One stage in a lane, with what it reads from, keeps and looks up."""

    work: StageOfPartition
    intake: Intake
    store: StateStore
    reference: LiveReference
    sieve: Sieve | None
    metrics: StageMetrics

    async def conclude(self, chunk: Chunk) -> Outcome:
        """What follows from a chunk, once everything that it asks for by name has been read."""
        started = time.perf_counter()
        outcome = self._conclude(chunk)
        if self.reference.tables.missed and await self.reference.learned_more():
            outcome = self._conclude(chunk)
        self.metrics.batch(
            records=len(chunk.values), outcome=outcome, deciding=time.perf_counter() - started
        )
        return outcome

    def _conclude(self, chunk: Chunk) -> Outcome:
        return self.work.conclude(chunk, self.store, self.reference.tables, self.sieve)


@dataclass(slots=True)
class _Turn:
    """What one transaction is to write: the messages, and the state that each stage changes."""

    messages: dict[tuple[Topic, int], list[Message]] = field(
        default_factory=lambda: defaultdict(list)
    )
    changes: list[tuple[StateStore, Mapping[str, bytes | None]]] = field(default_factory=list)

    def add(self, store: StateStore, outcome: Outcome) -> None:
        for place, messages in outcome.messages.items():
            self.messages[place].extend(messages)
        if outcome.changes:
            self.changes.append((store, outcome.changes))


class Lane:
    """Takes up what waits for its stages, concludes, and commits it together; turn after turn.

    Committing for each stage by itself would cost a transaction for each step that a record takes.
    Whatever goes wrong ends the lane and is reported to on_failure: nothing is committed past it.
    """

    def __init__(
        self,
        stages: Iterable[LaneStage],
        settings: WorkerSettings,
        *,
        writer: TransactionalWriter,
        committing: Callable[[float], None],
        on_failure: Callable[[BaseException], None],
    ) -> None:
        self._stages = {stage.intake.source: stage for stage in stages}
        self._settings = settings
        self._writer = writer
        self._committing = committing
        self._on_failure = on_failure
        self._committed = self._positions()
        self._committed_at = time.perf_counter()
        self._gather_until = 0.0
        self._something = asyncio.Event()
        self._room = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    @property
    def sources(self) -> list[TopicPartition]:
        """What its stages read."""
        return list(self._stages)

    def start(self) -> None:
        """Begin at the intakes' positions."""
        names = sorted({str(source.partition) for source in self._stages})
        self._task = asyncio.create_task(self._run(), name=f"lane {', '.join(names)}")

    async def hand_over(self, source: TopicPartition, chunk: Chunk) -> None:
        """Take a chunk in; waits while a batch's worth is waiting. Forgotten if it is stopping."""
        intake = self._stages[source].intake
        while intake.waiting >= self._settings.max_batch and not self._closing:
            self._room.clear()
            await self._room.wait()
        intake.put(chunk)
        self._something.set()

    def keys(self, source: TopicPartition) -> int:
        """How many keys' state is held for the stage that reads a source."""
        return len(self._stages[source].store.packed)

    async def stop(self) -> None:
        """Finish the turn under way, leave the rest unread, and let go of the partition."""
        self._closing = True
        self._something.set()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
        self._room.set()  # for those who wait in hand_over
        await self._writer.stop()

    async def _run(self) -> None:
        try:
            while not self._closing:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._settings.idle_commit_seconds):
                        await self._something.wait()
                if not self._closing:
                    await self._turn()
            if self._positions() != self._committed:
                await self._commit(_Turn())
        except asyncio.CancelledError:
            raise  # the process ends anyway, and its open transaction with it
        except BaseException as error:
            self._on_failure(error)
            raise

    async def _turn(self) -> None:
        await self._gather()
        self._something.clear()
        turn = _Turn()
        for stage in self._stages.values():
            chunk = stage.intake.take()
            if chunk is not None:
                turn.add(stage.store, await stage.conclude(chunk))
                await asyncio.sleep(0)  # other lanes, and the heartbeat, have their turns too
        self._room.set()
        idle = time.perf_counter() - self._committed_at
        overdue = idle > self._settings.idle_commit_seconds
        if turn.messages or (overdue and self._positions() != self._committed):
            await self._commit(turn)

    async def _gather(self) -> None:
        """Let a turn grow for as long as the last commit took, if that one was just now."""
        pause = self._gather_until - time.perf_counter()
        most = max(stage.intake.waiting for stage in self._stages.values())
        if pause > 0 and 0 < most < self._settings.max_batch:
            await asyncio.sleep(pause)

    async def _commit(self, turn: _Turn) -> None:
        positions, started = self._positions(), time.perf_counter()
        moved = {
            at: position
            for at, position in positions.items()
            if self._committed.get(at) != position
        }
        await self._writer.commit(turn.messages, moved)
        for store, changes in turn.changes:
            store.apply(changes)
        self._committed = positions
        self._committed_at = now = time.perf_counter()
        self._gather_until = now + max((now - started) * float(__import__("os").environ.get("GF","1")), float(__import__("os").environ.get("GM","10")) / 1000)
        self._committing(now - started)

    def _positions(self) -> dict[TopicPartition, int]:
        at = {source: stage.intake.position for source, stage in self._stages.items()}
        return {source: position for source, position in at.items() if position is not None}
