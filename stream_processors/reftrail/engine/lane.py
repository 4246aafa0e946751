"""All stages on one partition: what comes in for any of them is committed in one transaction."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, field

from aiokafka import TopicPartition

from reftrail.contracts.topic import Topic
from reftrail.engine.batch import Message, Outcome, StageOfPartition
from reftrail.engine.chunks import Chunk
from reftrail.engine.follower import LiveReference
from reftrail.engine.intake import Intake
from reftrail.engine.lookups import LookupRecorder
from reftrail.engine.metrics import StageMetrics
from reftrail.engine.partition_state import PartitionState
from reftrail.engine.settings import WorkerSettings
from reftrail.engine.sieve import Sieve
from reftrail.engine.state import StateStore
from reftrail.engine.transaction import TransactionalWriter
from reftrail.hosting.kafka.log_bounds import Position


@dataclass(frozen=True, slots=True)
class LaneStage:
    """One stage in a lane, with what it reads from, keeps and looks up."""

    work: StageOfPartition
    intake: Intake
    store: StateStore
    reference: LiveReference
    sieve: Sieve | None
    metrics: StageMetrics
    lookups: LookupRecorder | None

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
        tables = self.reference.tables
        return self.work.conclude(chunk, self.store, tables, self.sieve, self.lookups)


@dataclass(slots=True)
class _Turn:
    """What the next transaction is to write. pressing: others wait for something of it."""

    messages: dict[tuple[Topic, int], list[Message]] = field(
        default_factory=lambda: defaultdict(list)
    )
    size: int = 0
    pressing: bool = False
    began_at: float = 0.0

    def add(self, outcome: Outcome, awaited: AbstractSet[Topic]) -> None:
        if outcome.messages and not self.size:
            self.began_at = time.perf_counter()
        for place, messages in outcome.messages.items():
            self.messages[place].extend(messages)
            self.size += len(messages)
            self.pressing |= place[0] in awaited


class Lane:
    """Takes up what waits for its stages, concludes, and commits it together; turn after turn.

    What someone waits for (awaited: topics) is committed at once, and with it what nobody waits
    for, which otherwise lingers for a while: committing for each stage by itself, and each little
    batch, would cost many transactions. The stages' state is ahead of the log by what isn't
    committed yet. So whatever goes wrong must end the process; it ends the lane, and is reported
    to on_failure. The positions at which it begins are committed soon, with or without anything to
    read: the group may have lost what it knew, and tools take that for lag.
    """

    def __init__(  # noqa: PLR0913  (one place puts the parts together: Assignment)
        self,
        stages: Iterable[LaneStage],
        settings: WorkerSettings,
        *,
        awaited: AbstractSet[Topic],
        state: PartitionState,
        writer: TransactionalWriter,
        committing: Callable[[float], None],
        on_failure: Callable[[BaseException], None],
    ) -> None:
        self._stages = {stage.intake.source: stage for stage in stages}
        self._partition: int = next(iter(self._stages)).partition
        self._settings = settings
        self._awaited = awaited
        self._state = state
        self._writer = writer
        self._committing = committing
        self._on_failure = on_failure
        self._turn = _Turn()
        self._committed: dict[TopicPartition, Position] = {}
        self._committed_at = time.perf_counter()
        self._gather_until = 0.0
        self._something = asyncio.Event()
        self._room = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    @property
    def partition(self) -> int:
        """Its partition, of all that the stages read."""
        return self._partition

    @property
    def sources(self) -> list[TopicPartition]:
        """What its stages read."""
        return list(self._stages)

    def start(self) -> None:
        """Begin at the intakes' positions."""
        self._task = asyncio.create_task(self._run(), name=f"lane of {self.sources[0]}")

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
        """Commit what has been concluded, leave the rest unread, and let go of the partition."""
        self._closing = True
        self._something.set()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
        self._room.set()  # for those who wait in hand_over
        await self._writer.stop()

    async def _run(self) -> None:
        try:
            while not self._closing:
                await self._wait()
                if not self._closing:
                    await self._gather()
                    await self._take_up()
                if self._is_due():
                    await self._commit()
            if self._positions() != self._committed:
                await self._commit()
        except asyncio.CancelledError:
            raise  # the process ends anyway, and its open transaction with it
        except BaseException as error:
            self._on_failure(error)
            raise

    async def _wait(self) -> None:
        """Until something has come in, or what is there can't wait any longer."""
        patience = self._settings.idle_commit_seconds
        if self._turn.size:
            patience = max(0.0, self._turn.began_at + self._linger - time.perf_counter())
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._something.wait()

    async def _gather(self) -> None:
        """Let more come in for as long as the last commit took, if that one was just now."""
        pause = self._gather_until - time.perf_counter()
        most = max(stage.intake.waiting for stage in self._stages.values())
        if pause > 0 and 0 < most < self._settings.max_batch:
            await asyncio.sleep(pause)

    async def _take_up(self) -> None:
        self._something.clear()
        for stage in self._stages.values():
            chunk = stage.intake.take()
            if chunk is not None:
                outcome = await stage.conclude(chunk)
                stage.store.alarms.silence(outcome.silenced)
                stage.store.apply(outcome.changes, outcome.due_times)
                if stage.lookups is not None:
                    stage.lookups.accept()
                self._turn.add(outcome, self._awaited)
                await asyncio.sleep(0)  # other lanes, and the heartbeat, have their turns too
        self._room.set()

    def _is_due(self) -> bool:
        now, turn = time.perf_counter(), self._turn
        if turn.size:
            lingered = now - turn.began_at >= self._linger
            return turn.pressing or lingered or turn.size >= self._settings.max_batch
        idle = now - self._committed_at > self._settings.idle_commit_seconds
        return idle and self._positions() != self._committed

    @property
    def _linger(self) -> float:
        return self._settings.linger_ms / 1000

    async def _commit(self) -> None:
        turn, positions, started = self._turn, self._positions(), time.perf_counter()
        moved = dict(positions.items() - self._committed.items())
        ends = await self._writer.commit(turn.messages, moved)
        stages = {source: stage.work for source, stage in self._stages.items()}
        self._state.committed(
            {stages[source].stage.reads.name: position for source, position in moved.items()},
            {topic: end for (topic, at), end in ends.items() if at == self.partition},
        )
        self._turn, self._committed = _Turn(), positions
        self._committed_at = now = time.perf_counter()
        self._gather_until = now + max(now - started, self._settings.gather_ms / 1000)
        self._committing(now - started)

    def _positions(self) -> dict[TopicPartition, Position]:
        return {source: stage.intake.position for source, stage in self._stages.items()}
