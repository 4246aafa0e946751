"""Bytes of many messages, walked side by side: is each exactly one record of its schema.

polars takes any branch of a union that isn't null for the value, and any byte that isn't 0 for a
true flag, so it reads records that the decoder refuses. Records of one schema differ in few ways:
which of their fields are null. So the first message is walked field by field, which gives the bytes
that stand between its values; all others are compared with these at once, and what differs is
walked in the next round. A message that fits has the branches, lengths, flags and symbols that its
schema allows, and ends where the record does. Whether texts are UTF-8 isn't looked at.
"""

from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from reftrail.contracts.codec import FRAME, Undecodable, decode
from reftrail.engine.record_kinds import Part, fields_of, kind_of

_ROUNDS: Final = 12
"""The most kinds of records that are told apart; what is left is decoded one by one."""

_TOGETHER: Final = 8000
"""Messages that are walked at once: so many that they are in the processor's cache."""

WINDOW: Final = 16
"""Bytes that are looked at in one step: to gather them as `V16` takes a fifth of the time that
numbers of eight bytes take which aren't aligned."""

HALF: Final = 8

_LOOKED_AT: Final = 500
"""The first messages of a batch: where these are alike, most often all are."""

Places: TypeAlias = npt.NDArray[np.int64]
Windows: TypeAlias = npt.NDArray[np.void]
_Flags: TypeAlias = npt.NDArray[np.bool_]


class Placed(NamedTuple):
    """Messages of one kind by their rows, and the places of values in them by field.

    Texts are placed without their lengths. high has for each the number of bytes above 127 that
    aren't in texts.
    """

    rows: Places
    places: dict[str, tuple[Places, Places]]
    high: Places


class Layout:
    """The places of messages of one schema in a body that has all, each with gap bytes behind."""

    def __init__(self, values: Sequence[bytes], body: bytes, gap: int, schema_id: int) -> None:
        self._values = values
        self._fields = fields_of(schema_id)
        sizes = np.fromiter(map(len, values), np.int64, len(values))
        self._ends = np.cumsum(sizes + gap) - gap
        self._starts = self._ends - sizes + FRAME.size
        self._body, self._longest = body, int(sizes.max())

    @cached_property
    def kind_of_all(self) -> tuple[Part, ...] | None:
        """The kind of the first messages, if they are of one: then all others may be."""
        parts = self._kind(0)
        if parts is None:
            return None
        rows = np.arange(min(_LOOKED_AT, len(self._values)))
        windows = self._windows(int(self._ends[rows[-1]]))
        return parts if self._fitting(windows, rows, parts, None).all() else None

    def are_records(self) -> bool:
        """Whether each message is exactly one record, but for the encoding of its texts."""
        if self._fields is None:
            return True
        return all(
            isinstance(found, Placed)
            or all(_is_decodable(self._values[row]) for row in found.tolist())
            for found in self._kinds()
        )

    def placed(self, fields: Collection[str]) -> list[Placed] | None:
        """The places of some fields' values, kind by kind; None unless each is surely a record."""
        if self._fields is None:
            return None
        found: list[Placed] = []
        for kind in self._kinds(fields):
            if not isinstance(kind, Placed):
                return None
            found.append(kind)
        return found

    @cached_property
    def windows(self) -> Windows:
        """The bytes of the body, so many at each place."""
        return self._windows(len(self._body))

    @property
    def starts(self) -> Places:
        """The places of the messages, behind their frames."""
        return self._starts

    def _kinds(self, fields: Collection[str] = ()) -> Iterator[Placed | Places]:
        """The messages kind by kind, or by themselves the rows of those that are of none."""
        for begin in range(0, len(self._values), _TOGETHER):
            rows = np.arange(begin, min(begin + _TOGETHER, len(self._values)))
            for _ in range(_ROUNDS):
                parts = self._kind(int(rows[0]))
                if parts is None:
                    break
                seen = _Seen(fields)
                fits = self._fitting(self.windows, rows, parts, seen)
                yield seen.of(rows, fits)
                rows = rows[~fits]
                if not len(rows):
                    break
            if len(rows):
                yield rows

    def _kind(self, row: int) -> tuple[Part, ...] | None:
        return None if self._fields is None else kind_of(self._values[row], self._fields)

    def _windows(self, end: int) -> Windows:
        padded = np.frombuffer(self._body[:end] + bytes(self._longest + WINDOW), np.uint8)
        return np.ndarray(len(padded) - WINDOW, f"V{WINDOW}", padded, strides=(1,))

    def _fitting(
        self, windows: Windows, rows: Places, parts: Sequence[Part], seen: "_Seen | None"
    ) -> _Flags:
        last = len(windows) - self._longest
        return _fitting(windows, (self._starts[rows], self._ends[rows]), parts, last, seen)


