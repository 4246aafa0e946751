"""Dropping, column by column, the messages that can't change anything, before they are decoded."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from struct import Struct
from types import MappingProxyType
from typing import Any, Final, Protocol, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from reftrail.contracts.codec import Undecodable, schema_of
from reftrail.contracts.events import AnyEvent
from reftrail.contracts.record import DAY, Millis, Record
from reftrail.engine.message_columns import columns_of
from reftrail.engine.reference import ReferenceTables
from reftrail.engine.store import StatesByKey
from reftrail.rules.touch.state import LATE, NEVER, TouchState

_FEWEST: Final = 64
_TOGETHER: Final = 4_000
_CONVERTS: Final = ~pl.col("type").is_in(("view", "click", "form_started"))
_COLUMNS: Final = [
    "type",
    "event_time",
    "received_at",
    "visitor_id",
    "code",
    "code_known",
    "campaign_id",
    "is_bot",
]
_Times: TypeAlias = npt.NDArray[np.int64]

Survivors: TypeAlias = Iterator[tuple[int, Record]]


class Prefilter(Protocol):
    """A filter in front of a stage's decider."""

    def select(
        self,
        values: Sequence[bytes | None],
        packed: StatesByKey,
        reference: ReferenceTables,
        timestamps: Sequence[Millis] = (),
        changed: Mapping[str, Any] = MappingProxyType({}),
    ) -> Survivors | None:
        """The messages that may matter, by index and decoded, in order.

        packed is the stage's state by key as it is before these messages, changed what the
        decisions on them have made of it while they are asked for. timestamps are the broker's, by
        which states are removed. Leaving a message out promises that deciding it on the state of
        before, or on any that the messages before it lead to, decides nothing. None where the batch
        can't be read as columns: then every message is to be decoded and decided. The iterator
        raises `UnselectableError` where that shows later.
        """


class UnselectableError(Exception):
    """A message that may matter can't be read with others at once."""


class _Hold(msgspec.Struct, frozen=True, array_like=True):
    """The beginning of a packed `TouchState`: from when to when the visitor's touch holds."""

    touch_time: int = -1
    expires_at: int = -1


# A packed `TouchState` with a touch begins with an array's length and two numbers of eight bytes:
# https://github.com/msgpack/msgpack/blob/master/spec.md
_HEAD: Final = np.dtype([("a", ">u4"), ("touch_time", ">i8"), ("b", "u1"), ("expires_at", ">i8")])
_ARRAY: Final = 0xDC << 24 | len(TouchState.__struct_fields__) << 8
_NUMBER: Final = 0xCF
_NO_HEAD: Final = Struct(">IqBq").pack(_ARRAY | _NUMBER, NEVER, _NUMBER, NEVER)
_hold_of = msgspec.msgpack.Decoder(_Hold).decode
_events_of = msgspec.json.Decoder(list[AnyEvent]).decode


class TouchPrefilter:
    """Leaves out form starts, what isn't a touch, and touches while an earlier one holds.

    Fewer than fewest messages aren't worth the columns' set-up. Of those that are left, together at
    a time are decoded.
    """

    def __init__(self, fewest: int = _FEWEST, together: int = _TOGETHER) -> None:
        self._fewest = fewest
        self._together = together

    def select(
        self,
        values: Sequence[bytes | None],
        packed: StatesByKey,
        reference: ReferenceTables,
        timestamps: Sequence[Millis] = (),
        changed: Mapping[str, Any] = MappingProxyType({}),
    ) -> Survivors | None:
        """See `Prefilter`."""
        if len(values) < self._fewest or not _is_event(values[0]):
            return None
        events = columns_of(values, _COLUMNS)
        if events is None:
            return None
        events = events.with_columns(pl.col("type").cast(pl.String))
        if events.select((pl.col("visitor_id").is_null() & ~_CONVERTS).any()).item():
            return None
        kept = _may_matter(events, packed, reference, timestamps)
        return _decoded(values, kept.iter_slices(self._together), changed)


def _is_event(value: bytes | None) -> bool:
    """Whether it was written with some version of Event, with which then all of the batch must be.

    Every version has the columns looked at here.
    """
    try:
        return schema_of(value).record == "Event"
    except Undecodable:
        return False


