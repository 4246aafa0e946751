"""Avro encoding of flat records by functions compiled from their schemas.

The general writer walks the schema anew for each record; for the flat records on our topics that
was a quarter of the collector's time for an event, and a tenth of the touch stage's. Compiled, a
record takes a quarter of that (`benchmarks/codec.py`); decoder.py does the same for reading.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

_INDENT: Final = "    "
_MOST_LENGTHS: Final = 1024
_NOT_NULL: Final = b"\2"
_SIZED: Final[Mapping[str, str]] = {"string": "{}.encode()", "bytes": "{}"}
_PRIMITIVES: Final = {
    "int": "long({})",
    "long": "long({})",
    "boolean": "(b'\\1' if {} else b'\\0')",
}


def compile_encoder(
    schema: Any,
    prefix: bytes,
    *,
    from_dict: bool,
    constants: Mapping[str, Any] = MappingProxyType({}),
) -> Callable[[Any], bytes]:
    """A function from a record to prefix and datum, as bytes.

    The record has the fields as attributes or, from_dict, is a dict of them; their types must be
    right, which the record types see to. constants are fields with a value that is always the same
    and isn't looked for in the record. schema is a parsed record schema whose fields are
    string, bytes, int, long, boolean, an enum or an array of strings, or one of these or null.
    Raises TypeError for any other. https://avro.apache.org/docs/1.11.1/specification/
    """
    lines, parts = [], ["prefix"]
    for number, field in enumerate(schema["fields"]):
        name = field["name"]
        value = f"r[{name!r}]" if from_dict else f"r.{name}"
        if name in constants:
            value = repr(constants[name])
        its_lines, its_parts = _field(f"v{number}", value, field["type"])
        lines += its_lines
        parts += its_parts
    body = "\n".join(_INDENT + line for line in lines)
    source = f"def encode(r):\n{body}\n{_INDENT}return join(({', '.join(parts)}))\n"
    scope = {
        "join": b"".join,
        "prefix": prefix,
        "long": encode_long,
        "length": _Lengths(b""),
        "length_after_2": _Lengths(_NOT_NULL),
        "texts": _texts,
    }
    exec(compile(source, f"<encoder of {schema['name']}>", "exec"), scope)  # noqa: S102  (from our own schema files)
    encode: Callable[[Any], bytes] = scope["encode"]  # type: ignore[assignment]
    return encode


def _field(variable: str, value: str, kind: Any) -> tuple[list[str], list[str]]:
    """Python that prepares a field, and the expressions of its parts in the datum."""
    if not isinstance(kind, list):
        if sized := _sized(kind):
            lines = [f"{variable} = {sized.format(value)}"]
            return lines, [f"length[len({variable})]", variable]
        return [], [_expression(value, kind)]
    if len(kind) != 2 or kind[0] != "null":
        raise TypeError(f"a union must be of null and one more type, not {kind}")
    if sized := _sized(kind[1]):
        lines = [
            f"{variable} = {value}",
            f"if {variable} is None:",
            f"{_INDENT}{variable}, {variable}n = b'', b'\\0'",
            "else:",
            f"{_INDENT}{variable} = {sized.format(variable)}",
            f"{_INDENT}{variable}n = length_after_2[len({variable})]",
        ]
        return lines, [f"{variable}n", variable]
    written = f"{_NOT_NULL!r} + {_expression(variable, kind[1])}"
    lines = [f"{variable} = {value}"]
    return lines, [f"b'\\0' if {variable} is None else {written}"]


def _sized(kind: Any) -> str | None:
    """Python for the bytes of a value that its length is written before, if the type is such."""
    return _SIZED.get(kind["type"] if isinstance(kind, dict) else kind)


def _expression(value: str, kind: Any) -> str:
    """Python that encodes a value of a type."""
    match kind:
        case {"type": "enum", "symbols": symbols}:
            table = {symbol: encode_long(place) for place, symbol in enumerate(symbols)}
            return f"{table!r}[{value}]"
        case {"type": "array", "items": "string"}:
            return f"texts({value})"
        case {"type": str() as inner} if inner in _PRIMITIVES:
            return _PRIMITIVES[inner].format(value)
        case str() if kind in _PRIMITIVES:
            return _PRIMITIVES[kind].format(value)
        case _:
            raise TypeError(f"no encoder for the Avro type {kind}")


def encode_long(number: int) -> bytes:
    """An integer of at most 64 bits in Avro's variable length: seven bits a byte, zigzag.

    Raises OverflowError beyond.
    """
    rest = number << 1 if number >= 0 else ~(number << 1)
    if rest < 0x4000:
        return _ENDING[rest]
    if rest < 1 << 28:
        return _GOING_ON[rest & 0x3FFF] + _ENDING[rest >> 14]
    if rest < 1 << 42:  # a time in milliseconds is, up to 2039
        return _GOING_ON[rest & 0x3FFF] + _GOING_ON[rest >> 14 & 0x3FFF] + _ENDING[rest >> 28]
    if rest >> 64:
        raise OverflowError(f"{number} does not fit into 64 bits")
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


# Fourteen bits: as two bytes with more to come, and as the one or two bytes that end a number.
_GOING_ON: Final = tuple(bytes((bits & 0x7F | 0x80, bits >> 7 | 0x80)) for bits in range(0x4000))
_ENDING: Final = tuple(
    bytes((bits,)) if bits < 0x80 else bytes((bits & 0x7F | 0x80, bits >> 7))
    for bits in range(0x4000)
)


class _Lengths(dict[int, bytes]):
    """How a length is written, after prefix; those of long texts are not kept."""

    def __init__(self, prefix: bytes) -> None:
        super().__init__((length, prefix + encode_long(length)) for length in range(_MOST_LENGTHS))
        self._prefix = prefix

    def __missing__(self, length: int) -> bytes:
        return self._prefix + encode_long(length)


def _texts(values: list[str]) -> bytes:
    if not values:
        return b"\0"
    texts = [value.encode() for value in values]
    sized = [encode_long(len(text)) + text for text in texts]
    return encode_long(len(values)) + b"".join(sized) + b"\0"
