"""Bytes of many messages, walked side by side: is each exactly one record of its schema.

polars takes any branch of a union that isn't null for the value, and any byte that isn't 0 for a
true flag, so it reads records that the decoder refuses. Records of one schema differ in few ways:
which of their fields are null. So the first message is walked field by field, which gives the bytes
that stand between its values; all others are compared with these at once, and what differs is
walked in the next round. A message that fits has the branches, lengths, flags and symbols that its
schema allows, and ends where the record does. Whether texts are UTF-8 isn't looked at.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from reftrail.contracts.codec import FRAME, Undecodable, decode
from reftrail.contracts.registry import schemas

_ROUNDS: Final = 12
"""The most kinds of records that are told apart; what is left is decoded one by one."""

_TOGETHER: Final = 8000
"""Messages that are walked at once: so many that they are in the processor's cache."""

_WINDOW: Final = 16
"""Bytes that are looked at in one step: to gather them as `V16` takes a fifth of the time that
numbers of eight bytes take which aren't aligned."""

_HALF: Final = 8

_LOOKED_AT: Final = 500
"""The first messages of a batch: where these are alike, most often all are."""

_Places: TypeAlias = npt.NDArray[np.int64]
_Flags: TypeAlias = npt.NDArray[np.bool_]


class Part(NamedTuple):
    """Bytes that are the same in all records of a kind, and the value of a field behind them.

    value is empty behind the last field. most is the number of an enum's symbols, or of a flag's
    values.
    """

    static: bytes
    field: str = ""
    value: str = ""
    most: int = 0


class _Field(NamedTuple):
    name: str
    value: str
    is_nullable: bool = False
    most: int = 0


class Layout:
    """The places of messages of one schema in a body that has all, each with gap bytes behind."""

    def __init__(self, values: Sequence[bytes], body: bytes, gap: int, schema_id: int) -> None:
        self._values = values
        self._fields = _fields(schema_id)
        sizes = np.fromiter(map(len, values), np.int64, len(values))
        self._ends = np.cumsum(sizes + gap) - gap
        self._starts = self._ends - sizes + FRAME.size
        self._body, self._longest = body, int(sizes.max())

    def kind_of_all(self) -> tuple[Part, ...] | None:
        """The kind of the first messages, if they are of one: then all others may be."""
        parts = self._kind(0)
        if parts is None:
            return None
        rows = np.arange(min(_LOOKED_AT, len(self._values)))
        return (
            parts
            if self._fitting(self._windows(int(self._ends[rows[-1]])), rows, parts).all()
            else None
        )

    def are_records(self) -> bool:
        """Whether each message is exactly one record, but for the encoding of its texts."""
        if self._fields is None:
            return True
        windows = self._windows(len(self._body))
        for begin in range(0, len(self._values), _TOGETHER):
            rows = np.arange(begin, min(begin + _TOGETHER, len(self._values)))
            for _ in range(_ROUNDS):
                parts = self._kind(int(rows[0]))
                if parts is None:
                    return False
                rows = rows[~self._fitting(windows, rows, parts)]
                if not len(rows):
                    break
            if not all(_is_decodable(self._values[row]) for row in rows.tolist()):
                return False
        return True

    def _kind(self, row: int) -> tuple[Part, ...] | None:
        return None if self._fields is None else _kind_of(self._values[row], self._fields)

    def _windows(self, end: int) -> npt.NDArray[np.void]:
        """The bytes of the body up to an end, so many at each place."""
        padded = np.frombuffer(self._body[:end] + bytes(self._longest + _WINDOW), np.uint8)
        return np.ndarray(len(padded) - _WINDOW, f"V{_WINDOW}", padded, strides=(1,))

    def _fitting(
        self, windows: npt.NDArray[np.void], rows: _Places, parts: Sequence[Part]
    ) -> _Flags:
        last = len(windows) - self._longest
        return _fitting(windows, self._starts[rows], self._ends[rows], parts, last)


def _is_decodable(value: bytes) -> bool:
    try:
        decode(value)
    except Undecodable:
        return False
    return True