def _may_matter(
    events: pl.DataFrame,
    packed: StatesByKey,
    reference: ReferenceTables,
    timestamps: Sequence[Millis],
) -> pl.DataFrame:
    """The rows that convert, or touch a visitor whom no earlier touch holds.

    free are those that a touch of this batch doesn't hold either: they convert, or their visitor
    may be forgotten in it.

    A touch holds no more once the visitor may have been forgotten in this batch: by the time that
    its records tell (see `TimerSpec.time_of` of the stage), or by an event of the visitor that was
    received so late.
    """
    rows = _candidates(events, reference)
    visitors = rows["visitor_id"].fill_null("").to_list()
    touch_time, expires_at = _holds(list(map(packed.get, visitors)))
    time, received = rows["event_time"].to_numpy(), rows["received_at"].to_numpy()
    received_until = events["received_at"].max()
    assert isinstance(received_until, int)  # the column is of times, and has no nulls
    forgets_until = min(max(timestamps, default=0), received_until) - DAY
    may_end = (expires_at != NEVER) & (np.maximum(received, forgets_until) > expires_at + LATE)
    free = rows["converts"].to_numpy()
    if ending := {visitors[nth] for nth in np.flatnonzero(may_end)}:
        free = free | [visitor in ending for visitor in visitors]
    is_held = ~free & (touch_time < time) & (time <= expires_at)
    return rows.with_columns(free=pl.Series(free)).filter(pl.Series(~is_held))


def _holds(states: Sequence[bytes | None]) -> tuple[_Times, _Times]:
    """The first two fields of packed `TouchState`s; `NEVER` where there is none."""
    heads = [_NO_HEAD if state is None else state[: _HEAD.itemsize] for state in states]
    whole = b"".join(heads)
    if len(whole) != len(heads) * _HEAD.itemsize:
        whole = b"".join(head.ljust(_HEAD.itemsize) for head in heads)
    found = np.frombuffer(whole, _HEAD)
    touch_time, expires_at = (found[name].astype(np.int64) for name in ("touch_time", "expires_at"))
    is_other = (found["a"] != _ARRAY | _NUMBER) | (found["b"] != _NUMBER)
    for nth in np.flatnonzero(is_other):
        state = states[int(nth)]
        assert state is not None  # else the head would be that of none
        hold = _hold_of(state)
        touch_time[nth], expires_at[nth] = hold.touch_time, hold.expires_at
    return touch_time, expires_at


def _candidates(events: pl.DataFrame, reference: ReferenceTables) -> pl.DataFrame:
    """The events that convert, or that may be touches, with their rows."""
    kind = pl.col("type")
    campaigns = events.filter(kind == "view").get_column("campaign_id").unique().drop_nulls()
    counting = [campaign for campaign in campaigns if reference.may_count_views(campaign)]
    # Which campaign a code is of that the collector couldn't look up, the rule finds out.
    may_count = pl.col("campaign_id").is_in(counting) | pl.col("campaign_id").is_null()
    touches = (
        pl.col("code").is_not_null()
        & ~pl.col("is_bot")
        & pl.col("code_known").fill_null(value=True)
        & ((kind == "click") | ((kind == "view") & may_count))
    )
    rows = events.with_row_index("row").select(
        "row",
        "visitor_id",
        "event_time",
        "received_at",
        converts=_CONVERTS,
        touches=touches.fill_null(value=False),
    )
    return rows.filter(pl.col("converts") | pl.col("touches"))


def _decoded(
    values: Sequence[bytes | None],
    kept: Iterable[pl.DataFrame],
    changed: Mapping[str, TouchState],
) -> Survivors:
    """The kept messages as records, but for those that a touch of this batch holds by now.

    A part of them is decoded once those before it are decided.
    """
    for part in kept:
        columns = (part[name].to_list() for name in ("row", "visitor_id", "event_time", "free"))
        rows = [
            row
            for row, visitor, time, is_free in zip(*columns, strict=True)
            if is_free or not _is_held(changed.get(visitor), time)
        ]
        yield from zip(rows, _records([values[row] for row in rows]), strict=True)


def _is_held(state: TouchState | None, time: Millis) -> bool:
    return state is not None and state.touch_time < time <= state.expires_at


def _records(values: Sequence[bytes | None]) -> list[AnyEvent]:
    """Messages as records. Raises `UnselectableError` if one isn't a valid event."""
    if not values:
        return []
    frame = columns_of(values)
    if frame is None:
        raise UnselectableError
    # Half the time that dicts would take; absent fields have null as default.
    given = [column.name for column in frame if column.null_count() < frame.height]
    try:
        return _events_of(frame[given].write_json())
    except msgspec.ValidationError as error:
        raise UnselectableError from error


PREFILTERS: Final[Mapping[str, Prefilter]] = {"touch": TouchPrefilter()}
