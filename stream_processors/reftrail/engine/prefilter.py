"""Dropping, column by column, the messages that can't change anything, before they are decoded."""

from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from typing import Final, Protocol

import msgspec
import polars as pl

from reftrail.contracts.codec import Undecodable, container, schema_of
from reftrail.contracts.events import AnyEvent
from reftrail.contracts.record import DAY, Millis, Record
from reftrail.engine.chunks import Chunk
from reftrail.engine.reference import ReferenceTables
from reftrail.engine.store import StatesByKey
from reftrail.rules.touch.state import LATE

_FEWEST: Final = 64
_TOGETHER: Final = 5_000
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
# What polars makes of bytes that aren't what their schema says; None among the values is a
# TypeError, another schema a ValueError.
_BROKEN: Final = (pl.exceptions.PolarsError, pl.exceptions.PanicException)

Survivors = list[tuple[int, Record]]


class Prefilter(Protocol):
    """A filter in front of a stage's decider, which selects from `together` messages at a time."""

    together: int

    def select(
        self,
        values: Sequence[bytes | None],
        packed: StatesByKey,
        reference: ReferenceTables,
        timestamps: Sequence[Millis] = (),
    ) -> Survivors | None:
        """The messages that may matter, by index and decoded, in order.

        packed is the stage's state by key, timestamps are the broker's, by which states are
        removed. Leaving a message out promises that deciding it on this state, or on any that the
        messages before it lead to, decides nothing. None where the batch can't be read as
        columns: then every message is to be decoded and decided.
        """


def selected_parts(
    prefilter: Prefilter, chunk: Chunk, packed: StatesByKey, reference: ReferenceTables
) -> Iterator[tuple[range, Survivors | None]]:
    """The parts of a chunk by their indices, with what `Prefilter.select` returns for each.

    A part is selected from once those before it are decided: what they decided leaves more out.
    """
    size = len(chunk.values)
    for begin in range(0, size, prefilter.together):
        part = range(begin, min(begin + prefilter.together, size))
        values, times = chunk.values[begin : part.stop], chunk.timestamps[begin : part.stop]
        selected = prefilter.select(values, packed, reference, times)
        if selected is not None:
            selected = [(begin + nth, record) for nth, record in selected]
        yield part, selected


class _Hold(msgspec.Struct, frozen=True, array_like=True):
    """The beginning of a packed `TouchState`: from when to when the visitor's touch holds."""

    touch_time: int = -1
    expires_at: int = -1


_hold_of = msgspec.msgpack.Decoder(_Hold).decode
_events_of = msgspec.json.Decoder(list[AnyEvent]).decode


class TouchPrefilter:
    """Leaves out form starts, what isn't a touch, and touches while an earlier one holds.

    Fewer than fewest messages aren't worth the columns' set-up.
    """

    def __init__(self, fewest: int = _FEWEST, together: int = _TOGETHER) -> None:
        self._fewest = fewest
        self.together = together

    def select(
        self,
        values: Sequence[bytes | None],
        packed: StatesByKey,
        reference: ReferenceTables,
        timestamps: Sequence[Millis] = (),
    ) -> Survivors | None:
        """See `Prefilter`."""
        if len(values) < self._fewest or not _is_event(values[0]):
            return None
        framed: Sequence[bytes] = values  # type: ignore[assignment]
        try:
            events = pl.read_avro(BytesIO(container(framed)), columns=_COLUMNS)
        except (TypeError, ValueError, OSError, *_BROKEN):
            return None
        if events.height != len(values):
            return None
        events = events.with_columns(pl.col("type").cast(pl.String))
        if events.select((pl.col("visitor_id").is_null() & ~_CONVERTS).any()).item():
            return None
        try:
            return _decoded(framed, _may_matter(events, packed, reference, timestamps))
        except msgspec.ValidationError:
            return None


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
) -> list[int]:
    """The rows that convert, or touch a visitor whom no earlier touch holds.

    A touch holds no more once the visitor may have been forgotten in this batch: by the time that
    its records tell (see `TimerSpec.time_of` of the stage), or by an event of the visitor that was
    received so late.
    """
    rows = _candidates(events, reference)
    names = ("row", "visitor_id", "event_time", "received_at", "converts")
    columns = (rows[name].to_list() for name in names)
    received_until = events.get_column("received_at").cast(pl.Int64).max()
    assert isinstance(received_until, int)  # the column is of times, and has no nulls
    forgets_until = min(max(timestamps, default=0), received_until) - DAY
    kept: list[int] = []
    forgotten: set[str] = set()
    for row, visitor, time, received, converts in zip(*columns, strict=True):
        state = None if visitor is None else packed.get(visitor)
        if state is not None:
            hold = _hold_of(state)
            if max(received, forgets_until) > hold.expires_at + LATE:
                forgotten.add(visitor)
            elif (
                not converts
                and hold.touch_time < time <= hold.expires_at
                and visitor not in forgotten
            ):
                continue
        kept.append(row)
    return kept


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
        pl.col("event_time").cast(pl.Int64),
        pl.col("received_at").cast(pl.Int64),
        converts=_CONVERTS,
        touches=touches.fill_null(value=False),
    )
    return rows.filter(pl.col("converts") | pl.col("touches"))


def _decoded(values: Sequence[bytes], kept: list[int]) -> Survivors:
    """The kept messages as records. Raises msgspec.ValidationError if one isn't a valid event."""
    if not kept:
        return []
    frame = pl.read_avro(BytesIO(container([values[row] for row in kept])))
    frame = frame.with_columns(
        pl.col("type").cast(pl.String), pl.col("event_time", "received_at").cast(pl.Int64)
    )
    # Half the time that dicts would take; absent fields have null as default.
    given = [column.name for column in frame if column.null_count() < frame.height]
    return list(zip(kept, _events_of(frame.select(given).write_json()), strict=True))


PREFILTERS: Final[Mapping[str, Prefilter]] = {"touch": TouchPrefilter()}
