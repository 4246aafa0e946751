"""Commits of one partition: which outputs, states and positions go together."""

from support.runner_bench import EVENTS, INPUTS, Bench, clicks, converted

from reftrail.engine.chunks import Chunk
from reftrail.hosting.kafka.log_bounds import RecordMark
from reftrail.testing import campaign


async def test_outputs_state_and_position_are_committed_together() -> None:
    bench = Bench()
    await bench.run(clicks(0, 2, "v1", "v2"))
    assert bench.writer.commits == [
        (["touch-changelog"] * 2 + ["touches"] * 2, {"events": 2, "attribution-inputs": 0})
    ]
    assert bench.store.packed.keys() == {"v1", "v2"}


async def test_what_waits_for_several_stages_is_committed_in_one_transaction() -> None:
    bench = Bench(committed={"attribution-inputs": 4, "events": 7})
    await bench.runner.hand_over(INPUTS, converted(4, "u1", "u2"))
    await bench.runner.hand_over(EVENTS, clicks(7, 8, "v1"))
    bench.runner.start()
    await bench.at_rest()
    await bench.runner.stop()
    ((written, positions),) = bench.writer.commits
    assert positions == {"events": 8, "attribution-inputs": 6}
    assert {"touches", "attribution-changelog"} <= set(written)


async def test_only_positions_that_moved_are_committed() -> None:
    bench = Bench(committed={"attribution-inputs": 5})
    await bench.run(clicks(0, 1, "v1"), clicks(1, 2, "v2"))
    assert [positions for _, positions in bench.writer.commits] == [
        {"events": 1, "attribution-inputs": 5},
        {"events": 2},
        {},  # for the group
    ]


async def test_the_group_gets_its_offsets_at_once_then_now_and_then_and_at_the_end() -> None:
    bench = Bench()
    await bench.run(*(clicks(n, n + 1, f"v{n}") for n in range(3)), commits=4)
    assert [written != [] for written, _ in bench.writer.commits] == [True, True, True, False]
    assert bench.writer.of_group == [
        {"events": 1, "attribution-inputs": 0},
        {},
        {},
        {"events": 3},
    ]


async def test_a_batch_without_effect_waits_with_its_position_until_idle() -> None:
    bench = Bench()
    await bench.run(clicks(0, 1, "v1"), clicks(1, 3, "v1", "v1"), commits=2)
    assert [positions["events"] for _, positions in bench.writer.commits] == [1, 3]
    assert bench.writer.commits[1][0] == []


async def test_positions_without_messages_are_committed_too() -> None:
    bench = Bench()
    await bench.run(Chunk(0, 4, [], [], [], []), commits=1)
    assert bench.writer.commits == [([], {"events": 4, "attribution-inputs": 0})]


async def test_the_mark_of_the_last_record_goes_with_the_position() -> None:
    bench = Bench()
    chunk = clicks(0, 2, "v1", "v2")
    await bench.run(chunk, Chunk(2, 4, [], [], [], []), commits=2)
    last = RecordMark.of(1, chunk.timestamps[1], chunk.keys[1], chunk.values[1])
    assert bench.writer.marks == [{"events": last, "attribution-inputs": None}, {"events": last}]


async def test_where_reading_began_is_put_on_record() -> None:
    bench = Bench(committed={"events": 5})
    await bench.run(commits=1)
    assert bench.writer.commits == [([], {"events": 5, "attribution-inputs": 0})]


async def test_what_was_looked_up_is_committed_with_the_decisions_once_until_it_changes() -> None:
    bench = Bench()
    bench.tables.apply(campaign("spring"))
    chunks = [clicks(n, n + 1, f"v{n}", campaign_id="spring") for n in range(3)]
    await bench.run(*chunks[:2])
    assert [lookup.cause_offset for lookup in bench.writer.lookups] == [0, 0]
    later = Bench(committed={"events": 2})
    later.tables.apply(campaign("spring"))
    await later.run(chunks[2])
    assert [(lookup.cause_offset, lookup.fact is None) for lookup in later.writer.lookups] == [
        (2, True),
        (2, False),
    ]
