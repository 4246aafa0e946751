"""Runner of all stages on one partition, which commits their inputs together."""

import asyncio
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from aiokafka import TopicPartition

from reftrail.contracts.topic import Topic
from reftrail.engine.batch import StageOfPartition
from reftrail.engine.chunks import Chunk
from reftrail.engine.dead_letters import FAULTS_OF_THE_WORKER
from reftrail.engine.input_buffer import InputBuffer
from reftrail.engine.live_reference import LiveReference
from reftrail.engine.lookups import LookupRecorder
from reftrail.engine.metrics import StageMetrics
from reftrail.engine.outcome import Message, Outcome
from reftrail.engine.partition_state import PartitionState
from reftrail.engine.prefilter import Prefilter
from reftrail.engine.settings import WorkerSettings
from reftrail.engine.state import StateStore
from reftrail.engine.transaction import TransactionalWriter
from reftrail.hosting.kafka.log_bounds import Position

_READ_AHEAD: Final = 2_000
"""Messages from which on a thread of its own pays: it takes as long to begin as to read 200."""


@dataclass(frozen=True, slots=True)
class StageRunner:
    """One stage of a partition, with its input, its state and what it looks up."""

    work: StageOfPartition
    buffer: InputBuffer
    store: StateStore
    reference: LiveReference
    prefilter: Prefilter | None
    metrics: StageMetrics
    lookups: LookupRecorder | None

    async def decide(self, chunk: Chunk) -> Outcome:
        """Decide a chunk, once everything that it asks for by name has been read."""
        prefilter = await self._prefilter_of(chunk)
        started = time.perf_counter()
        outcome = self._decide(chunk, prefilter)
        if self.reference.tables.missed and await self.reference.refresh_missing():
            outcome = self._decide(chunk, prefilter)
        self.metrics.batch(
            records=len(chunk.values), outcome=outcome, deciding=time.perf_counter() - started
        )
        return outcome

    async def _prefilter_of(self, chunk: Chunk) -> Prefilter | None:
        """The stage's prefilter. It reads a large chunk while other partitions are decided on."""
        if self.prefilter is None or len(chunk.values) < _READ_AHEAD:
            return self.prefilter
        try:
            return await asyncio.to_thread(self.prefilter.read_ahead, chunk.values)
        except FAULTS_OF_THE_WORKER:
            raise
        except Exception:  # noqa: BLE001 - whatever a foreign record leads to: see `decide`
            return self.prefilter

    def _decide(self, chunk: Chunk, prefilter: Prefilter | None) -> Outcome:
        tables = self.reference.tables
        return self.work.decide(chunk, self.store, tables, prefilter, self.lookups)


@dataclass(slots=True)
class _Turn:
    """The contents of the next transaction."""

    messages: dict[tuple[Topic, int], list[Message]] = field(
        default_factory=lambda: defaultdict(list)
    )
    size: int = 0
    pressing: bool = False
    began_at: float = 0.0

    def add(self, outcome: Outcome, low_latency_topics: AbstractSet[Topic]) -> None:
        if outcome.messages and not self.size:
            self.began_at = time.perf_counter()
        for place, messages in outcome.messages.items():
            self.messages[place].extend(messages)
            self.size += len(messages)
            self.pressing |= place[0] in low_latency_topics