class _Seen:
    """The places that were come by in the walk through messages of one kind."""

    def __init__(self, fields: Collection[str]) -> None:
        self._fields = fields
        self._places: dict[str, tuple[Places, Places]] = {}
        self._high: Places | int = 0

    def value(self, part: Part, begin: Places, end: Places) -> None:
        """Note where the value of a field is."""
        if part.field in self._fields:
            self._places[part.field] = begin, end

    def high(self, count: Places | int) -> None:
        """Note how many bytes above 127 were come by outside of texts."""
        self._high = self._high + count

    def of(self, rows: Places, fits: _Flags) -> Placed:
        """The places in those messages that are of the kind."""
        high = np.broadcast_to(self._high, rows.shape)
        places = {name: (b[fits], e[fits]) for name, (b, e) in self._places.items()}
        return Placed(rows[fits], places, high[fits])


def _is_decodable(value: bytes) -> bool:
    try:
        decode(value)
    except Undecodable:
        return False
    return True


def _fitting(
    windows: Windows,
    bounds: tuple[Places, Places],
    parts: Sequence[Part],
    last: int,
    seen: _Seen | None,
) -> _Flags:
    """Which records, from places to ends, are of a kind."""
    at, ends = bounds
    fits = np.ones(len(at), np.bool_)
    for part in parts:
        _compare(windows, at, part.static, fits)
        before = begin = at = at + len(part.static)
        match part.value:
            case "text":
                begin, at = _text(windows, at, fits)
            case "number":
                at = _after_number(windows, at, fits)
            case "flag":
                fits &= windows[at].view(np.uint8)[::WINDOW] < part.most
                at = at + 1
            case "symbol":
                symbol = windows[at].view(np.uint8)[::WINDOW]
                fits &= (symbol < 2 * part.most) & (symbol % 2 == 0)
                at = at + 1
            case _:
                pass
        if seen is not None:
            seen.value(part, begin, at)
            if part.value in ("text", "number"):  # all bytes of a number but its last
                seen.high((begin if part.value == "text" else at) - before - 1)
        if at.max() > last:
            fits &= at <= last
            at = np.minimum(at, last)
    fits &= at == ends
    return fits


def _compare(windows: Windows, at: Places, expected: bytes, fits: _Flags) -> None:
    """Let those fit no longer that have other bytes at their places."""
    for begin in range(0, len(expected), HALF):
        piece = expected[begin : begin + HALF]
        if begin % WINDOW == 0:
            seen = windows[at + begin].view("<u8").reshape(-1, 2)
        word = seen[:, begin % WINDOW // HALF]
        mask = np.uint64((1 << (8 * len(piece))) - 1)
        fits &= (word & mask) == np.uint64(int.from_bytes(piece, "little"))


def are_equal(windows: Windows, at: Places, expected: bytes) -> _Flags:
    """A flag for each place: whether these bytes are there."""
    found = np.ones(len(at), np.bool_)
    _compare(windows, at, expected, found)
    return found


def _text(windows: Windows, at: Places, fits: _Flags) -> tuple[Places, Places]:
    """The places of texts and behind them. The lengths in front have one byte or two."""
    seen = windows[at].view(np.uint8).reshape(-1, WINDOW)
    low = seen[:, 0]
    first = int(low[0])
    begin = at + 1
    if first < 0x80 and first % 2 == 0 and (low == first).all():  # as of ids and hashes
        return begin, begin + first // 2
    fits &= (low & 1) == 0
    is_long = low >= 0x80
    number = low.astype(np.int64)
    if not is_long.any():
        return begin, begin + (number >> 1)
    high = seen[:, 1]
    fits &= ~is_long | (high < 0x80)
    number = np.where(is_long, (number & 0x7F) | (high.astype(np.int64) << 7), number)
    begin = begin + is_long
    return begin, begin + (number >> 1)


_CONTINUES: Final = np.uint64(0x8080808080808080)


def _after_number(windows: Windows, at: Places, fits: _Flags) -> Places:
    """The places behind numbers of at most eight bytes; longer ones don't fit."""
    ends = ~windows[at].view("<u8")[::2] & _CONTINUES
    lowest = int(ends[0]) & -int(ends[0])
    if lowest and ((ends & np.uint64((lowest << 1) - 1)) == np.uint64(lowest)).all():
        return at + lowest.bit_length() // 8  # as of times
    fits &= ends != 0
    bits = np.log2(np.maximum(ends & (~ends + np.uint64(1)), 1).astype(np.float64))
    return at + (bits.astype(np.int64) + 1) // 8
