"""Avro decoding of flat records by functions compiled from their schemas.

The general reader walks the schema anew for each record, and its dict is then checked once more and
made a record. Compiled, a record takes a half to a third of that (`benchmarks/codec.py`). What
isn't written as our writers do is left to fastavro, which says what is wrong with it.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

UNREADABLE: Final = (IndexError, ValueError, KeyError)
"""The errors of a compiled decoder on bytes that it doesn't read."""

_INDENT: Final = "    "
_NUMBER: Final = (
    "b = d[p]",
    "if b < 128:",
    "    {} = b >> 1 ^ -(b & 1)",
    "    p += 1",
    "else:",
    "    {}, p = long(d, p)",
)
_LENGTH: Final = (
    "n = length[d[p]]",
    "if n < 0:",
    "    n, p = longer(d, p)",
    "else:",
    "    p += 1",
    "q = p + n",
)
_LINES: Final[Mapping[str, tuple[str, ...]]] = {
    "string": (*_LENGTH, "{} = d[p:q].decode()", "p = q"),
    "bytes": (*_LENGTH, "{} = d[p:q]", "p = q"),
    "int": _NUMBER,
    "long": _NUMBER,
    "boolean": ("{} = boolean[d[p]]", "p += 1"),
}


def compile_decoder(
    schema: Any, start: int, kind: type[msgspec.Struct] | Mapping[str, type[msgspec.Struct]]
) -> Callable[[bytes], Any]:
    """A function from bytes, the datum beginning at start, to the record in them.

    kind is the type that it makes; or the types by what is in the field named type, which they
    don't have themselves. The function raises one of `UNREADABLE` where the bytes aren't such a
    datum up to their end, or lack a field that the type needs. It refuses some that Avro allows
    and no writer of ours writes, such as arrays with sizes of blocks in bytes. schema is as
    `encoder.compile_encoder` takes it. Raises TypeError for others.
    """
    lines = [f"p = {start}"]
    for number, field in enumerate(schema["fields"]):
        lines += _field_lines(f"v{number}", field["type"])
    lines += ["if p != len(d):", "    raise ValueError(p)", *_making(schema, kind)]
    source = "def decode(d):\n" + "\n".join(_INDENT + line for line in lines)
    scope = {
        "length": _LENGTHS,
        "longer": _length,
        "long": _long,
        "boolean": {0: False, 1: True},
        "texts": _texts,
        "make": kind,
    }
    exec(compile(source, f"<decoder of {schema['name']}>", "exec"), scope)  # noqa: S102  (from our own schema files)
    decode: Callable[[bytes], Any] = scope["decode"]  # type: ignore[assignment]
    return decode


def _making(schema: Any, kind: Any) -> list[str]:
    """Python that makes the record of the values."""
    named = {field["name"]: f"v{number}" for number, field in enumerate(schema["fields"])}
    if not isinstance(kind, Mapping):
        _check(schema, kind)
        return [f"return make({_arguments(named)})"]
    tag = named.pop("type")
    lines = []
    for symbol, struct in kind.items():
        needed = [field.name for field in msgspec.structs.fields(struct) if field.required]
        lacking = " or ".join(f"{named[name]} is None" for name in needed)
        lines += [f"if {tag} == {symbol!r} and ({lacking}):", "    raise ValueError('incomplete')"]
    return [*lines, f"return make[{tag}]({_arguments(named)})"]


def _arguments(named: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={variable}" for name, variable in named.items())


def _check(schema: Any, kind: type[msgspec.Struct]) -> None:
    """Whatever the schema allows must be right for the type: nothing else looks at it."""
    nullable = {field["name"] for field in schema["fields"] if isinstance(field["type"], list)}
    for field in msgspec.inspect.type_info(kind).fields:  # type: ignore[attr-defined]
        takes_none = isinstance(field.type, msgspec.inspect.UnionType) and field.type.includes_none
        if field.name in nullable and not takes_none:
            raise TypeError(f"{kind.__name__}.{field.name} takes no null, the schema does")


def _field_lines(variable: str, kind: Any) -> list[str]:
    if not isinstance(kind, list):
        return _value_lines(variable, kind)
    if len(kind) != 2 or kind[0] != "null":
        raise TypeError(f"a union must be of null and one more type, not {kind}")
    return [
        "b = d[p]",
        "p += 1",
        "if not b:",
        f"    {variable} = None",
        "elif b == 2:",
        *(_INDENT + line for line in _value_lines(variable, kind[1])),
        "else:",
        "    raise ValueError(b)",
    ]


def _value_lines(variable: str, kind: Any) -> list[str]:
    match kind:
        case {"type": "enum", "symbols": symbols}:
            table = {place << 1: symbol for place, symbol in enumerate(symbols)}
            return [f"{variable} = {table!r}[d[p]]", "p += 1"]
        case {"type": "array", "items": "string"}:
            return [f"{variable}, p = texts(d, p)"]
        case {"type": str() as inner} if inner in _LINES:
            return [line.format(variable) for line in _LINES[inner]]
        case str() if kind in _LINES:
            return [line.format(variable) for line in _LINES[kind]]
        case _:
            raise TypeError(f"no decoder for the Avro type {kind}")


_GOING_ON: Final = sum(0x80 << 7 * place for place in range(5))


def _long(data: bytes, at: int) -> tuple[int, int]:
    """A number of several bytes, and where the next value begins."""
    if at + 6 <= len(data):  # a time in milliseconds has six bytes
        a, b, c, d, e, f = data[at : at + 6]
        if f < 0x80 <= a and b > 0x7F and c > 0x7F and d > 0x7F and e > 0x7F:
            rest = a + (b << 7) + (c << 14) + (d << 21) + (e << 28) + (f << 35) - _GOING_ON
            return rest >> 1 ^ -(rest & 1), at + 6
    rest, shift = 0, 0
    while (byte := data[at]) > 0x7F:
        rest |= (byte & 0x7F) << shift
        shift += 7
        at += 1
    rest |= byte << shift
    if rest >> 64:
        raise ValueError("more than 64 bits")
    return rest >> 1 ^ -(rest & 1), at + 1


def _length(data: bytes, at: int) -> tuple[int, int]:
    """A length of several bytes, and where what is that long begins."""
    length, begin = _long(data, at)
    if length < 0:
        raise ValueError("a length below zero")
    return length, begin


_LENGTHS: Final = tuple(-1 if byte & 1 or byte > 0x7F else byte >> 1 for byte in range(0x100))
"""By a first byte the length that it says; -1 where it takes more than one byte, or is none."""


def _texts(data: bytes, at: int) -> tuple[list[str], int]:
    found: list[str] = []
    while True:
        count, at = _length(data, at)
        if not count:
            return found, at
        for _ in range(count):
            length, begin = _length(data, at)
            at = begin + length
            if at > len(data):
                raise ValueError("a text goes on after the end")
            found.append(data[begin:at].decode())
