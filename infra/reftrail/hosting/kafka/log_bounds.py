"""Checks that a reader's position lies within its partition's log, and that the log is the same.

A log that lost its end and grew past a position again has other records before that position. So
readers keep a mark of the last record that they read, and compare it before they go on.
"""

import zlib
from dataclasses import dataclass
from typing import NamedTuple, Self

from reftrail.contracts.errors import ExpectedError


@dataclass(frozen=True, slots=True, order=True)
class LogPosition:
    """The position of a message in its topic."""

    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class LogBounds:
    """Positions of a partition's first message and after its last committed one."""

    begin: int
    end: int

    def holds(self, position: int) -> bool:
        """Whether reading can go on at a position without a gap."""
        return self.begin <= position <= self.end

    def nearest(self, position: int) -> int:
        """The position itself, or the end of the log that is nearest to it."""
        return min(max(position, self.begin), self.end)


class RecordMark(NamedTuple):
    """Mark of a record, by which another one at its offset is noticed: timestamp and checksum.

    The timestamp is the broker's, the checksum the CRC-32 of key and value.
    """

    offset: int
    timestamp: int
    checksum: int

    @classmethod
    def of(cls, offset: int, timestamp: int, key: bytes | None, value: bytes | None) -> Self:
        """The mark of a message."""
        return cls(offset, timestamp, zlib.crc32(value or b"", zlib.crc32(key or b"")))


class Position(NamedTuple):
    """Progress in a partition: the offset of the next record, and the mark of the last one.

    last is None where no record is known that was read, as at the beginning.
    """

    offset: int
    last: RecordMark | None = None


@dataclass(frozen=True, slots=True)
class PositionAdvice:
    """Words for error messages: the host, its work, and the remedies for a lost position.

    if_rewritten is the remedy where a log was cut short, and has grown past the position again.
    """

    host: str
    done: str
    if_removed: str
    if_truncated: str
    if_rewritten: str


def check_position(
    topic: str, partition: int, position: int, bounds: LogBounds, advice: PositionAdvice
) -> None:
    """Raise `ExpectedError` if the messages at a position are no longer, or not yet, in the log.

    A position beyond the end means that the log lost messages which were read: the messages that
    come now would be taken for those, and silently left out.
    """
    if position > bounds.end:
        raise ExpectedError(
            f"{advice.host} has {advice.done} {topic}/{partition} up to position {position}, but "
            f"the log ends at {bounds.end}: messages were lost (an unclean election, a power cut, "
            f"a restored disk), or the topic was emptied or made again; {advice.if_truncated}"
        )
    if position < bounds.begin:
        raise ExpectedError(
            f"messages {position} to {bounds.begin - 1} of {topic}/{partition} were removed from "
            f"Kafka before they were {advice.done}; {advice.if_removed}"
        )


def check_last_record(
    topic: str,
    partition: int,
    position: Position,
    found: RecordMark | None,
    advice: PositionAdvice,
) -> None:
    """Raise `ExpectedError` unless found, the record where the last one was, is the last one.

    Without it the records that took the places of lost ones would be taken for them.
    """
    if position.last is None or found == position.last:
        return
    at = position.last.offset
    instead = "no record is there now" if found is None else "another record is there now"
    raise ExpectedError(
        f"{advice.host} has {advice.done} {topic}/{partition} up to position {position.offset}, "
        f"its last record at {at}, but {instead}: the log lost its end and was written "
        f"again past that position (an unclean election, a power cut, a restored disk), or the "
        f"topic was made again; {advice.if_rewritten}"
    )
