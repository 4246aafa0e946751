"""Columns of many messages of one schema, read at once instead of record by record."""

import json
import os
from collections.abc import Sequence
from functools import cache
from io import BytesIO
from typing import Any, Final

import polars as pl

from reftrail.contracts.codec import FRAME, SYNC, container_header, schema_of
from reftrail.contracts.encoder import encode_long
from reftrail.contracts.registry import schemas

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


def columns_of(
    values: Sequence[bytes | None],
    columns: Sequence[str] | None = None,
    *,
    symbols_as_numbers: bool = False,
) -> pl.DataFrame | None:
    """The named columns of message values in the schema's order, or all; a row for each value.

    Times are milliseconds since 1970; an enum's symbols are texts, or their places in `symbols_of`
    the schema. None unless every value is exactly one record, all of them under the schema of the
    first. Raises `Undecodable` if that isn't known. The values are the records of an Avro object
    container file, each between two fixed fields more: its frame, and the separator (Avro 1.11
    specification, "Object Container Files").
    """
    schema_id = schema_of(values[0]).schema_id
    names = None if columns is None else [_FRAME, _END, *columns]
    try:
        body = _SEPARATOR.join([*values, b""])  # type: ignore[list-item]
        size = encode_long(len(values)) + encode_long(len(body))
        file = b"".join((_header(schema_id, symbols_as_numbers), size, body, SYNC))
        rows = pl.read_avro(BytesIO(file), columns=names)
    except _BROKEN:
        return None
    if rows.height != len(values) or not rows.select(_are_whole(schema_id)).item():
        return None
    return rows[[name for name in rows.columns if name not in (_FRAME, _END)]]


@cache
def _are_whole(schema_id: int) -> pl.Expr:
    frame = FRAME.pack(0, schema_id)
    return (pl.col(_FRAME) == frame).all() & (pl.col(_END) == _SEPARATOR).all()


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
