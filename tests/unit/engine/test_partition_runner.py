"""The stages of one partition: what they commit, skip and refuse."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import pytest
from aiokafka import TopicPartition
from support.metrics import until

from reftrail.contracts.codec import decode, encode
from reftrail.contracts.conversions import Converted
from reftrail.contracts.events import Click, Purchase
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import LOOKUPS
from reftrail.engine.batch import StageOfPartition
from reftrail.engine.chunks import Chunk
from reftrail.engine.input_buffer import InputBuffer, LostRecordsError
from reftrail.engine.live_reference import LiveReference
from reftrail.engine.lookups import recorder_for
from reftrail.engine.metrics import WorkerMetrics
from reftrail.engine.partition_runner import PartitionRunner, StageRunner
from reftrail.engine.partition_state import PartitionState
from reftrail.engine.reference import ReferenceTables
from reftrail.engine.settings import WorkerSettings
from reftrail.engine.topology import TOPOLOGY, low_latency_topics
from reftrail.hosting.kafka.log_bounds import Position, RecordMark
from reftrail.testing import campaign

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


@pytest.fixture(autouse=True)
def _by_this_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reftrail.engine.partition_runner.time", CLOCK)


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


def _clicks(begin: int, end: int, *visitors: str, campaign_id: str | None = None) -> Chunk:
    values: list[bytes | None] = [
        encode(
            Click(
                event_id=f"e{begin + n}",
                event_time=T0 + begin + n,
                received_at=T0,
                visitor_id=visitor,
                code="AMY",
                campaign_id=campaign_id,
            )
        )
        for n, visitor in enumerate(visitors)
    ]
    offsets = list(range(begin, begin + len(visitors)))
    return Chunk(begin, end, offsets, [T0] * len(values), [b"key"] * len(values), values)


def _purchases(begin: int, end: int) -> Chunk:
    """Each is passed on whenever it is decided, so that deciding twice shows."""
    values: list[bytes | None] = [
        encode(
            Purchase(
                event_id=f"e{n}",
                event_time=T0,
                received_at=T0,
                user_id="u",
                order_id=f"o{n}",
                amount_micros=1,
                currency="EUR",
            )
        )
        for n in range(begin, end)
    ]
    count = len(values)
    return Chunk(begin, end, list(range(begin, end)), [T0] * count, [b"u"] * count, values)


def _converted(begin: int, *users: str) -> Chunk:
    """Signups as the touch stage passes them on."""
    values: list[bytes | None] = [
        encode(
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
        )
        for n, user in enumerate(users)
    ]
    count = len(values)
    offsets = list(range(begin, begin + count))
    return Chunk(begin, begin + count, offsets, [T0] * count, [b"u"] * count, values)


async def test_outputs_state_and_position_are_committed_together() -> None:
    bench = Bench()
    await bench.run(_clicks(0, 2, "v1", "v2"))
    assert bench.writer.commits == [
        (["touch-changelog"] * 2 + ["touches"] * 2, {"events": 2, "attribution-inputs": 0})
    ]
    assert bench.store.packed.keys() == {"v1", "v2"}


async def test_what_waits_for_several_stages_is_committed_in_one_transaction() -> None:
    bench = Bench(committed={"attribution-inputs": 4, "events": 7})
    await bench.runner.hand_over(INPUTS, _converted(4, "u1", "u2"))
    await bench.runner.hand_over(EVENTS, _clicks(7, 8, "v1"))
    bench.runner.start()
    await bench.at_rest()
    await bench.runner.stop()
    ((written, positions),) = bench.writer.commits
    assert positions == {"events": 8, "attribution-inputs": 6}
    assert {"touches", "attribution-changelog"} <= set(written)


async def test_what_nobody_waits_for_lingers_and_is_committed_together() -> None:
    bench = Bench(linger_ms=200)
    bench.runner.start()
    for n in range(3):
        await bench.hand_over(_clicks(n, n + 1, f"v{n}"))
    assert bench.writer.commits == []
    some_time_passes()
    await bench.has_committed(1)
    written = ["touch-changelog"] * 3 + ["touches"] * 3
    assert bench.writer.commits == [(written, {"events": 3, "attribution-inputs": 0})]
    await bench.runner.stop()
    assert len(bench.writer.commits) == 1


async def test_what_a_stage_waits_for_goes_at_once_and_takes_along_what_lingers() -> None:
    bench = Bench(linger_ms=60_000)
    bench.runner.start()
    await bench.hand_over(_clicks(0, 1, "v"))
    await bench.hand_over(_purchases(1, 2))
    written = ["attribution-inputs", "conversions", "touch-changelog", "touches"]
    assert bench.writer.commits == [(written, {"events": 2, "attribution-inputs": 0})]
    await bench.runner.stop()


async def test_what_lingers_is_decided_upon_and_not_decided_again() -> None:
    bench = Bench(linger_ms=60_000)
    await bench.run(_clicks(0, 1, "v"), _clicks(1, 2, "v"))
    assert bench.writer.commits == [
        (["touch-changelog", "touches"], {"events": 2, "attribution-inputs": 0})
    ]


async def test_lingering_ends_when_there_is_a_batch_of_it() -> None:
    bench = Bench(linger_ms=60_000)
    bench.runner.start()
    most = WorkerSettings(bootstrap_servers="nowhere:0").max_batch
    await bench.runner.hand_over(EVENTS, _clicks(0, most, *(f"v{n}" for n in range(most))))
    await asyncio.wait_for(bench.writer.committed.wait(), 60)
    await bench.runner.stop()


async def test_only_positions_that_moved_are_committed() -> None:
    bench = Bench(committed={"attribution-inputs": 5})
    await bench.run(_clicks(0, 1, "v1"), _clicks(1, 2, "v2"))
    assert [positions for _, positions in bench.writer.commits] == [
        {"events": 1, "attribution-inputs": 5},
        {"events": 2},
        {},  # for the group
    ]


async def test_the_group_gets_its_offsets_at_once_then_now_and_then_and_at_the_end() -> None:
    bench = Bench()
    await bench.run(*(_clicks(n, n + 1, f"v{n}") for n in range(3)), commits=4)
    assert [written != [] for written, _ in bench.writer.commits] == [True, True, True, False]
    assert bench.writer.of_group == [
        {"events": 1, "attribution-inputs": 0},
        {},
        {},
        {"events": 3},
    ]


async def test_a_batch_without_effect_waits_with_its_position_until_idle() -> None:
    bench = Bench()
    await bench.run(_clicks(0, 1, "v1"), _clicks(1, 3, "v1", "v1"), commits=2)
    assert [positions["events"] for _, positions in bench.writer.commits] == [1, 3]
    assert bench.writer.commits[1][0] == []


async def test_positions_without_messages_are_committed_too() -> None:
    bench = Bench()
    await bench.run(Chunk(0, 4, [], [], [], []), commits=1)
    assert bench.writer.commits == [([], {"events": 4, "attribution-inputs": 0})]


async def test_the_mark_of_the_last_record_goes_with_the_position() -> None:
    bench = Bench()
    chunk = _clicks(0, 2, "v1", "v2")
    await bench.run(chunk, Chunk(2, 4, [], [], [], []), commits=2)
    last = RecordMark.of(1, chunk.timestamps[1], chunk.keys[1], chunk.values[1])
    assert bench.writer.marks == [{"events": last, "attribution-inputs": None}, {"events": last}]


async def test_where_reading_began_is_put_on_record() -> None:
    bench = Bench(committed={"events": 5})
    await bench.run(commits=1)
    assert bench.writer.commits == [([], {"events": 5, "attribution-inputs": 0})]


async def test_a_log_that_goes_back_ends_the_work_and_commits_nothing() -> None:
    """Its topic was made again, say: what comes now has never been decided."""
    bench = Bench(committed={"events": 5})
    await bench.run(_clicks(3, 6, "v1", "v2", "v3"))
    assert bench.writer.commits == []
    (failure,) = bench.failures
    assert isinstance(failure, LostRecordsError)
    assert "goes on at 3" in str(failure)


async def test_a_gap_in_the_log_ends_the_work_and_commits_nothing() -> None:
    bench = Bench(committed={"events": 5})
    await bench.runner.hand_over(INPUTS, _converted(0, "u1"))
    await bench.run(_clicks(7, 8, "v1"))
    assert bench.writer.commits == []
    (failure,) = bench.failures
    assert isinstance(failure, LostRecordsError)
    assert "goes on at 7" in str(failure)
    assert "is 5" in str(failure)


async def test_a_failed_commit_is_reported_and_nothing_follows_it() -> None:
    bench = Bench(failure=RuntimeError("fenced"))
    await bench.run(_clicks(0, 1, "v1"), _clicks(1, 2, "v2"))
    assert [str(failure) for failure in bench.failures] == ["fenced"]


async def test_stopping_does_not_wait_for_what_is_still_queued() -> None:
    bench = Bench(committed={"events": 0})
    handing = [
        asyncio.create_task(bench.runner.hand_over(EVENTS, _clicks(n, n + 1, "v")))
        for n in range(9)
    ]
    bench.runner.start()
    await asyncio.sleep(0)
    await asyncio.wait_for(bench.runner.stop(), 60)
    await asyncio.wait_for(asyncio.gather(*handing), 60)


async def test_a_campaign_that_turns_out_to_be_there_is_used() -> None:
    class LateFollower:
        async def refresh(self) -> None:
            bench.tables.apply(campaign("late", attribution_window_ms=1_000))

    bench = Bench(readers=[LateFollower()])
    await bench.run(_clicks(0, 1, "v1", campaign_id="late"))
    assert len(bench.writer.commits) == 1
    touch_time, expires_at = _hold(bench.store.packed["v1"])
    assert expires_at - touch_time == 1_000
    facts = [lookup.fact and decode(lookup.fact) for lookup in bench.writer.lookups]
    assert facts == [None, campaign("late", attribution_window_ms=1_000)]


async def test_what_was_looked_up_is_committed_with_the_decisions_once_until_it_changes() -> None:
    bench = Bench()
    bench.tables.apply(campaign("spring"))
    chunks = [_clicks(n, n + 1, f"v{n}", campaign_id="spring") for n in range(3)]
    await bench.run(*chunks[:2])
    assert [lookup.cause_offset for lookup in bench.writer.lookups] == [0, 0]
    later = Bench(committed={"events": 2})
    later.tables.apply(campaign("spring"))
    await later.run(chunks[2])
    assert [(lookup.cause_offset, lookup.fact is None) for lookup in later.writer.lookups] == [
        (2, True),
        (2, False),
    ]


def _hold(packed: bytes) -> tuple[int, int]:
    state = msgspec.msgpack.decode(packed)
    return state[0], state[1]
