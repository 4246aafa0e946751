"""The partitions that a worker holds: taking them over, feeding them, letting them go."""

import asyncio
import time
from collections.abc import Callable, Iterable

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from reftrail.contracts.topics import CAMPAIGNS, CODES, LISTS, TICKS, Topic
from reftrail.engine.batch import StageOfPartition
from reftrail.engine.chunks import Chunk
from reftrail.engine.follower import Follower, LiveReference
from reftrail.engine.intake import Intake
from reftrail.engine.lane import Lane, LaneStage
from reftrail.engine.metrics import WorkerMetrics
from reftrail.engine.reference import ReferenceTables
from reftrail.engine.restore import restore
from reftrail.engine.settings import WorkerSettings
from reftrail.engine.sieve import SIEVES
from reftrail.engine.stage import Codes, Stage
from reftrail.engine.state import StateStore
from reftrail.engine.ticker import Ticker
from reftrail.engine.topology import awaited
from reftrail.engine.transaction import TransactionalWriter


class SplitLaneError(RuntimeError):
    """The group assigned a partition of some topics, but not of all."""


class Assignment:
    """All that a worker does for the partitions assigned to it.

    State outlives a rebalance: if a partition stays, only what was added to its changelog in the
    meantime is read.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        topology: tuple[Stage, ...],
        metrics: WorkerMetrics,
        on_failure: Callable[[BaseException], None],
    ) -> None:
        self._settings = settings
        self._stages = {settings.name_of(stage.reads): stage for stage in topology}
        self._awaited = awaited(topology)
        self._metrics = metrics
        self._on_failure = on_failure
        self._stores: dict[TopicPartition, StateStore] = {}
        self._lanes: dict[int, Lane] = {}
        self._followers: list[Follower] = []
        self._ticker: Ticker | None = None

    def partitions(self) -> list[str]:
        """What is held, for people."""
        sources = (source for lane in self._lanes.values() for source in lane.sources)
        return sorted(f"{source.topic}-{source.partition}" for source in sources)

    async def hand_over(self, source: TopicPartition, chunk: Chunk, log_end: int | None) -> None:
        """Give a chunk to its partition's lane; log_end is where its log ends by now."""
        lane = self._lanes.get(source.partition)
        if lane is None:
            return
        stage, partition = self._stages[source.topic].name, str(source.partition)
        self._metrics.lag.labels(stage, partition).set(max(0, (log_end or 0) - chunk.end))
        self._metrics.keys.labels(stage, partition).set(lane.keys(source))
        await lane.hand_over(source, chunk)

    async def let_go(self) -> None:
        """Finish what is under way and give up all partitions."""
        lanes, followers, ticker = list(self._lanes.values()), self._followers, self._ticker
        self._lanes, self._followers, self._ticker = {}, [], None
        if ticker is not None:
            await ticker.stop()
        await asyncio.gather(*(lane.stop() for lane in lanes))
        await asyncio.gather(*(follower.stop() for follower in followers))

    async def take_over(self, assigned: set[TopicPartition]) -> None:
        """Fence former owners, bring the state up to date, and be ready to go on.

        Raises `SplitLaneError` if a partition is assigned without all topics of it.
        """
        await self.let_go()
        started = time.perf_counter()
        sources = sorted(
            TopicPartition(tp.topic, tp.partition) for tp in assigned if tp.topic in self._stages
        )
        held = self._whole_lanes(sources)
        self._stores = {
            tp: self._stores.get(tp) or StateStore(self._stages[tp.topic]) for tp in sources
        }
        writers = {
            partition: TransactionalWriter(self._settings, self._settings.group, partition)
            for partition in held
        }
        await asyncio.gather(*(writer.start() for writer in writers.values()))
        restored = await restore(self._settings.bootstrap_servers, self._changelogs())
        committed, partitions = await self._look_up(sources)
        references = await self._follow(sources, partitions)
        await self._start_ticker(sources, partitions)
        for partition, writer in writers.items():
            self._lanes[partition] = lane = Lane(
                [
                    self._lane_stage(tp, partitions, committed.get(tp), references[tp])
                    for tp in held[partition]
                ],
                self._settings,
                awaited=self._awaited,
                writer=writer,
                committing=self._metrics.committing.observe,
                on_failure=self._on_failure,
            )
            lane.start()
        self._metrics.restored.inc(restored)
        self._metrics.restore_seconds.set(time.perf_counter() - started)
        self._metrics.rebalances.inc()

    def _whole_lanes(self, sources: list[TopicPartition]) -> dict[int, list[TopicPartition]]:
        """The sources by partition, in the order of the topology."""
        assigned = set(sources)
        lanes = {}
        for partition in sorted({tp.partition for tp in sources}):
            whole = [TopicPartition(topic, partition) for topic in self._stages]
            if missing := [tp.topic for tp in whole if tp not in assigned]:
                raise SplitLaneError(
                    f"This worker was assigned partition {partition}, but not that of "
                    f"{', '.join(missing)}. All topics of an installation must have the same "
                    "number of partitions, and all workers of a group the same version."
                )
            lanes[partition] = whole
        return lanes

    def _changelogs(self) -> dict[TopicPartition, StateStore]:
        return {
            TopicPartition(self._settings.name_of(changelog), tp.partition): store
            for tp, store in self._stores.items()
            if (changelog := self._stages[tp.topic].changelog) is not None
        }

    def _lane_stage(
        self, source: TopicPartition, partitions: int, position: int | None, known: LiveReference
    ) -> LaneStage:
        stage = self._stages[source.topic]
        return LaneStage(
            StageOfPartition(stage, source.partition, partitions),
            Intake(source, position),
            self._stores[source],
            known,
            SIEVES.get(stage.name) if self._settings.sieve else None,
            self._metrics.stage(stage.name),
        )

    async def _start_ticker(self, sources: list[TopicPartition], partitions: int) -> None:
        """Be the one who tells the time, if the first partition of ticks is here."""
        first = TopicPartition(self._settings.name_of(TICKS), 0)
        if first in sources and self._settings.tick_seconds:
            self._ticker = Ticker(self._settings, partitions, self._on_failure)
            await self._ticker.start()

    async def _look_up(
        self, sources: list[TopicPartition]
    ) -> tuple[dict[TopicPartition, int], int]:
        """The group's committed positions, and how many partitions each topic has."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._settings.bootstrap_servers)
        await admin.start()
        try:
            topics = await admin.describe_topics([self._settings.name_of(CAMPAIGNS)])
            partitions = len(topics[0]["partitions"])
            found = await admin.list_consumer_group_offsets(
                self._settings.group, partitions=sources or None
            )
        finally:
            await admin.close()
        positions = {
            TopicPartition(tp.topic, tp.partition): offset.offset for tp, offset in found.items()
        }
        return {tp: at for tp, at in positions.items() if at >= 0}, partitions

    async def _follow(
        self, sources: list[TopicPartition], partitions: int
    ) -> dict[TopicPartition, LiveReference]:
        """Follow what all need once for all, and the codes of a partition where they are used.

        Where any code may be looked up, all of them are followed, once for all too.
        """
        needs = {tp: self._stages[tp.topic].looks_up_codes for tp in sources}
        topics = (CAMPAIGNS, LISTS, CODES) if Codes.ANY in needs.values() else (CAMPAIGNS, LISTS)
        shared = ReferenceTables()
        follower = self._follower(
            [(topic, partition) for topic in topics for partition in range(partitions)], shared
        )
        references = {}
        for tp in sources:
            if CODES in topics:
                tables, followers = shared.seen_by_another(), [follower]
            else:
                tables, followers = shared.with_codes_of_its_own(), [follower]
                if needs[tp] is Codes.OWN:
                    followers.append(self._follower([(CODES, tp.partition)], tables))
            references[tp] = LiveReference(tables, followers)
        await asyncio.gather(*(follower.start() for follower in self._followers))
        return references

    def _follower(
        self, partitions: Iterable[tuple[Topic, int]], tables: ReferenceTables
    ) -> Follower:
        follower = Follower(
            self._settings.bootstrap_servers,
            [TopicPartition(self._settings.name_of(topic), at) for topic, at in partitions],
            tables,
            self._on_failure,
        )
        self._followers.append(follower)
        return follower
