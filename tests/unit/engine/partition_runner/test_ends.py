"""The end of a partition's work: a log that went back or has a gap, a failed commit, a stop."""

import asyncio

import msgspec
from support.runner_bench import EVENTS, INPUTS, Bench, clicks, converted

from reftrail.contracts.codec import decode
from reftrail.engine.input_buffer import LostRecordsError
from reftrail.testing import campaign


async def test_a_log_that_goes_back_ends_the_work_and_commits_nothing() -> None:
    """Its topic was made again, say: what comes now has never been decided."""
    bench = Bench(committed={"events": 5})
    await bench.run(clicks(3, 6, "v1", "v2", "v3"))
    assert bench.writer.commits == []
    (failure,) = bench.failures
    assert isinstance(failure, LostRecordsError)
    assert "goes on at 3" in str(failure)


async def test_a_gap_in_the_log_ends_the_work_and_commits_nothing() -> None:
    bench = Bench(committed={"events": 5})
    await bench.runner.hand_over(INPUTS, converted(0, "u1"))
    await bench.run(clicks(7, 8, "v1"))
    assert bench.writer.commits == []
    (failure,) = bench.failures
    assert isinstance(failure, LostRecordsError)
    assert "goes on at 7" in str(failure)
    assert "is 5" in str(failure)


async def test_a_failed_commit_is_reported_and_nothing_follows_it() -> None:
    bench = Bench(failure=RuntimeError("fenced"))
    await bench.run(clicks(0, 1, "v1"), clicks(1, 2, "v2"))
    assert [str(failure) for failure in bench.failures] == ["fenced"]


async def test_stopping_does_not_wait_for_what_is_still_queued() -> None:
    bench = Bench(committed={"events": 0})
    handing = [
        asyncio.create_task(bench.runner.hand_over(EVENTS, clicks(n, n + 1, "v"))) for n in range(9)
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
    await bench.run(clicks(0, 1, "v1", campaign_id="late"))
    assert len(bench.writer.commits) == 1
    touch_time, expires_at = _hold(bench.store.packed["v1"])
    assert expires_at - touch_time == 1_000
    facts = [lookup.fact and decode(lookup.fact) for lookup in bench.writer.lookups]
    assert facts == [None, campaign("late", attribution_window_ms=1_000)]


def _hold(packed: bytes) -> tuple[int, int]:
    state = msgspec.msgpack.decode(packed)
    return state[0], state[1]
