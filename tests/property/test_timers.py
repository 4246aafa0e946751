"""Ticks wake the same keys in both hosts, however the log is cut into batches, and on a replay."""

from random import Random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from support.timers import TIMERS, TOPOLOGY, review, ticks

from reftrail.contracts.changelogs import REWARD_CHANGELOG
from reftrail.contracts.codec import decode, encode
from reftrail.contracts.decisions import DeadLettered
from reftrail.contracts.external_inputs import Reviewed, Ticked
from reftrail.contracts.record import Record
from reftrail.contracts.stage_messages import LimitAnswered
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import (
    DEAD_LETTERS,
    REVIEWS,
    REWARD_GRANTED,
    REWARD_INPUTS,
    REWARDS,
    TICKS,
)
from reftrail.engine.batch import StageOfPartition
from reftrail.engine.chunks import Chunk
from reftrail.engine.memory import MemoryHost
from reftrail.engine.reference import ReferenceTables
from reftrail.engine.state import StateStore
from reftrail.engine.timer_queue import TimerQueue

WRITTEN = (REWARDS, REWARD_GRANTED, DEAD_LETTERS)

times = st.integers(0, 30)
reviews = st.builds(
    review,
    st.sampled_from(["set", "set", "set", "stop"]),
    st.sampled_from(["AMY", "BOB"]),
    st.sampled_from(["u1", "u2", "u3"]),
    times,
    st.builds(lambda wait, every: f"{wait} {every}", times, st.integers(0, 3)),
)
actions = st.lists(st.one_of(reviews, times), min_size=5, max_size=40)


def records_of(found: list[Reviewed | int], partitions: int = 1) -> list[Record]:
    """A number is a tick at that time, for all partitions."""
    return [
        record
        for nth, step in enumerate(found)
        for record in (ticks(step, partitions) if isinstance(step, int) else [step])
        for record in [msgspec.structs.replace(record, event_id=f"{nth} {record.event_id}")]
    ]


def chunk_of(records: list[Record], begin: int) -> Chunk:
    end = begin + len(records)
    return Chunk(
        begin,
        end,
        offsets=list(range(begin, end)),
        timestamps=[record.received_at for record in records],
        keys=[REWARD_INPUTS.key_of(record).encode() for record in records],
        values=[encode(record) for record in records],
    )


def rung(host: MemoryHost) -> list[Record]:
    return host.log(REWARDS)


@given(actions, st.integers(1, 7), st.integers(1, 5))
def test_both_hosts_wake_the_same_keys_in_the_same_order(
    found: list[Reviewed | int], size: int, restart_after: int
) -> None:
    records = records_of(found)
    memory = MemoryHost((TIMERS,))
    memory.publish(REWARD_INPUTS, *records)
    memory.run()

    work, store, changelog = StageOfPartition(TIMERS, 0, 1), StateStore(TIMERS), []
    written: dict[Topic, list[Record]] = {topic: [] for topic in WRITTEN}
    for nth, begin in enumerate(range(0, len(records), size), start=1):
        chunk = chunk_of(records[begin : begin + size], begin)
        work.decide(chunk, store, ReferenceTables())  # as when a lookup was in vain: no traces
        outcome = work.decide(chunk, store, ReferenceTables())
        for topic in WRITTEN:
            written[topic] += [decode(value) for _, value in outcome.messages.get((topic, 0), [])]
        changelog += outcome.messages.get((REWARD_CHANGELOG, 0), [])
        store.apply(outcome.changes, outcome.due_times)
        if nth % restart_after == 0:
            store = StateStore(TIMERS)
            for message in changelog:
                store.restore(*message)
    assert written == {topic: memory.log(topic) for topic in WRITTEN}
    assert store.packed == memory.states(TIMERS)


few = st.integers(0, 3)
broken_or_not = st.builds(
    review,
    st.just("set"),
    st.just("AMY"),
    st.sampled_from(["u1", "u2"]),
    few,
    st.builds(lambda wait, every: f"{wait} {every}", few, st.sampled_from([-1, -1, 0, 1])),
)


@settings(max_examples=300)
@given(st.lists(st.one_of(broken_or_not, st.integers(2, 9)), max_size=25), st.integers(1, 7))
def test_both_hosts_wake_a_key_that_was_fired_in_vain_once_its_time_changes(
    found: list[Reviewed | int], size: int
) -> None:
    records = records_of(found)
    memory = MemoryHost((TIMERS,), batch=size)
    memory.publish(REWARD_INPUTS, *records)
    memory.run()
    work, store = StageOfPartition(TIMERS, 0, 1), StateStore(TIMERS)
    written: dict[Topic, list[Record]] = {topic: [] for topic in WRITTEN}
    for begin in range(0, len(records), size):
        outcome = work.decide(
            chunk_of(records[begin : begin + size], begin), store, ReferenceTables()
        )
        for topic in WRITTEN:
            written[topic] += [decode(value) for _, value in outcome.messages.get((topic, 0), [])]
        store.apply(outcome.changes, outcome.due_times, outcome.silenced)
    assert written == {topic: memory.log(topic) for topic in WRITTEN}
    assert store.packed == memory.states(TIMERS)


