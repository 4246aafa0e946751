"""As of when everything is loaded."""

from support.clickhouse import part_of

from reftrail.contracts.topics import EVENTS, REWARDS
from reftrail.warehouse.loader import Work
from reftrail.warehouse.progress import LoadedPositions


def loaded(progress: LoadedPositions, up_to: int) -> None:
    progress.loaded([Work(EVENTS, (part_of([b"x"], up_to - 1),))])


def test_nothing_is_known_before_the_ends_were_reached_once() -> None:
    progress = LoadedPositions()

    progress.observed(10.0, {("events", 0): 5})
    loaded(progress, 4)

    assert progress.as_of is None
    assert progress.as_of_text() is None


def test_an_empty_log_is_loaded_as_of_when_it_was_seen() -> None:
    progress = LoadedPositions()

    progress.observed(10.0, {("events", 0): 0})

    assert progress.as_of_text() == "1970-01-01T00:00:10.000Z"
    assert not progress.is_behind()


def test_it_is_the_time_of_the_latest_observation_that_is_loaded() -> None:
    progress = LoadedPositions()
    progress.observed(10.0, {("events", 0): 5})
    progress.observed(11.0, {("events", 0): 7})
    progress.observed(12.0, {("events", 0): 9})

    loaded(progress, 8)

    assert progress.as_of == 11.0


def test_every_partition_counts() -> None:
    progress = LoadedPositions()
    progress.observed(10.0, {("events", 0): 5, ("rewards", 0): 1})

    loaded(progress, 5)
    assert progress.as_of is None

    progress.loaded([Work(REWARDS, (part_of([b"x"]),))])
    assert progress.as_of == 10.0


def test_lag_is_what_is_missing_by_topic() -> None:
    progress = LoadedPositions()
    progress.observed(10.0, {("events", 0): 5, ("events", 1): 2, ("rewards", 0): 0})

    loaded(progress, 4)

    assert progress.lags() == {"events": 3, "rewards": 0}
    assert progress.is_behind()