class PartitionRunner:
    """Decides what waits for the stages of one partition, and commits it together.

    What someone waits for (low_latency_topics) is committed at once, and with it what nobody waits
    for, which otherwise lingers for a while: committing for each stage by itself, and each little
    batch, would cost many transactions. The stages' state is ahead of the log by what isn't
    committed yet. So any error must end the process: it ends the runner, and is
    reported to on_failure.

    Positions are committed to the changelogs with each transaction, and to the group, for tools
    that show lag, every idle_commit_seconds at most. Those at which the runner begins are committed
    to the group soon, with or without anything to read: it may have lost what it knew.
    """

    def __init__(  # noqa: PLR0913  (one place puts the parts together: Assignment)
        self,
        stages: Iterable[StageRunner],
        settings: WorkerSettings,
        *,
        low_latency_topics: AbstractSet[Topic],
        state: PartitionState,
        writer: TransactionalWriter,
        committing: Callable[[float], None],
        on_failure: Callable[[BaseException], None],
    ) -> None:
        self._stages = {stage.buffer.source: stage for stage in stages}
        self._partition: int = next(iter(self._stages)).partition
        self._settings = settings
        self._low_latency_topics = low_latency_topics
        self._state = state
        self._writer = writer
        self._committing = committing
        self._on_failure = on_failure
        self._turn = _Turn()
        self._committed: dict[TopicPartition, Position] = {}
        self._of_group: dict[TopicPartition, int] = {}
        self._group_committed_at = -math.inf
        self._committed_at = time.perf_counter()
        self._gather_until = 0.0
        self._has_input = asyncio.Event()
        self._has_capacity = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    @property
    def partition(self) -> int:
        """Its partition, of all that the stages read."""
        return self._partition

    @property
    def sources(self) -> list[TopicPartition]:
        """The sources that its stages read."""
        return list(self._stages)

    def start(self) -> None:
        """Begin at the positions of the input buffers."""
        self._task = asyncio.create_task(self._run(), name=f"runner of {self.sources[0]}")

    async def hand_over(self, source: TopicPartition, chunk: Chunk) -> None:
        """Take a chunk in; waits while a batch's worth is waiting. Forgotten if it is stopping."""
        buffer = self._stages[source].buffer
        while buffer.waiting >= self._settings.max_batch and not self._closing:
            self._has_capacity.clear()
            await self._has_capacity.wait()
        buffer.put(chunk)
        self._has_input.set()

    def keys(self, source: TopicPartition) -> int:
        """The number of keys in the state of the stage that reads a source."""
        return len(self._stages[source].store.packed)

    async def stop(self) -> None:
        """Commit what has been decided, leave the rest unread, and let go of the partition."""
        self._closing = True
        self._has_input.set()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
        self._has_capacity.set()  # for those who wait in hand_over
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
            if self._turn.size or self._group_lags():
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
                await self._has_input.wait()

    async def _gather(self) -> None:
        """Let more come in for as long as the last commit took, if that one was just now."""
        pause = self._gather_until - time.perf_counter()
        most = max(stage.buffer.waiting for stage in self._stages.values())
        if pause > 0 and 0 < most < self._settings.max_batch:
            await asyncio.sleep(pause)

    async def _take_up(self) -> None:
        self._has_input.clear()
        for stage in self._stages.values():
            chunk = stage.buffer.take()
            if chunk is not None:
                outcome = await stage.decide(chunk)
                stage.store.apply(outcome.changes, outcome.due_times, outcome.silenced)
                if stage.lookups is not None:
                    stage.lookups.accept()
                self._turn.add(outcome, self._low_latency_topics)
                await asyncio.sleep(0)  # let other runners and the heartbeat go on
        self._has_capacity.set()

    def _is_due(self) -> bool:
        now, turn = time.perf_counter(), self._turn
        if turn.size:
            lingered = now - turn.began_at >= self._linger
            return turn.pressing or lingered or turn.size >= self._settings.max_batch
        idle = now - self._committed_at > self._settings.idle_commit_seconds
        return idle and self._group_lags()

    def _group_lags(self) -> bool:
        return self._offsets() != self._of_group

    @property
    def _linger(self) -> float:
        return self._settings.linger_ms / 1000

    async def _commit(self) -> None:
        turn, positions, started = self._turn, self._positions(), time.perf_counter()
        moved = dict(positions.items() - self._committed.items())
        offsets = self._due_for_group(started)
        ends = await self._writer.commit(turn.messages, moved, offsets)
        if offsets:
            self._of_group |= offsets
            self._group_committed_at = started
        stages = {source: stage.work for source, stage in self._stages.items()}
        self._state.committed(
            {stages[source].stage.reads.name: position for source, position in moved.items()},
            {topic: end for (topic, at), end in ends.items() if at == self.partition},
        )
        self._turn, self._committed = _Turn(), positions
        self._committed_at = now = time.perf_counter()
        self._gather_until = now + max(now - started, self._settings.gather_ms / 1000)
        self._committing(now - started)

    def _due_for_group(self, now: float) -> dict[TopicPartition, int]:
        """The offsets that the group doesn't have, if it is time to commit some."""
        waited = now - self._group_committed_at > self._settings.idle_commit_seconds
        if not waited and not self._closing:
            return {}
        return dict(self._offsets().items() - self._of_group.items())

    def _offsets(self) -> dict[TopicPartition, int]:
        return {source: position.offset for source, position in self._positions().items()}

    def _positions(self) -> dict[TopicPartition, Position]:
        return {source: stage.buffer.position for source, stage in self._stages.items()}