def _fitting(
    windows: npt.NDArray[np.void],
    at: _Places,
    ends: _Places,
    parts: Sequence[Part],
    last: int,
) -> _Flags:
    """Which records, from places to ends, are of a kind."""
    fits = np.ones(len(at), np.bool_)
    for static, _, value, most in parts:
        for begin in range(0, len(static), _HALF):
            piece = static[begin : begin + _HALF]
            if begin % _WINDOW == 0:
                seen = windows[at + begin].view("<u8").reshape(-1, 2)
            word = seen[:, begin % _WINDOW // _HALF]
            mask = np.uint64((1 << (8 * len(piece))) - 1)
            fits &= (word & mask) == np.uint64(int.from_bytes(piece, "little"))
        at = at + len(static)
        match value:
            case "text":
                at = _after_text(windows, at, fits)
            case "number":
                at = _after_number(windows, at, fits)
            case "flag":
                fits &= windows[at].view(np.uint8)[::_WINDOW] < most
                at = at + 1
            case "symbol":
                symbol = windows[at].view(np.uint8)[::_WINDOW]
                fits &= (symbol < 2 * most) & (symbol % 2 == 0)
                at = at + 1
            case _:
                pass
        if at.max() > last:
            fits &= at <= last
            at = np.minimum(at, last)
    fits &= at == ends
    return fits


def _after_text(windows: npt.NDArray[np.void], at: _Places, fits: _Flags) -> _Places:
    """The places behind texts, whose lengths in front have one byte or two."""
    seen = windows[at].view(np.uint8).reshape(-1, _WINDOW)
    low = seen[:, 0]
    first = int(low[0])
    if first < 0x80 and first % 2 == 0 and (low == first).all():  # as of ids and hashes
        return at + (1 + first // 2)
    fits &= (low & 1) == 0
    is_long = low >= 0x80
    number = low.astype(np.int64)
    if not is_long.any():
        return at + 1 + (number >> 1)
    high = seen[:, 1]
    fits &= ~is_long | (high < 0x80)
    number = np.where(is_long, (number & 0x7F) | (high.astype(np.int64) << 7), number)
    return at + 1 + is_long + (number >> 1)


_CONTINUES: Final = np.uint64(0x8080808080808080)


def _after_number(windows: npt.NDArray[np.void], at: _Places, fits: _Flags) -> _Places:
    """The places behind numbers of at most eight bytes; longer ones don't fit."""
    ends = ~windows[at].view("<u8")[::2] & _CONTINUES
    lowest = int(ends[0]) & -int(ends[0])
    if lowest and ((ends & np.uint64((lowest << 1) - 1)) == np.uint64(lowest)).all():
        return at + lowest.bit_length() // 8  # as of times
    fits &= ends != 0
    bits = np.log2(np.maximum(ends & (~ends + np.uint64(1)), 1).astype(np.float64))
    return at + (bits.astype(np.int64) + 1) // 8


def _kind_of(value: bytes, fields: Sequence[_Field]) -> tuple[Part, ...] | None:
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
def _fields(schema_id: int) -> tuple[_Field, ...] | None:
    """The fields of a schema; None if there are some of other kinds."""
    schema: Any = schemas()[schema_id].parsed
    found = [_field(field["name"], field["type"]) for field in schema["fields"]]
    known = tuple(field for field in found if field is not None)
    return known if len(known) == len(found) else None


def _field(name: str, kind: Any) -> _Field | None:
    match kind:
        case ["null", inner]:
            found = _field(name, inner)
            return None if found is None else found._replace(is_nullable=True)
        case {"type": "enum", "symbols": symbols} if len(symbols) < 64:
            return _Field(name, "symbol", most=len(symbols))
        case {"type": str(inner)}:
            return _field(name, inner)
        case str() if kind in _VALUES:
            return _Field(name, _VALUES[kind], most=2)
        case _:
            return None


_VALUES: Final = {
    "string": "text",
    "bytes": "text",
    "long": "number",
    "int": "number",
    "boolean": "flag",
}
