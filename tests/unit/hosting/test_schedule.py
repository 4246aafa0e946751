"""Times between requests."""

from hypothesis import given
from hypothesis import strategies as st

from reftrail.hosting.schedule import Schedule

SCHEDULE = Schedule(first=2.0, most=60.0, give_up_after=100.0)


@given(st.integers(1, 10_000))
def test_waits_lie_between_half_the_first_and_the_doubled_ones(attempts: int) -> None:
    window = min(60.0, 2.0 * 2.0 ** min(attempts - 1, 10))
    assert 1_000 <= SCHEDULE.delay(attempts) <= window * 1000


def test_waits_are_not_all_alike() -> None:
    assert len({SCHEDULE.delay(5) for _ in range(50)}) > 25


def test_waits_grow() -> None:
    def mean(attempts: int) -> float:
        return sum(SCHEDULE.delay(attempts) for _ in range(300)) / 300

    assert mean(1) < mean(3) < mean(5)


def test_what_the_other_side_asks_for_is_heeded_within_reason() -> None:
    assert SCHEDULE.delay(1, retry_after=30) == 30_000
    assert SCHEDULE.delay(1, retry_after=86_400) == 60_000
    assert SCHEDULE.delay(1, retry_after=0) >= 1_000


def test_it_gives_up_in_time() -> None:
    assert not SCHEDULE.is_over(taken_at=1_000, now=100_999)
    assert SCHEDULE.is_over(taken_at=1_000, now=101_000)
