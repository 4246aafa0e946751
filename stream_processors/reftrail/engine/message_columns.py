"""Columns of many messages of one schema, read at once instead of record by record."""

import json
import os
from collections.abc import Sequence
from functools import cache, lru_cache
from io import BytesIO
from typing import Any, Final, NamedTuple, cast

import polars as pl

from reftrail.contracts.codec import FRAME, SYNC, container_header, schema_of
from reftrail.contracts.encoder import encode_long
from reftrail.contracts.registry import schemas
from reftrail.engine.record_kinds import Part
from reftrail.engine.record_layout import Layout

_FRAME: Final = "message_frame"
_END: Final = "message_end"
_SEPARATOR: Final = os.urandom(8)
"""The bytes between two messages. Nobody who writes messages knows them: where each record is
followed by them, each message is one record, and no more."""
# What polars makes of bytes that aren't what their schema says; None among the values is a
# TypeError, another schema a ValueError.
_BROKEN: Final = (
    TypeError,
    ValueError,
    OSError,
    pl.exceptions.PolarsError,
    pl.exceptions.PanicException,
)


class Messages(NamedTuple):
    """Message values of one schema, the body that has all of them, and their layout in it."""

    number: int
    schema_id: int
    body: bytes
    layout: Layout


def messages_of(values: Sequence[bytes | None]) -> Messages | None:
    """Message values in one body; None if some have none. Raises `Undecodable` by the first."""
    schema_id = schema_of(values[0]).schema_id
    try:
        body = _SEPARATOR.join([*values, b""])  # type: ignore[list-item]
    except TypeError:
        return None
    layout = Layout(cast("Sequence[bytes]", values), body, len(_SEPARATOR), schema_id)
    return Messages(len(values), schema_id, body, layout)


def columns_in(
    messages: Messages,
    columns: Sequence[str] | None = None,
    *,
    symbols_as_numbers: bool = False,
    are_records: bool = False,
) -> pl.DataFrame | None:
    """The named columns of messages in the schema's order, or all; a row for each value.

    Times are milliseconds since 1970; an enum's symbols are texts, or their places in `symbols_of`
    the schema. None unless every value is exactly one record, all of them under the schema of the
    first; are_records says that this is known. The values are the records of an Avro object
    container file, each between two fixed fields more: its frame, and the separator (Avro 1.11
    specification, "Object Container Files").
    """
    count, schema_id, body, layout = messages
    if (kind := layout.kind_of_all) is not None:
        rows = _alike(count, body, _reading(schema_id, kind, symbols_as_numbers), columns)
        if rows is not None:
            return rows
    names = None if columns is None else [_FRAME, _END, *columns]
    rows = _read(_header(schema_id, symbols_as_numbers), count, body, names)
    if rows is None or not rows.select(_are_whole(schema_id)).item():
        return None
    if not are_records and not layout.are_records():
        return None
    return rows[[name for name in rows.columns if name not in (_FRAME, _END)]]


def _read(header: bytes, count: int, body: bytes, names: list[str] | None) -> pl.DataFrame | None:
    """The columns of a container file with one block; None if it can't be read."""
    size = encode_long(count) + encode_long(len(body))
    try:
        rows = pl.read_avro(BytesIO(b"".join((header, size, body, SYNC))), columns=names)
    except _BROKEN:
        return None
    return rows if rows.height == count else None


class _Reading(NamedTuple):
    """How to read messages that have values in the same fields: these are no unions then.

    What stands between values is read as fixed bytes, which static says are right. columns are the
    schema's by name, in its order; flags are read as numbers.
    """

    header: bytes
    between: list[str]
    static: pl.Expr
    present: frozenset[str]
    flags: frozenset[str]
    columns: dict[str, pl.Expr]


def _alike(
    count: int, body: bytes, reading: _Reading, columns: Sequence[str] | None
) -> pl.DataFrame | None:
    """The columns of messages that have values in the same fields; None if some haven't."""
    wanted = [*reading.columns] if columns is None else list(columns)
    names = reading.present.intersection(wanted) | reading.flags
    rows = _read(reading.header, count, body, [*names, *reading.between])
    if rows is None or not rows.select(reading.static).item():
        return None
    return rows.select([reading.columns[name] for name in reading.columns if name in wanted])


