"""Avro encoding of flat records by functions compiled from their schemas.

The general writer walks the schema anew for each record; for the flat records on our topics that
was a quarter of the collector's time for an event, and a tenth of the touch stage's. Compiled, a
record takes a quarter of that (`benchmarks/codec.py`); decoder.py does the same for reading.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

_INDENT: Final = "    "
_MOST_LENGTHS: Final = 1024
_NULLS: Final = 5
"""Fields in a row that are looked at together for whether all are null."""
_FEWEST_NULLS: Final = 3
_MOST_TEXTS: Final = 4096
_LONGEST_TEXT: Final = 64
_NOT_NULL: Final = b"\2"
_REPEATED: Final = frozenset(
    {
        "campaign_id",
        "category",
        "cause_topic",
        "channel",
        "code_evidence",
        "country",
        "currency",
        "device_class",
        "key_kind",
        "kind",
        "rules",
        "source",
        "touch_campaign_id",
        "touch_category",
        "touch_channel",
        "touch_code_evidence",
        "touch_key_kind",
        "touch_type",
        "type",
        "user_agent_family",
        "user_agent_os",
    }
)
"""Texts of few values, which are encoded once each."""
_SIZED: Final[Mapping[str, str]] = {"string": "{}.encode()", "bytes": "{}"}
_LONG: Final = (
    "(going_on[{0}z & 0x3FFF] + going_on[{0}z >> 14 & 0x3FFF] + ending[{0}z >> 28] "
    "if 0x10000000 <= {0}z < 0x40000000000 else "
    "going_on[{0}z & 0x3FFF] + ending[{0}z >> 14] if 0x4000 <= {0}z < 0x10000000 else long({0}))"
)
_INT: Final = "(ending[{0}z] if 0 <= {0}z < 0x4000 else long({0}))"
_NUMBERS: Final[Mapping[str, str]] = {"int": _INT, "long": _LONG}
"""Python that encodes a number as `encode_long` does, most of them without a call for each: an int
below 8,192; a long that is a time of 1970 to 2039, or an offset below 134 million."""
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
    for fields in _together(schema["fields"], constants):
        its_lines, its_parts = _fields(fields, from_dict=from_dict, constants=constants)
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
        "repeated": _RepeatedTexts(b""),
        "repeated_or_null": _RepeatedTexts(_NOT_NULL, {None: b"\0"}),
        "going_on": _GOING_ON,
        "ending": _ENDING,
    }
    exec(compile(source, f"<encoder of {schema['name']}>", "exec"), scope)  # noqa: S102  (from our own schema files)
    encode: Callable[[Any], bytes] = scope["encode"]  # type: ignore[assignment]
    return encode


def _together(
    fields: Iterable[Any], constants: Mapping[str, Any]
) -> Iterator[list[tuple[str, Any]]]:
    """Fields, each with its variable: some in a row that may be null, all others by themselves."""
    found: list[tuple[str, Any]] = []
    for number, field in enumerate(fields):
        may_be_null = isinstance(field["type"], list) and field["name"] not in constants
        if found and (not may_be_null or len(found) == _NULLS):
            yield found
            found = []
        if may_be_null:
            found.append((f"v{number}", field))
        else:
            yield [(f"v{number}", field)]
    if found:
        yield found


def _fields(
    fields: Sequence[tuple[str, Any]], *, from_dict: bool, constants: Mapping[str, Any]
) -> tuple[list[str], list[str]]:
    """As `_field`, for several. Where all of them are null, that is seen at once."""
    lines: list[str] = []
    parts: list[str] = []
    values: list[str] = []
    for variable, field in fields:
        name, kind = field["name"], field["type"]
        value = f"r[{name!r}]" if from_dict else f"r.{name}"
        if name in constants:
            value = repr(constants[name])
        its_lines, its_parts = _repeated(value, name, kind) or _field(variable, value, kind)
        lines += its_lines
        parts += its_parts
        values.append(value)
    if len(fields) < _FEWEST_NULLS:
        return lines, parts
    together = f"{fields[0][0]}s"
    return [
        f"if {' is '.join(values)} is None:",
        f"{_INDENT}{together} = {bytes(len(fields))!r}",
        "else:",
        *(_INDENT + line for line in lines),
        f"{_INDENT}{together} = join(({', '.join(parts)}))",
    ], [together]


def _repeated(value: str, name: str, kind: Any) -> tuple[list[str], list[str]] | None:
    """As `_field`, for a text of few values; None of any other field."""
    if name not in _REPEATED:
        return None
    if kind == "string":
        return [], [f"repeated[{value}]"]
    return ([], [f"repeated_or_null[{value}]"]) if kind == ["null", "string"] else None


def _field(variable: str, value: str, kind: Any) -> tuple[list[str], list[str]]:
    """Python that prepares a field, and the expressions of its parts in the datum."""
    if not isinstance(kind, list):
        if sized := _sized(kind):
            lines = [f"{variable} = {sized.format(value)}"]
            return lines, [f"length[len({variable})]", variable]
        if number := _number(kind):
            lines = [f"{variable} = {value}", f"{variable}z = {variable} << 1"]
            return lines, [number.format(variable)]
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
    lines = [f"{variable} = {value}"]
    if number := _number(kind[1]):
        lines += [f"if {variable} is not None:", f"{_INDENT}{variable}z = {variable} << 1"]
        written = f"{_NOT_NULL!r} + {number.format(variable)}"
    else:
        written = f"{_NOT_NULL!r} + {_expression(variable, kind[1])}"
    return lines, [f"b'\\0' if {variable} is None else {written}"]


def _number(kind: Any) -> str | None:
    """Python that encodes a whole number, if the type is such; a time is one, too."""
    return _NUMBERS.get(kind["type"] if isinstance(kind, dict) else kind)


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
    """The encoding of a length, after prefix; those of long texts are not kept."""

    def __init__(self, prefix: bytes) -> None:
        super().__init__((length, prefix + encode_long(length)) for length in range(_MOST_LENGTHS))
        self._prefix = prefix

    def __missing__(self, length: int) -> bytes:
        return self._prefix + encode_long(length)


class _RepeatedTexts(dict[str | None, bytes]):
    """The encoding of texts, after prefix; of many or long ones not all are kept."""

    def __init__(
        self, prefix: bytes, known: Mapping[str | None, bytes] = MappingProxyType({})
    ) -> None:
        super().__init__(known)
        self._prefix = prefix

    def __missing__(self, text: str) -> bytes:
        encoded = text.encode()
        found = self._prefix + encode_long(len(encoded)) + encoded
        if len(self) < _MOST_TEXTS and len(text) <= _LONGEST_TEXT:
            self[text] = found
        return found


def _texts(values: list[str]) -> bytes:
    if not values:
        return b"\0"
    texts = [value.encode() for value in values]
    sized = [encode_long(len(text)) + text for text in texts]
    return encode_long(len(values)) + b"".join(sized) + b"\0"
