"""Positions within their log, and the errors about those that aren't."""

import pytest

from reftrail.contracts.errors import ExpectedError
from reftrail.hosting.kafka.log_bounds import (
    LogBounds,
    Position,
    PositionAdvice,
    RecordMark,
    check_last_record,
    check_position,
)

ADVICE = PositionAdvice("this host", "read", "restore them", "begin anew", "look again")
BOUNDS = LogBounds(10, 20)


@pytest.mark.parametrize("position", [10, 15, 20])
def test_positions_within_the_log(position: int) -> None:
    check_position("events", 3, position, BOUNDS, ADVICE)
    assert BOUNDS.nearest(position) == position


def test_a_position_whose_messages_were_removed() -> None:
    with pytest.raises(ExpectedError, match=r"messages 7 to 9 of events/3 were .*; restore them$"):
        check_position("events", 3, 7, BOUNDS, ADVICE)
    assert BOUNDS.nearest(7) == 10


def test_a_position_beyond_the_end_of_the_log() -> None:
    said = r"this host has read events/3 up to position 21, but the log ends at 20.*; begin anew$"
    with pytest.raises(ExpectedError, match=said):
        check_position("events", 3, 21, BOUNDS, ADVICE)
    assert BOUNDS.nearest(21) == 20


LAST = RecordMark.of(17, 1_000, b"key", b"value")


def test_the_record_is_still_there() -> None:
    again = RecordMark.of(17, 1_000, b"key", b"value")
    check_last_record("events", 3, Position(18, LAST), again, ADVICE)


def test_nothing_is_known_of_the_last_record() -> None:
    check_last_record("events", 3, Position(18), None, ADVICE)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (None, "no record is there"),
        (RecordMark.of(17, 1_001, b"key", b"value"), "another record is there"),
        (RecordMark.of(17, 1_000, b"other", b"value"), "another record is there"),
        (RecordMark.of(17, 1_000, b"key", b"other"), "another record is there"),
    ],
)
def test_the_record_is_another_one(found: RecordMark | None, said: str) -> None:
    with pytest.raises(ExpectedError, match=rf"up to position 18, its last .*{said}.*; look again"):
        check_last_record("events", 3, Position(18, LAST), found, ADVICE)
