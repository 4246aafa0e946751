"""Times at which loads are due."""

from pathlib import Path

import pytest
from support.clickhouse import part_of

from reftrail.contracts.topics import EVENTS
from reftrail.warehouse.gathering import Gathering
from reftrail.warehouse.pace import Pace
from reftrail.warehouse.settings import WarehouseSettings


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def pace_after_load_of(seconds: float, clock: Clock) -> Pace:
    settings = WarehouseSettings(
        bootstrap_servers="nowhere:1", clickhouse_path=Path("x"), load_rows=3, load_delay_ms=1_000
    )
    pace = Pace(settings, clock)
    pace.begins()
    clock.now += seconds
    pace.ended()
    return pace


def gathered(rows: int, clock: Clock) -> Gathering:
    gathering = Gathering()
    if rows:
        gathering.add({EVENTS: [part_of([b"value"] * rows)]})
        gathering.since = clock.now
    return gathering


def test_nothing_is_never_due(clock: Clock) -> None:
    pace, gathering = pace_after_load_of(0.1, clock), gathered(0, clock)
    clock.now += 60
    assert not pace.is_due(gathering, is_quiet=True)


def test_while_more_comes_in_a_load_waits_for_its_delay(clock: Clock) -> None:
    pace, gathering = pace_after_load_of(0.1, clock), gathered(2, clock)
    clock.now += 0.99
    assert not pace.is_due(gathering, is_quiet=False)
    clock.now += 0.01
    assert pace.is_due(gathering, is_quiet=False)


def test_once_nothing_more_comes_in_it_need_not_wait(clock: Clock) -> None:
    pace, gathering = pace_after_load_of(0.1, clock), gathered(2, clock)
    clock.now += 0.29
    assert not pace.is_due(gathering, is_quiet=True), "the last one took 0.1 s, 0.39 s ago"
    clock.now += 0.02
    assert pace.is_due(gathering, is_quiet=True)
    assert not pace.is_due(gathering, is_quiet=False)


def test_after_a_long_load_it_waits_for_its_delay_at_most(clock: Clock) -> None:
    pace, gathering = pace_after_load_of(20.0, clock), gathered(2, clock)
    assert pace.is_due(gathering, is_quiet=True)


def test_what_is_full_is_due_at_once(clock: Clock) -> None:
    pace = pace_after_load_of(0.1, clock)
    assert pace.is_due(gathered(3, clock), is_quiet=False)


def loads_in(seconds: int, inflow: range, clock: Clock) -> int:
    """Loads of 0.2 s, where messages come in at each of these tenths of a second of each second."""
    pace = pace_after_load_of(0.2, clock)
    waiting, loads = gathered(0, clock), 0
    for tenth in range(seconds * 10):
        clock.now += 0.1
        if (came := tenth % 10 in inflow) and not waiting:
            waiting = gathered(1, clock)
        if pace.is_due(waiting, is_quiet=not came):
            loads += 1
            waiting = gathered(0, clock)
            pace.begins()
            clock.now += 0.2
            pace.ended()
    return loads


def test_a_steady_load_with_pauses_is_loaded_about_once_a_second(clock: Clock) -> None:
    assert loads_in(60, range(0, 10, 3), clock) <= 50


def test_what_comes_now_and_then_is_loaded_at_once(clock: Clock) -> None:
    for _ in range(10):
        clock.now += 3
        pace = pace_after_load_of(0.2, clock)
        clock.now += 3
        assert pace.is_due(gathered(1, clock), is_quiet=True)


def test_after_a_steady_load_what_comes_is_loaded_at_once_again(clock: Clock) -> None:
    pace = pace_after_load_of(0.2, clock)
    for _ in range(20):
        clock.now += 0.8
        pace.begins()
        clock.now += 0.2
        pace.ended()
    clock.now += 0.9
    assert not pace.is_due(gathered(1, clock), is_quiet=True)
    clock.now += 1.2
    assert pace.is_due(gathered(1, clock), is_quiet=True)