@given(actions, st.integers(1, 4), st.integers(1, 20), st.integers(0, 2**32))
def test_batches_and_the_interleaving_of_partitions_change_nothing(
    found: list[Reviewed | int], partitions: int, batch: int, seed: int
) -> None:
    records = records_of(found, partitions)
    single = MemoryHost((TIMERS,), partitions=partitions)
    mixed = MemoryHost((TIMERS,), partitions=partitions, batch=batch, shuffle=Random(seed))
    for host in (single, mixed):
        host.publish(REWARD_INPUTS, *records)
        host.run()
    assert mixed.logged(REWARDS) == single.logged(REWARDS)
    assert mixed.states(TIMERS) == single.states(TIMERS)


@given(actions, st.integers(1, 4), st.integers(1, 5), st.integers(0, 2**32))
@settings(max_examples=50)
def test_a_replay_with_ticks_equals_what_was_live(
    found: list[Reviewed | int], partitions: int, batch: int, seed: int
) -> None:
    """The order of a tick and a review is the live host's choice, and stays so in a replay."""
    live = MemoryHost(TOPOLOGY, partitions=partitions, batch=batch, shuffle=Random(seed))
    for record in records_of(found, partitions):
        live.publish(TICKS if isinstance(record, Ticked) else REVIEWS, record)
    live.run()
    replay = MemoryHost((TIMERS,), partitions=partitions)
    replay.publish_logged(REWARD_INPUTS, *live.logged(REWARD_INPUTS))
    replay.run()
    assert replay.logged(REWARDS) == live.logged(REWARDS)
    assert replay.states(TIMERS) == live.states(TIMERS)


def test_a_key_rings_when_a_tick_comes_and_not_before() -> None:
    host = MemoryHost((TIMERS,))
    host.publish(REWARD_INPUTS, review("set", "AMY", "u1", 0, "10 0"), *ticks(9, 1))
    assert rung(host.run()) == []
    host.publish(REWARD_INPUTS, *ticks(10, 1))
    (rang,) = rung(host.run())
    assert isinstance(rang, LimitAnswered)
    assert (rang.event_time, rang.cause_offset, rang.cause_event_id) == (10, 2, "tick 10 0")
    host.publish(REWARD_INPUTS, *ticks(11, 1))
    assert len(rung(host.run())) == 1


def test_what_is_refused_is_put_aside_with_its_bytes_and_changes_nothing() -> None:
    host, refused = MemoryHost((TIMERS,)), review("stop", "AMY", "u1", 7)
    host.publish(REWARD_INPUTS, refused)
    (dead,) = host.run().log(DEAD_LETTERS)
    assert isinstance(dead, DeadLettered)
    assert (dead.stage, dead.reason, dead.detail) == (
        "reward",
        "not_set",
        "there is nothing to stop",
    )
    assert (dead.topic, dead.partition, dead.offset) == ("reward-inputs", 0, 0)
    assert (dead.message_key, dead.payload) == (b"AMY", encode(refused))
    assert dead.event_time == dead.received_at == 7


def test_a_topic_gets_only_those_conclusions_that_are_for_it() -> None:
    host = MemoryHost((TIMERS,))
    host.publish(REWARD_INPUTS, review("set", "AMY", "u1", 0, "1 1"))
    host.publish(REWARD_INPUTS, *(tick for at in (1, 2, 3) for tick in ticks(at, 1)))
    host.run()
    assert host.log(REWARD_GRANTED) == rung(host)[2:]
    assert len(rung(host)) == 3


def test_one_tick_wakes_so_many_and_the_next_one_the_others() -> None:
    host = MemoryHost((TIMERS,))
    host.publish(
        REWARD_INPUTS,
        *(review("set", "AMY", f"u{n}", 0, f"{9 - n} 0") for n in range(5)),
        *ticks(10, 1),
        *ticks(11, 1),
    )
    fired = [record.user_id for record in rung(host.run())]  # type: ignore[attr-defined]
    assert fired == ["u4", "u3", "u2", "u1"]


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.none() | st.integers(0, 9)), max_size=30),
    st.integers(0, 9),
    st.integers(1, 5),
    st.sets(st.sampled_from("abcd")),
)
def test_timers_are_what_was_set_last(
    found: list[tuple[str, int | None]], until: int, most: int, without: set[str]
) -> None:
    timer_queue, last = TimerQueue(), dict(found)
    for key, time in found:
        timer_queue.set(key, time)
    due = sorted(
        (time, key)
        for key, time in last.items()
        if time is not None and time <= until and key not in without
    )
    assert timer_queue.due(until, most, without) == due[:most]
    assert timer_queue.due(until, most, without) == due[:most], "looking changes nothing"


def test_timers_that_are_set_again_and_again_take_no_more_memory() -> None:
    timer_queue = TimerQueue()
    for time in range(50_000):
        timer_queue.set("often", 1_000_000 + time)
        timer_queue.set(f"gone {time}", 5)
        timer_queue.set(f"gone {time}", None)
    assert len(timer_queue._heap) < 200
    assert timer_queue.due(2_000_000, 10) == [(1_049_999, "often")]
