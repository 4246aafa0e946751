"""Time on a real broker: one source, going forward only, and what it wakes."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from support.kafka import TestInstallation
from support.log import Logged, produce, read_committed, read_until
from support.timers import review
from support.worker import RunningWorker, group_of, worker

from reftrail.contracts.record import DAY, MINUTE, Millis
from reftrail.contracts.topics import DEAD_LETTERS, REVIEWS, REWARDS, TICKS
from reftrail.engine.settings import WorkerSettings
from reftrail.engine.ticker import Ticker

EVERY = 0.2
QUICK: dict[str, Any] = {"REFTRAIL_TICK_SECONDS": str(EVERY)}


def times(installation: TestInstallation) -> list[list[Millis]]:
    """Of each partition, in the order of the log."""
    found: list[list[Millis]] = [[] for _ in range(installation.partitions)]
    for logged in read_committed(installation, TICKS):
        assert logged.partition == logged.record.partition
        assert logged.partition == TICKS.partition(logged.key, installation.partitions)
        found[logged.partition].append(logged.record.event_time)
    return found


def check_times(installation: TestInstallation) -> list[Millis]:
    """They go forward, and are the same everywhere, but that a new one comes to each by itself."""
    every = times(installation)
    common = min(every, key=len)
    assert all(found[: len(common)] == common for found in every)
    assert common == sorted(set(common))
    return common


def rings(installation: TestInstallation, count: int) -> list[Logged]:
    return read_until(installation, REWARDS, lambda found: len(found) >= count)


def holds_the_time(running: RunningWorker, installation: TestInstallation) -> bool:
    held = json.loads(running.get("/readyz")[1])["partitions"]
    return f"{installation.name_of(TICKS)}-0" in held


@pytest.mark.faults
@pytest.mark.partitions(4)
def test_a_key_is_fired_by_the_clock_whoever_is_killed(
    installation: TestInstallation, tmp_path: Path
) -> None:
    timers = "support.timers"
    with (
        worker(installation, tmp_path / "one.log", timers, **QUICK) as one,
        worker(installation, tmp_path / "two.log", timers, **QUICK) as two,
    ):
        one.wait_until_ready()
        two.wait_until_ready()
        deadline = time.monotonic() + 180
        while not (found := [w for w in (one, two) if holds_the_time(w, installation)]):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        now = time.time_ns() // 1_000_000
        users = [f"u{n}" for n in range(20)]
        produce(installation, REVIEWS, [review("set", user, user, now, "1 1") for user in users])
        rung = rings(installation, 3 * len(users))
        assert len(rung) == 3 * len(users)

        found[0].kill()
        killed_at = time.time_ns() // 1_000_000
        produce(installation, REVIEWS, [review("set", user, user, now, "1 0") for user in users])
        rung = rings(installation, 4 * len(users))
    actual = sorted((ring.record.user_id, ring.record.claim_id) for ring in rung)
    assert actual == sorted((user, f"{n} {n if n < 3 else 0}") for user in users for n in range(4))
    assert max(check_times(installation)) > killed_at
    assert len({len(found) for found in times(installation)}) == 1
    assert read_committed(installation, DEAD_LETTERS) == []


def settings_of(installation: TestInstallation, tick_seconds: float) -> WorkerSettings:
    return WorkerSettings(
        bootstrap_servers=installation.bootstrap_servers,
        topic_prefix=installation.topic_prefix,
        group=group_of(installation),
        tick_seconds=tick_seconds,
    )


async def ticked(installation: TestInstallation, count: int) -> list[Millis]:
    """The times, as soon as there are so many."""
    deadline = time.monotonic() + 180
    while len(found := await asyncio.to_thread(check_times, installation)) < count:
        assert time.monotonic() < deadline
    return found


async def test_the_newer_source_fences_the_older_and_time_goes_on_whatever_its_clock_says(
    installation: TestInstallation,
) -> None:
    settings = settings_of(installation, 0.05)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda *_: None)  # the client forgets futures when it is fenced
    failed: asyncio.Future[BaseException] = loop.create_future()
    older = Ticker(settings, installation.partitions, failed.set_result, now=lambda: 5_000)
    newer = Ticker(settings, installation.partitions, _fail, now=lambda: 1_000)
    await older.start()
    before = await ticked(installation, 3)
    await newer.start()
    failure = await asyncio.wait_for(failed, 60)
    await older.stop()
    after = await ticked(installation, len(before) + 5)
    await newer.stop()
    assert type(failure).__name__ == "FencedError"
    assert after == [1, *range(5_000, 4_999 + len(after))]


async def test_the_last_tick_is_found_behind_what_was_aborted(
    installation: TestInstallation,
) -> None:
    settings = settings_of(installation, 60)
    first = Ticker(settings, installation.partitions, _fail, now=lambda: 5_000)
    await first.start()
    await ticked(installation, 2)
    name, producer = installation.name_of(TICKS), first._producer
    for _ in range(40):
        await producer.begin_transaction()
        await producer.send_and_wait(name, b"nonsense", partition=0)
        await producer.abort_transaction()
    await first.stop()
    second = Ticker(settings, installation.partitions, _fail, now=lambda: 1_000)
    await second.start()
    assert await ticked(installation, 4) == [1, 5_000, 5_001, 5_002]
    await second.stop()


def _fail(error: BaseException) -> None:
    raise AssertionError from error


async def test_a_clock_far_ahead_moves_time_no_further_than_the_broker_s(
    installation: TestInstallation,
) -> None:
    """From its start, and when it jumps later: every hold would end, and every grant expire."""
    ahead = {"days": 40}

    def clock() -> Millis:
        return time.time_ns() // 1_000_000 + ahead["days"] * DAY

    settings = settings_of(installation, 0.05)
    ticker = Ticker(settings, installation.partitions, _fail, now=clock)
    await ticker.start()
    await ticked(installation, 4)
    ahead["days"] = 0
    before = await ticked(installation, 10)
    ahead["days"] = 400
    found = await ticked(installation, len(before) + 5)
    await ticker.stop()
    assert found[-1] <= time.time_ns() // 1_000_000 + MINUTE
    assert found[-1] - found[1] < 10 * MINUTE
