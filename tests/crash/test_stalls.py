"""Times for which something waited to be read, computed from samples."""

from kafka import TopicPartition

from crash.stalls import Stall, stalls
from crash.takeover import Killed, Sample
from reftrail.local.hosts import BROKER

PARTITION = TopicPartition("referral.events", 0)


def samples(*committed: tuple[float, int], end: int = 100) -> list[Sample]:
    return [Sample(at, {PARTITION: offset}, {PARTITION: end}) for at, offset in committed]


def only(found: list[Stall]) -> tuple[float, float]:
    (one,) = found
    return round(one.seconds, 3), round(one.undisturbed, 3)


def test_a_position_that_does_not_move_though_there_is_more_is_a_stall() -> None:
    assert only(stalls(samples((1.0, 5), (2.0, 6), (9.0, 6), (9.5, 7), (9.6, 8)), [])) == (7.5, 7.5)


def test_the_time_goes_on_to_the_end_where_nobody_ever_commits() -> None:
    assert only(stalls(samples((1.0, 5), (20.0, 5)), [])) == (19.0, 19.0)


def test_there_is_nothing_to_read_but_a_marker() -> None:
    assert stalls(samples((1.0, 5), (20.0, 5), end=6), []) == []


def test_a_group_that_lost_its_positions_has_read_what_it_had_read() -> None:
    gone = Sample(3.0, {}, {PARTITION: 6})
    found = stalls([*samples((1.0, 6), end=6), gone, *samples((20.0, 6), end=6)], [])
    assert found == []


def test_the_undisturbed_time_begins_as_the_last_worker_comes_or_goes() -> None:
    seen = samples((1.0, 5), (2.0, 6), (14.0, 7), (14.1, 8))
    came = [Killed(3.0, "worker-1"), Killed(8.0, "worker-guest"), Killed(20.0, "worker-2")]
    assert only(stalls(seen, came)) == (12.0, 6.0)
    assert only(stalls(seen, [Killed(8.0, "fulfilment")])) == (12.0, 12.0)


def test_nobody_is_blamed_while_the_broker_is_away_or_comes_back() -> None:
    seen = samples((1.0, 5), (2.0, 6), (40.0, 6), (41.0, 7), (80.0, 7), (81.0, 8))
    found = stalls(seen, [Killed(3.0, BROKER)])
    assert found == []
    assert [round(stall.seconds) for stall in stalls(seen, [])] == [39, 40]
