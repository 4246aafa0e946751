"""Kinds of records of one schema: they have values in the same fields, and the rest are nulls."""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final, NamedTuple

from reftrail.contracts.codec import FRAME
from reftrail.contracts.registry import schemas


class Part(NamedTuple):
    """Bytes that are the same in all records of a kind, and the value of a field behind them.

    value is empty behind the last field. most is the number of an enum's symbols, or of a flag's
    values.
    """

    static: bytes
    field: str = ""
    value: str = ""
    most: int = 0


class Field(NamedTuple):
    """A field of a schema, with the kind of its values."""

    name: str
    value: str
    is_nullable: bool = False
    most: int = 0


def kind_of(value: bytes, fields: Sequence[Field]) -> tuple[Part, ...] | None:
    """The parts of a record; None if it isn't one."""
    parts: list[Part] = []
    static, at = bytearray(), FRAME.size
    try:
        for name, kind, is_nullable, most in fields:
            if is_nullable:
                branch = value[at]
                if branch not in {0, 2}:
                    return None
                static.append(branch)
                at += 1
                if not branch:
                    continue
            parts.append(Part(bytes(static), name, kind, most))
            static.clear()
            at = _after(value, at, kind)
    except IndexError:
        return None
    return (*parts, Part(bytes(static)))


def _after(value: bytes, at: int, kind: str) -> int:
    """The place behind a value."""
    if kind in ("flag", "symbol"):
        return at + 1
    number, shift = 0, 0
    while value[at] & 0x80:
        number |= (value[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
    number |= value[at] << shift
    return at + 1 + (number >> 1 if kind == "text" else 0)


@cache
def fields_of(schema_id: int) -> tuple[Field, ...] | None:
    """The fields of a schema; None if there are some of other kinds."""
    schema: Any = schemas()[schema_id].parsed
    found = [_field(field["name"], field["type"]) for field in schema["fields"]]
    known = tuple(field for field in found if field is not None)
    return known if len(known) == len(found) else None


def _field(name: str, kind: Any) -> Field | None:
    match kind:
        case ["null", inner]:
            found = _field(name, inner)
            return None if found is None else found._replace(is_nullable=True)
        case {"type": "enum", "symbols": symbols} if len(symbols) < 64:
            return Field(name, "symbol", most=len(symbols))
        case {"type": str(inner)}:
            return _field(name, inner)
        case str() if kind in _VALUES:
            return Field(name, _VALUES[kind], most=2)
        case _:
            return None


_VALUES: Final = {
    "string": "text",
    "bytes": "text",
    "long": "number",
    "int": "number",
    "boolean": "flag",
}
