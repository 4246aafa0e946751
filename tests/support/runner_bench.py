"""A runner of one partition on a bench: its writer, its clock, and chunks of input."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from aiokafka import TopicPartition

from reftrail.contracts.codec import decode, encode
from reftrail.contracts.conversions import Converted
from reftrail.contracts.events import Click, Purchase
from reftrail.contracts.record import Record
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import LOOKUPS
from reftrail.engine.batch import StageOfPartition
from reftrail.engine.chunks import Chunk
from reftrail.engine.input_buffer import InputBuffer
from reftrail.engine.live_reference import LiveReference
from reftrail.engine.lookups import recorder_for
from reftrail.engine.metrics import WorkerMetrics
from reftrail.engine.partition_runner import PartitionRunner, StageRunner
from reftrail.engine.partition_state import PartitionState
from reftrail.engine.reference import ReferenceTables
from reftrail.engine.settings import WorkerSettings
from reftrail.engine.topology import TOPOLOGY, low_latency_topics
from reftrail.hosting.kafka.log_bounds import Position, RecordMark
from support.metrics import until

T0 = 1_790_000_000_000

EVENTS = TopicPartition("referral.events", 0)
INPUTS = TopicPartition("referral.attribution-inputs", 0)


class RememberingWriter:
    """Stands in for Kafka: keeps what would be committed."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.commits: list[tuple[list[str], dict[str, int]]] = []
        self.lookups: list[Any] = []
        self.marks: list[dict[str, RecordMark | None]] = []
        self.of_group: list[dict[str, int]] = []
        self.committed = asyncio.Event()
        self.failure = failure

    async def commit(
        self,
        messages: Mapping[tuple[Topic, int], Sequence[Any]],
        positions: Mapping[TopicPartition, Position],
        group_offsets: Mapping[TopicPartition, int],
    ) -> dict[tuple[Topic, int], int]:
        if self.failure is not None:
            raise self.failure
        sent = [(topic, value) for (topic, _), batch in messages.items() for _, value in batch]
        written = [topic.name for topic, _ in sent if topic is not LOOKUPS]
        self.lookups += [decode(value) for topic, value in sent if topic is LOOKUPS]
        at = {source.topic.removeprefix("referral."): to for source, to in positions.items()}
        self.commits.append((sorted(written), {name: to.offset for name, to in at.items()}))
        self.marks.append({name: to.last for name, to in at.items()})
        offsets = {at.topic.removeprefix("referral."): to for at, to in group_offsets.items()}
        self.of_group.append(offsets)
        self.committed.set()
        return {}

    async def stop(self) -> None:
        pass


class WatchedEvent(asyncio.Event):
    """An event that tells whether it is waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.is_waited_for = asyncio.Event()

    def set(self) -> None:
        self.is_waited_for.clear()
        super().set()

    async def wait(self) -> Literal[True]:
        if not self.is_set():
            self.is_waited_for.set()
        return await super().wait()


@dataclass
class Clock:
    """The runner's clock, which moves on demand only."""

    now: float = 1_000.0

    def perf_counter(self) -> float:
        return self.now


CLOCK = Clock()


def some_time_passes() -> None:
    """More than a runner here lingers or is idle."""
    CLOCK.now += 1.0


class Bench:
    """A runner of the touch stage and the one after it, with what they did."""

    def __init__(
        self,
        failure: Exception | None = None,
        readers: Sequence[Any] = (),
        linger_ms: float = 0,
        committed: Mapping[str, int] | None = None,
    ) -> None:
        self.writer = RememberingWriter(failure)
        self.failures: list[BaseException] = []
        self.tables = ReferenceTables()
        state = PartitionState(TOPOLOGY)
        self.store = state.stores["touch"]
        begin = {EVENTS: 0, INPUTS: 0} | {
            TopicPartition(f"referral.{name}", 0): at for name, at in (committed or {}).items()
        }
        settings = WorkerSettings(
            bootstrap_servers="nowhere:0",
            gather_ms=0,
            linger_ms=linger_ms,
            idle_commit_seconds=0.05,
        )
        self.runner = PartitionRunner(
            [
                StageRunner(
                    StageOfPartition(stage, 0, 1),
                    InputBuffer(source, Position(begin[source])),
                    state.stores[stage.name],
                    LiveReference(self.tables, readers),
                    None,
                    WorkerMetrics().stage(stage.name),
                    recorder_for(stage.name, self.tables),
                )
                for stage, source in ((TOPOLOGY[0], EVENTS), (TOPOLOGY[1], INPUTS))
            ],
            settings,
            low_latency_topics=low_latency_topics(TOPOLOGY),
            state=state,
            writer=self.writer,  # type: ignore[arg-type]
            committing=lambda seconds: None,
            on_failure=self.failures.append,
        )
        self._input = self.runner._has_input = WatchedEvent()

    async def hand_over(self, chunk: Chunk) -> None:
        """Hand events over, and return when the runner waits for more, or has ended."""
        await self.runner.hand_over(EVENTS, chunk)
        await self.at_rest()

    async def at_rest(self) -> None:
        assert self.runner._task is not None
        waits = asyncio.create_task(self._input.is_waited_for.wait())
        async with asyncio.timeout(60):
            await asyncio.wait([waits, self.runner._task], return_when=asyncio.FIRST_COMPLETED)
        waits.cancel()

    async def run(self, *chunks: Chunk, commits: int = 0) -> None:
        """Hand events over one after another; commits are waited for before the end."""
        self.runner.start()
        for chunk in chunks:
            await self.hand_over(chunk)
        if commits:
            some_time_passes()
            await self.has_committed(commits)
        await self.runner.stop()

    async def has_committed(self, times: int) -> None:
        await until(lambda: len(self.writer.commits) >= times)


def clicks(begin: int, end: int, *visitors: str, campaign_id: str | None = None) -> Chunk:
    found = [
        Click(
            event_id=f"e{begin + n}",
            event_time=T0 + begin + n,
            received_at=T0,
            visitor_id=visitor,
            code="AMY",
            campaign_id=campaign_id,
        )
        for n, visitor in enumerate(visitors)
    ]
    return _chunk(begin, end, b"key", found)


def purchases(begin: int, end: int) -> Chunk:
    """Each is passed on whenever it is decided, so that deciding twice shows."""
    found = [
        Purchase(
            event_id=f"e{n}",
            event_time=T0,
            received_at=T0,
            user_id="u",
            order_id=f"o{n}",
            amount_micros=1,
            currency="EUR",
        )
        for n in range(begin, end)
    ]
    return _chunk(begin, end, b"u", found)


def converted(begin: int, *users: str) -> Chunk:
    """Signups as the touch stage passes them on."""
    found = [
        Converted(
            event_id=f"c{begin + n}",
            event_time=T0,
            received_at=T0,
            user_id=user,
            kind="signup",
            conversion_event_id=f"e{begin + n}",
            cause_topic="events",
            cause_partition=0,
            cause_offset=begin + n,
            cause_event_id=f"e{begin + n}",
            rules="1",
        )
        for n, user in enumerate(users)
    ]
    return _chunk(begin, begin + len(found), b"u", found)


def _chunk(begin: int, end: int, key: bytes, records: Sequence[Record]) -> Chunk:
    """The records from begin on, in a chunk that ends at end."""
    count = len(records)
    values: list[bytes | None] = [encode(record) for record in records]
    offsets = list(range(begin, begin + count))
    return Chunk(begin, end, offsets, [T0] * count, [key] * count, values)
