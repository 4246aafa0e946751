"""Positions in the orders: the marks that go with them, and where they are in Kafka."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka import OffsetAndMetadata

from reftrail.fulfilment.order_positions import OrderPosition, ReadMarks, resumable
from reftrail.hosting.kafka.log_bounds import Position, RecordMark


def mark(offset: int) -> RecordMark:
    return RecordMark(offset, 1_790_000_000_000 + offset, 7)


@pytest.mark.parametrize(
    ("position", "metadata"),
    [
        (OrderPosition(Position(9)), ""),
        (OrderPosition(Position(9), 17), "17"),
        (OrderPosition(Position(9, RecordMark(8, 5, 6)), 17), "17 8:5:6"),
        (OrderPosition(Position(9, RecordMark(8, -1, 0))), " 8:-1:0"),
    ],
)
def test_kafka_keeps_all_of_a_position(position: OrderPosition, metadata: str) -> None:
    assert position.committed() == OffsetAndMetadata(9, metadata, -1)
    assert OrderPosition.of(OffsetAndMetadata(9, metadata, -1)) == position


@given(
    st.lists(st.integers(0, 100), unique=True).map(sorted),
    st.lists(st.integers(0, 101), min_size=1).map(sorted),
)
def test_the_mark_is_that_of_the_last_record_before_the_position(
    read: list[int], positions: list[int]
) -> None:
    """Positions only rise."""
    marks = ReadMarks()
    marks.begin(0, mark(-1))
    for offset in read:
        marks.add(0, mark(offset))
    for position in positions:
        last = max((offset for offset in read if offset < position), default=-1)
        assert marks.before(0, position) == mark(last)


def test_a_rebalance_that_leaves_a_partition_where_it_was_leaves_its_marks() -> None:
    """The group has no position yet, and nothing is read again."""
    marks = ReadMarks()
    for offset in range(3):
        marks.add(0, mark(offset))
    marks.resume(0, Position(0), read=3)
    assert marks.before(0, 3) == mark(2)
    marks.resume(0, Position(2, mark(1)), read=2)
    assert marks.before(0, 2) == mark(1)


def test_what_is_read_again_has_its_mark_once() -> None:
    marks = ReadMarks()
    for offset in (0, 1, 2, 3, 1, 2):
        marks.add(0, mark(offset))
    assert marks.before(0, 2) == mark(1)
    assert marks.before(0, 9) == mark(2)


def test_of_very_many_some_are_dropped_and_the_last_is_kept() -> None:
    marks = ReadMarks(most=100)
    for offset in range(10_000):
        marks.add(0, mark(offset))
        assert len(marks._marks[0].kept) <= 100
    before = marks.before(0, 5_000)
    assert before is not None
    assert 4_800 < before.offset < 5_000
    assert marks.before(0, 10_000) == mark(9_999)
    assert marks.before(1, 5) is None


def test_a_position_is_before_the_first_open_order_and_not_beyond_what_was_read() -> None:
    assert resumable({0: 10, 1: 10, 2: 10}, {1: 4, 2: 500}) == {0: 10, 1: 4, 2: 10}
