"""The partitions that a worker holds: taking them over, feeding them, letting them go.

Nothing of it happens in the group's callbacks, during which the client sends no heartbeats: they
only note what was assigned. Reading state and codes goes on in a task beside the poll loop, each
partition goes on as soon as it can, and the group knows all the while that this worker is alive.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol

from aiokafka import TopicPartition

from reftrail.contracts.topics import TICKS
from reftrail.engine.assignor import Task
from reftrail.engine.batch import StageOfPartition
from reftrail.engine.chunks import Chunk
from reftrail.engine.input_buffer import InputBuffer
from reftrail.engine.live_reference import LiveReference
from reftrail.engine.lookups import recorder_for
from reftrail.engine.metrics import WorkerMetrics
from reftrail.engine.partition_runner import PartitionRunner, StageRunner
from reftrail.engine.partition_state import PartitionState
from reftrail.engine.positions import kept_in
from reftrail.engine.prefilter import PREFILTERS
from reftrail.engine.reference_reader import ReferenceReader
from reftrail.engine.settings import WorkerSettings
from reftrail.engine.shares import Member
from reftrail.engine.stage import Stage
from reftrail.engine.standby import StandbyReader
from reftrail.engine.stores import stores_for
from reftrail.engine.takeover import (
    CommittedByGroup,
    PartitionTakeover,
    Restored,
)
from reftrail.engine.ticker import Ticker
from reftrail.engine.topology import low_latency_topics
from reftrail.engine.transaction import TransactionalWriter
from reftrail.engine.written_records import WrittenRecords

_AT_ONCE: Final = 4
"""The number of partitions taken over side by side: what one waits for, another one uses."""


class SplitPartitionError(RuntimeError):
    """The group assigned a partition of some topics, but not of all."""


class Group(Protocol):
    """The membership of this worker in the group, as a take-over needs it."""

    async def resume(self, positions: Mapping[TopicPartition, int]) -> None:
        """Fetch from these positions on, in partitions that have been paused since assigned."""

    def offer(self, offered: Member) -> None:
        """Note what this worker has, for whenever partitions are shared out.

        They are shared out among all members of the group, by what each has.
        """

    async def rejoin(self) -> None:
        """Ask to have the partitions shared out again, by what is offered now."""


class Assignment:
    """All that a worker does for the partitions assigned to it, and as a standby of others.

    State outlives a rebalance: if a partition stays, or is this worker's after it was followed,
    only what was added to its changelogs in the meantime is read. Codes, campaigns and lists are
    read once in a worker's life.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        topology: tuple[Stage, ...],
        metrics: WorkerMetrics,
        on_failure: Callable[[BaseException], None],
    ) -> None:
        self._settings = settings
        self._topology = topology
        self._stages = {settings.name_of(stage.reads): stage for stage in topology}
        self._low_latency_topics = low_latency_topics(topology)
        self._metrics = metrics
        self._on_failure = on_failure
        self._stores = stores_for(settings, topology)
        self._states: dict[int, PartitionState] = {}
        self._positions_in = kept_in(topology)
        self._warm: set[int] = set()
        self._owned: frozenset[int] = frozenset()
        self._runners: dict[int, PartitionRunner] = {}
        self._written = WrittenRecords()
        self._reference = ReferenceReader(settings, topology, on_failure)
        self._ticker: Ticker | None = None
        self._restoring = asyncio.Semaphore(_AT_ONCE)
        self._task: asyncio.Task[None] | None = None
        self.is_ready = False

    def partitions(self) -> list[str]:
        """The assigned partitions, for people."""
        sources = (source for runner in self._runners.values() for source in runner.sources)
        return sorted(f"{source.topic}-{source.partition}" for source in sources)

    def standby_partitions(self) -> list[int]:
        """The partitions of other workers whose state is here, but for a moment's messages."""
        return sorted(self._warm - self._owned)

    async def hand_over(self, source: TopicPartition, chunk: Chunk, log_end: int | None) -> None:
        """Give a chunk to its partition's runner; log_end is where its log ends by now."""
        runner = self._runners.get(source.partition)
        if runner is None:
            return
        stage, partition = self._stages[source.topic].name, str(source.partition)
        self._metrics.lag.labels(stage, partition).set(max(0, (log_end or 0) - chunk.end))
        self._metrics.keys.labels(stage, partition).set(runner.keys(source))
        await runner.hand_over(source, chunk)

    async def let_go(self) -> None:
        """Finish what is under way and give up all partitions; their state is kept for now."""
        self.is_ready = False
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        runners, ticker = list(self._runners.values()), self._ticker
        self._runners, self._ticker = {}, None
        if ticker is not None:
            await ticker.stop()
        await asyncio.gather(*(runner.stop() for runner in runners))

    async def close(self) -> None:
        """Give up all partitions, and stop following codes, campaigns and lists."""
        await self.let_go()
        await self._reference.stop()
        for state in self._states.values():
            state.close()
        self._states.clear()

    def begin(self, assigned: Iterable[TopicPartition], task: Task, group: Group) -> None:
        """Start to take over what was assigned, then to follow the state of other partitions.

        Returns at once. Raises `SplitPartitionError` if a partition is assigned without all its
        topics.
        """
        owned = self._whole_partitions(assigned)
        kept = {*owned, *task.followed}
        self._warm &= kept
        self._owned = frozenset(owned)
        for partition in self._states.keys() - kept:
            self._states.pop(partition).close()
        self._offer(group)
        self._task = asyncio.create_task(self._work(owned, task, group), name="take over")

    def _offer(self, group: Group) -> None:
        group.offer(self.offered())

    def offered(self) -> Member:
        """The partitions of this worker, for the group."""
        warm, stored = frozenset(self._warm), self._stores.stored()
        return Member(warm, self._owned, self._reference.is_read, stored)

    def _state(self, partition: int) -> PartitionState:
        """The state of a partition, as it was left here or empty."""
        if partition not in self._states:
            store = self._stores.open(partition)
            self._states[partition] = PartitionState(self._topology, store)
        return self._states[partition]

    def _whole_partitions(self, assigned: Iterable[TopicPartition]) -> list[int]:
        held = {at for at in assigned if at.topic in self._stages}
        for partition in (partitions := sorted({at.partition for at in held})):
            whole = {TopicPartition(topic, partition) for topic in self._stages}
            if missing := sorted(at.topic for at in whole - held):
                raise SplitPartitionError(
                    f"This worker was assigned partition {partition}, but not that of "
                    f"{', '.join(missing)}. All topics of an installation must have the same "
                    "number of partitions, and all workers of a group the same version."
                )
        return partitions

    async def _work(self, owned: list[int], task: Task, group: Group) -> None:
        started = time.perf_counter()
        try:
            await self._stores.prepare()
            partitions, tables = await self._reference.read()
            self._offer(group)
            await self._start_ticker(owned, partitions)
            warm_first = sorted(owned, key=lambda partition: partition not in self._warm)
            committed = CommittedByGroup(self._settings, self._sources(owned))
            await asyncio.gather(
                *(
                    self._serve(partition, partitions, tables, committed, group)
                    for partition in warm_first
                )
            )
            self._metrics.restore_seconds.set(time.perf_counter() - started)
            self._metrics.rebalances.inc()
            self.is_ready = not task.warm_up
            await self._follow(task, group)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self._on_failure(error)
            raise

    async def _serve(
        self,
        partition: int,
        partitions: int,
        tables: LiveReference,
        committed: CommittedByGroup,
        group: Group,
    ) -> None:
        """Take one partition over, and let it go on."""
        state = self._state(partition)
        writer = TransactionalWriter(self._settings, partition, self._positions_in)
        try:
            async with self._restoring:
                await writer.start()
                if not self._positions_in:  # nobody else has them: ask after the fence
                    committed = CommittedByGroup(self._settings, self._sources([partition]))
                restored = await PartitionTakeover(
                    self._settings, self._topology, state, committed
                ).restore(partition)
        except BaseException:
            await writer.stop()
            raise
        self._metrics.restored.inc(restored.messages)
        self._warm.add(partition)
        self._offer(group)
        self._runners[partition] = runner = self._runner(
            state, restored, partitions, tables, writer
        )
        runner.start()
        await group.resume({at: position.offset for at, position in restored.positions.items()})

    def _sources(self, partitions: Iterable[int]) -> list[TopicPartition]:
        return [TopicPartition(topic, n) for topic in self._stages for n in partitions]

    def _runner(
        self,
        state: PartitionState,
        restored: Restored,
        partitions: int,
        reference: LiveReference,
        writer: TransactionalWriter,
    ) -> PartitionRunner:
        stages = []
        for source, position in restored.positions.items():
            stage, looked_up_in = self._stages[source.topic], reference.for_another_stage()
            stages.append(
                StageRunner(
                    StageOfPartition(stage, source.partition, partitions, self._written),
                    InputBuffer(source, position),
                    state.stores[stage.name],
                    looked_up_in,
                    PREFILTERS.get(stage.name) if self._settings.sieve else None,
                    self._metrics.stage(stage.name),
                    recorder_for(stage.name, looked_up_in.tables),
                )
            )
        return PartitionRunner(
            stages,
            self._settings,
            low_latency_topics=self._low_latency_topics,
            state=state,
            writer=writer,
            committing=self._metrics.committing.observe,
            on_failure=self._on_failure,
        )

    async def _follow(self, task: Task, group: Group) -> None:
        """Read the state of other workers' partitions for as long as they are to be followed.

        Once the last of those to warm up is nearly all here, the partitions are shared out anew.
        """
        states = {partition: self._state(partition) for partition in sorted(task.followed)}
        if not states:
            return

        missing = set(task.warm_up)

        async def found_warm(partition: int) -> None:
            self._warm.add(partition)
            self._offer(group)
            if partition in missing:
                missing.remove(partition)
                if not missing:
                    await group.rejoin()

        await StandbyReader(self._settings, states, self._metrics, found_warm).run()

    async def _start_ticker(self, owned: list[int], partitions: int) -> None:
        """Be the worker that tells the time, if the first partition of ticks is here."""
        reads_ticks = self._settings.name_of(TICKS) in self._stages
        if 0 in owned and reads_ticks and self._settings.tick_seconds:
            self._ticker = Ticker(self._settings, partitions, self._on_failure)
            await self._ticker.start()
