"""Positions of a partition's stages: kept in their changelogs, beside the state.

State and positions are one fact. Kept apart, as by Kafka's consumer groups, whose offsets expire or
are deleted while the state stays, records would be read again on top of what they led to, and count
twice. A group's offsets are committed too, for tools that show lag.
"""

from collections.abc import Iterable
from typing import Final

from reftrail.contracts.topic import Topic
from reftrail.engine.outcome import Message
from reftrail.engine.stage import Stage
from reftrail.hosting.kafka.log_bounds import Position, RecordMark

_MARK: Final = b"\xffposition:"
"""Begins the key of a position. A state's key is UTF-8, which has no such byte."""


def kept_in(stages: Iterable[Stage]) -> dict[Topic, Topic]:
    """The changelog that has the position of each topic that the stages of a partition read.

    It is the stage's own, or that of the first stage that has one. Nothing where no stage has one.
    """
    stages = tuple(stages)
    first = next((stage.changelog for stage in stages if stage.changelog is not None), None)
    found = {stage.reads: stage.changelog or first for stage in stages}
    return {source: changelog for source, changelog in found.items() if changelog is not None}


def position_message(source: Topic, position: Position) -> Message:
    """The value of a changelog for the position in a topic: the offset, then the mark, if any."""
    numbers = (position.offset, *(position.last or ()))
    return _MARK + source.name.encode(), " ".join(map(str, numbers)).encode()


def is_position(key: bytes | None) -> bool:
    """Whether a changelog's message keeps a position rather than state."""
    return key is not None and key.startswith(_MARK)


def position_of(key: bytes, value: bytes | None) -> tuple[str, Position | None]:
    """The topic, without prefix, and the position that a message keeps; None where it ends one.

    Raises ValueError if the value is no position.
    """
    topic = key.removeprefix(_MARK).decode()
    if value is None:
        return topic, None
    offset, *mark = map(int, value.split())
    return topic, Position(offset, RecordMark(*_three(mark)) if mark else None)


def _three(numbers: list[int]) -> tuple[int, int, int]:
    offset, timestamp, checksum = numbers
    return offset, timestamp, checksum
