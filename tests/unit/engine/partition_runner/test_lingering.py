"""Lingering of a partition's results: what is committed at once, and what waits for company."""

import asyncio

from support.runner_bench import EVENTS, Bench, clicks, purchases, some_time_passes

from reftrail.engine.settings import WorkerSettings


async def test_what_nobody_waits_for_lingers_and_is_committed_together() -> None:
    bench = Bench(linger_ms=200)
    bench.runner.start()
    for n in range(3):
        await bench.hand_over(clicks(n, n + 1, f"v{n}"))
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
    await bench.hand_over(clicks(0, 1, "v"))
    await bench.hand_over(purchases(1, 2))
    written = ["attribution-inputs", "conversions", "touch-changelog", "touches"]
    assert bench.writer.commits == [(written, {"events": 2, "attribution-inputs": 0})]
    await bench.runner.stop()


async def test_what_lingers_is_decided_upon_and_not_decided_again() -> None:
    bench = Bench(linger_ms=60_000)
    await bench.run(clicks(0, 1, "v"), clicks(1, 2, "v"))
    assert bench.writer.commits == [
        (["touch-changelog", "touches"], {"events": 2, "attribution-inputs": 0})
    ]


async def test_lingering_ends_when_there_is_a_batch_of_it() -> None:
    bench = Bench(linger_ms=60_000)
    bench.runner.start()
    most = WorkerSettings(bootstrap_servers="nowhere:0").max_batch
    await bench.runner.hand_over(EVENTS, clicks(0, most, *(f"v{n}" for n in range(most))))
    await asyncio.wait_for(bench.writer.committed.wait(), 60)
    await bench.runner.stop()
