"""Times for which a partition paused, computed from samples."""

from itertools import pairwise

import pytest
from kafka import TopicPartition

from crash.schedule import HOSTS, Plan
from crash.takeover import Killed, Sample, Takeover, takeovers
from reftrail.local.hosts import BROKER

PARTITION = TopicPartition("referral.events", 0)
HELD = frozenset({PARTITION})


def samples(*committed: tuple[float, int], end: int = 100) -> list[Sample]:
    return [Sample(at, {PARTITION: offset}, {PARTITION: end}) for at, offset in committed]


def killed(at: float, host: str = "worker-1") -> Killed:
    return Killed(at, host, HELD if host.startswith("worker") else frozenset())


def only(found: list[Takeover]) -> tuple[float | None, bool]:
    (one,) = found
    return one.seconds and round(one.seconds, 3), one.others_died


def test_the_time_goes_from_the_kill_to_the_next_commit() -> None:
    seen = samples((9.9, 5), (10.4, 6), (11.0, 6), (17.5, 6), (17.6, 7), (17.7, 8))
    assert only(takeovers([killed(10.0)], seen)) == (7.6, False)


def test_nobody_commits_any_more() -> None:
    assert only(takeovers([killed(10.0)], samples((10.1, 6), (30.0, 6)))) == (None, False)


def test_there_was_nothing_to_commit() -> None:
    assert takeovers([killed(10.0)], samples((10.1, 6), (30.0, 6), end=7)) == []


def test_the_time_goes_from_when_there_was_something_to_commit() -> None:
    """As behind a stage that stood still itself."""
    idle, busy = samples((10.1, 6), (17.0, 6), end=7), samples((18.0, 6), (19.5, 7), end=9)
    assert only(takeovers([killed(10.0)], [*idle, *busy])) == (1.5, False)


def test_the_other_worker_is_killed_before_it_has_taken_over() -> None:
    seen = samples((10.1, 6), (14.0, 6), (21.0, 7))
    other = Killed(13.0, "worker-2")
    assert only(takeovers([killed(10.0), other], seen)) == (8.0, True)


def test_the_other_worker_was_killed_shortly_before() -> None:
    seen = samples((10.1, 6), (17.0, 7))
    other = Killed(7.0, "worker-2")
    assert only(takeovers([other, killed(10.0)], seen)) == (7.0, True)


@pytest.mark.parametrize("at", [5.0, 12.0])
def test_without_a_broker_nobody_is_timed(at: float) -> None:
    seen = samples((10.1, 6), (17.0, 7))
    assert takeovers([killed(10.0), killed(at, BROKER)], seen) == []


@pytest.mark.parametrize("seed", range(20))
def test_a_seed_gives_one_schedule_which_leaves_time_at_the_end(seed: int) -> None:
    plan = Plan(seed, events=1, seconds=120.0, kills=22, brokers=1)
    kills = plan.schedule()
    assert kills == plan.schedule() != Plan(seed + 1, 1, 120.0, 22, 1).schedule()
    assert {kill.host for kill in kills} == {*HOSTS, BROKER}
    assert [kill.host for kill in kills].count(BROKER) == 1
    assert len(kills) == 22
    times = [kill.at for kill in kills]
    assert all(later - earlier >= 0.99 for earlier, later in pairwise(times))
    assert times[0] >= 2
    assert times[-1] <= 110
