"""Positions of the group in the orders, and the check that these are still in the log.

Kafka keeps a position's metadata beside it: up to where unreadable messages are in the dead
letters, and the mark of the last record before the position.
"""

import logging
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, NamedTuple, Self

from kafka import OffsetAndMetadata, TopicPartition

from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.installation import Installation
from reftrail.fulfilment.kafka_clients import orders_consumer
from reftrail.hosting.kafka.blocking import BlockingConsumer, close_in_time, marks_at
from reftrail.hosting.kafka.log_bounds import (
    LogBounds,
    Position,
    PositionAdvice,
    RecordMark,
    check_last_record,
    check_position,
)

_log = logging.getLogger(__name__)

_MOST_MARKS: Final = 4_096
_ACCEPT: Final = (
    "set REFTRAIL_FULFILMENT_ACCEPT_LOST_ORDERS=true for one start, to read what is there from the "
    "log's beginning: the journal and the reports know which rewards were given"
)
_LOST: Final = (
    f"what was ordered in them may have been given. Restore the log from a replica or a backup, or "
    f"{_ACCEPT}"
)
_ADVICE: Final = PositionAdvice(
    host="this group",
    done="fulfilled",
    if_removed=f"restore them, or {_ACCEPT}",
    if_truncated=_LOST,
    if_rewritten=_LOST,
)


class OrderPosition(NamedTuple):
    """A position in a partition of orders. dead_lettered is the end of what is in the letters."""

    position: Position
    dead_lettered: int | None = None

    @classmethod
    def of(cls, committed: Any) -> Self:
        """The position in what Kafka keeps: an offset and a text."""
        dead_lettered, _, mark = committed.metadata.partition(" ")
        numbers = [int(number) for number in mark.split(":")] if mark else []
        last = RecordMark(*numbers) if numbers else None
        known = int(dead_lettered) if dead_lettered else None
        return cls(Position(committed.offset, last), known)

    def committed(self) -> OffsetAndMetadata:
        """The position as Kafka keeps it."""
        dead_lettered = "" if self.dead_lettered is None else str(self.dead_lettered)
        mark = ":".join(map(str, self.position.last or ()))
        return OffsetAndMetadata(self.position.offset, f"{dead_lettered} {mark}".rstrip(), -1)


@dataclass
class _Marks:
    """Marks of one partition: of every stride-th record, and of the last one."""

    kept: list[RecordMark] = field(default_factory=list)
    last: RecordMark | None = None
    stride: int = 1
    count: int = 0


@dataclass
class ReadMarks:
    """Marks of the records that were read since the group's position, by partition.

    Where more than most wait behind an open order, only every second one is kept, every fourth and
    so on. The mark of a position is then that of a record some way before it.
    """

    most: int = _MOST_MARKS
    _marks: dict[int, _Marks] = field(default_factory=dict)

    def begin(self, partition: int, last: RecordMark | None) -> None:
        """Go on from a position, of which this is the mark."""
        self._marks[partition] = _Marks()
        if last is not None:
            self.add(partition, last)

    def resume(self, partition: int, position: Position, read: int) -> None:
        """Go on from the group's position, where the partition was read up to read.

        A rebalance that leaves a partition where it was doesn't have it read again.
        """
        known = self._marks.get(partition)
        if known is None or known.last is None or read <= position.offset:
            self.begin(partition, position.last)

    def add(self, partition: int, mark: RecordMark) -> None:
        """Add the mark of the record that was read next; it may be read again."""
        marks = self._marks.setdefault(partition, _Marks())
        if marks.last is not None and mark.offset <= marks.last.offset:
            del marks.kept[bisect_left(marks.kept, (mark.offset,)) :]
        if marks.count % marks.stride == 0:
            marks.kept.append(mark)
        marks.count += 1
        marks.last = mark
        if len(marks.kept) > self.most:
            marks.kept = marks.kept[::2]
            marks.stride *= 2

    def before(self, partition: int, offset: int) -> RecordMark | None:
        """The mark of the last record before an offset. Earlier ones are forgotten."""
        marks = self._marks.get(partition, _Marks())
        if marks.last is not None and marks.last.offset < offset:
            self.begin(partition, marks.last)
            return marks.last
        end = bisect_left(marks.kept, (offset,))
        marks.kept = marks.kept[max(0, end - 1) :]
        return marks.kept[0] if end else None


def lost_orders(
    installation: Installation,
    consumer: BlockingConsumer,
    positions: Mapping[TopicPartition, Position],
    *,
    accepts_loss: bool,
) -> dict[TopicPartition, int]:
    """The beginnings of those partitions whose log isn't the one that was read up to a position.

    Raises `ExpectedError` where there are any, unless that is accepted.
    """
    if not positions:
        return {}
    begins, ends = (
        consumer.beginning_offsets(list(positions)),
        consumer.end_offsets(list(positions)),
    )
    marked = {
        at: position.last.offset
        for at, position in positions.items()
        if position.last is not None and begins[at] <= position.last.offset < ends[at]
    }
    found = _marks_at(installation, marked) if marked else {}
    lost = {}
    for at, position in positions.items():
        try:
            bounds = LogBounds(begins[at], ends[at])
            check_position(at.topic, at.partition, position.offset, bounds, _ADVICE)
            if at in found:
                check_last_record(at.topic, at.partition, position, found[at], _ADVICE)
        except ExpectedError as error:
            if not accepts_loss:
                raise
            _log.error("what this says is accepted: %s", error)
            lost[at] = begins[at]
    return lost


def _marks_at(
    installation: Installation, offsets: Mapping[TopicPartition, int]
) -> dict[TopicPartition, RecordMark | None]:
    """The marks of what is there now, without records that were removed meanwhile."""
    consumer = orders_consumer(installation, None)
    try:
        found = marks_at(consumer, offsets)
        begins = consumer.beginning_offsets(list(offsets))
    finally:
        close_in_time(partial(consumer.close, timeout_ms=1_000))
    return {at: mark for at, mark in found.items() if mark or begins[at] <= offsets[at]}


def resumable(positions: Mapping[int, int], open_from: Mapping[int, int]) -> dict[int, int]:
    """The positions to go on from: before the first open order, and none that wasn't read yet.

    An order that a log had before it was cut may be open beyond what was read.
    """
    return {number: min(read, open_from.get(number, read)) for number, read in positions.items()}
