"""Avro blocks of undecoded messages, and the messages that can't be loaded."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from reftrail.contracts.codec import (
    FRAME,
    Undecodable,
    container,
    datum_of,
    schema_of,
    stop_if_newer,
)
from reftrail.contracts.registry import WriterSchema, schemas
from reftrail.contracts.topic import Topic
from reftrail.engine.chunks import Chunk
from reftrail.hosting.kafka.log_bounds import LogPosition


@dataclass(frozen=True, slots=True)
class Part:
    """Messages of one partition, in order."""

    partition: int
    chunk: Chunk


@dataclass(frozen=True, slots=True)
class Block:
    """Messages written with one schema: what one insert takes."""

    schema_id: int
    values: list[bytes]

    @property
    def record(self) -> str:
        """The name of the record."""
        return schemas()[self.schema_id].record

    def container(self) -> bytes:
        """An Avro object container of them."""
        return container(self.values)


@dataclass(frozen=True, slots=True)
class UnloadableMessage:
    """A message that can't be loaded: what is wrong with it. timestamp is the broker's, in ms."""

    place: LogPosition
    timestamp: int
    key: bytes | None
    value: bytes | None
    detail: str


@dataclass(frozen=True, slots=True)
class Sorted:
    """A load's messages: blocks by schema id, what is refused, and how many deletions there were.

    A deletion (a message without value on a compacted topic) removes nothing from the warehouse.
    """

    blocks: list[Block]
    refused: list[UnloadableMessage]
    deletions: int


def sort_out(topic: Topic, parts: Sequence[Part], without: Collection[LogPosition] = ()) -> Sorted:
    """The messages of a load, in order, those in some places left out."""
    values = [value for part in parts for value in part.chunk.values]
    if without:
        gone = frozenset(without)
        values = [value for place, value in _placed(parts) if place not in gone]
    frames = sorted({value[: FRAME.size] for value in values if value is not None})
    expected = {frame: schema.schema_id for frame in frames if (schema := _schema(topic, frame))}
    deletions = values.count(None) if topic.compacted else 0
    blocks = [
        Block(schema_id, _framed(values, frame, is_only=len(frames) == 1))
        for frame, schema_id in expected.items()
    ]
    if sum(len(block.values) for block in blocks) + deletions == len(values):
        return Sorted(blocks, [], deletions)
    refused = [message for message in _refused(topic, parts) if message.place not in without]
    return Sorted(blocks, refused, deletions)


def _framed(values: Sequence[bytes | None], frame: bytes, *, is_only: bool) -> list[bytes]:
    """The values that begin with a frame. If it is the only one, that is a tenth of the time."""
    if is_only:
        return [value for value in values if value is not None]
    return [value for value in values if value and value.startswith(frame)]


def unreadable(parts: Sequence[Part], schema_id: int) -> list[UnloadableMessage]:
    """The messages of one schema that can't be read as a record of it."""
    return [
        refused
        for part in parts
        for index, value in enumerate(part.chunk.values)
        if value is not None
        and _schema_id(value) == schema_id
        and (detail := _problem(value))
        and (refused := _refuse(part, index, detail))
    ]


def _refused(topic: Topic, parts: Sequence[Part]) -> Iterator[UnloadableMessage]:
    for part in parts:
        for index, value in enumerate(part.chunk.values):
            if value is None and topic.compacted:
                continue
            try:
                schema = schema_of(value)
            except Undecodable as error:
                stop_if_newer(error)
                yield _refuse(part, index, str(error))
                continue
            if schema.record not in (names := _record_names(topic)):
                detail = f"expected a {' or a '.join(names)}, found a {schema.record}"
                yield _refuse(part, index, detail)


def _refuse(part: Part, index: int, detail: str) -> UnloadableMessage:
    chunk = part.chunk
    return UnloadableMessage(
        place=LogPosition(part.partition, chunk.offsets[index]),
        timestamp=chunk.timestamps[index],
        key=chunk.keys[index],
        value=chunk.values[index],
        detail=detail,
    )


def _placed(parts: Sequence[Part]) -> Iterator[tuple[LogPosition, bytes | None]]:
    for part in parts:
        for offset, value in zip(part.chunk.offsets, part.chunk.values, strict=True):
            yield LogPosition(part.partition, offset), value


def _schema(topic: Topic, frame: bytes) -> WriterSchema | None:
    """The schema that a frame names, if it is one of this topic's record."""
    try:
        schema = schema_of(frame)
    except Undecodable:
        return None
    return schema if schema.record in _record_names(topic) else None


def _schema_id(value: bytes) -> int | None:
    try:
        return schema_of(value).schema_id
    except Undecodable:
        return None


def _problem(value: bytes) -> str | None:
    """The fault of a message's datum under its writer's schema alone."""
    try:
        datum_of(value, schema_of(value))
    except Undecodable as error:
        return str(error)
    return None


def _record_names(topic: Topic) -> list[str]:
    assert topic.records, f"{topic.name} is not a public topic"
    return [record.__name__ for record in topic.records]