@lru_cache(maxsize=256)
def _reading(schema_id: int, kind: tuple[Part, ...], symbols_as_numbers: bool) -> _Reading:
    schema = json.loads(schemas()[schema_id].text)
    types = {field["name"]: _as_number(field)["type"] for field in schema["fields"]}
    fields, between, checks = [], [], []
    for number, part in enumerate(kind):
        static = FRAME.pack(0, schema_id) * (not number) + part.static
        static += b"" if part.field else _SEPARATOR
        if static:
            name = f"between {number}"
            between.append(name)
            fixed = {"type": "fixed", "name": f"Between{number}", "size": len(static)}
            fields.append({"name": name, "type": fixed})
            checks.append((pl.col(name) == static).all())
        if part.field:
            kind_of_value = _value_type(types[part.field], part.value, symbols_as_numbers)
            fields.append({"name": part.field, "type": kind_of_value})
        if part.value == "flag":
            checks.append(pl.col(part.field).is_between(-1, 0).all())
    flags = frozenset(part.field for part in kind if part.value == "flag")
    present = frozenset(part.field for part in kind if part.field)
    schema["fields"] = fields
    return _Reading(
        container_header(schema),
        between,
        pl.all_horizontal(checks),
        present,
        flags,
        {name: _column(name, present, flags, types[name]) for name in types},
    )


def _value_type(kind: Any, value: str, symbols_as_numbers: bool) -> Any:
    """The Avro type by which a value is read. The byte of a flag, 0 or 1, is the int 0 or -1."""
    if value == "flag" or (value == "symbol" and symbols_as_numbers):
        return "int"
    return kind[1] if isinstance(kind, list) else kind


def _column(name: str, present: frozenset[str], flags: frozenset[str], kind: Any) -> pl.Expr:
    if name in flags:
        return (pl.col(name) == -1).alias(name)
    return pl.col(name) if name in present else pl.lit(None, _NULLS[kind[1]]).alias(name)


_NULLS: Final = {"string": pl.String, "long": pl.Int64, "boolean": pl.Boolean}


@cache
def _are_whole(schema_id: int) -> pl.Expr:
    frame = FRAME.pack(0, schema_id)
    return (pl.col(_FRAME) == frame).all() & (pl.col(_END) == _SEPARATOR).all()


def bytes_between(schema_id: int) -> bytes:
    """The bytes that are the same of all messages: the frame, and what separates them."""
    return FRAME.pack(0, schema_id) + _SEPARATOR


@cache
def symbols_of(schema_id: int, field: str) -> tuple[str, ...]:
    """The symbols of a field that is an enum, in their order in a schema."""
    fields = json.loads(schemas()[schema_id].text)["fields"]
    return tuple(next(found["type"]["symbols"] for found in fields if found["name"] == field))


@cache
def _header(schema_id: int, symbols_as_numbers: bool) -> bytes:
    schema = json.loads(schemas()[schema_id].text)
    frame = {"name": _FRAME, "type": {"type": "fixed", "name": "Frame", "size": FRAME.size}}
    end = {"name": _END, "type": {"type": "fixed", "name": "End", "size": len(_SEPARATOR)}}
    fields = map(_as_number, schema["fields"])
    if symbols_as_numbers:
        fields = map(_without_symbols, fields)
    schema["fields"] = [frame, *fields, end]
    return container_header(schema)


def _as_number(field: dict[str, Any]) -> dict[str, Any]:
    """A field without the logical type of its number: as a date it would be converted twice."""
    kind = field["type"]
    return (
        field | {"type": kind["type"]}
        if isinstance(kind, dict) and "logicalType" in kind
        else field
    )


def _without_symbols(field: dict[str, Any]) -> dict[str, Any]:
    """An enum as the int that it is written as (Avro 1.11 specification, "Enums")."""
    kind = field["type"]
    is_enum = isinstance(kind, dict) and kind["type"] == "enum"
    return field | {"type": "int"} if is_enum else field
