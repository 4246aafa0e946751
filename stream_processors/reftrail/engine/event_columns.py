"""Columns of a batch of events that say which of them may matter to the touch stage."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from reftrail.contracts.codec import Undecodable, schema_of
from reftrail.engine.message_columns import columns_in, messages_of, symbols_of
from reftrail.engine.placed_columns import PlacedColumns, placed_columns
from reftrail.engine.reference import ReferenceTables

_INTERACTIONS: Final = ("view", "click", "form_started")
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
_Flags: TypeAlias = npt.NDArray[np.bool_]
_Rows: TypeAlias = npt.NDArray[np.intp]
_Times: TypeAlias = npt.NDArray[np.int64]


class _Texts(Protocol):
    """A column of texts. given says which rows have one."""

    given: _Flags

    def at(self, rows: _Rows) -> list[str]:
        """The texts in some rows; an empty one where there is none."""

    def different(self, flags: _Flags) -> Iterable[str]:
        """The different texts in the rows that have a flag."""

    def are_among(self, texts: Sequence[str]) -> _Flags:
        """The rows with one of these texts."""


class _SeriesTexts:
    """The same of a column as polars has it."""

    def __init__(self, texts: pl.Series) -> None:
        self._texts = texts
        self.given: _Flags = (
            texts.is_not_null().to_numpy() if texts.null_count() else np.ones(len(texts), np.bool_)
        )

    def at(self, rows: _Rows) -> list[str]:
        """See `_Texts`."""
        every = len(rows) == len(self._texts)
        found: list[str] = (self._texts if every else self._texts.gather(rows)).to_list()
        return [text or "" for text in found] if self._texts.null_count() else found

    def different(self, flags: _Flags) -> Iterable[str]:
        """See `_Texts`."""
        return self._texts.filter(pl.Series(flags)).unique().drop_nulls()

    def are_among(self, texts: Sequence[str]) -> _Flags:
        """See `_Texts`."""
        return _filled(self._texts.is_in(texts), by=False)


@dataclass(frozen=True, slots=True)
class _Given:
    """The fields of a batch of events that say which may matter, a value for each event."""

    kind: npt.NDArray[np.intp]
    times: _Times
    received: _Times
    is_known: _Flags
    is_bot: _Flags
    visitors: _Texts
    codes: _Texts
    campaigns: _Texts


class EventColumns:
    """The columns of a batch of events that say which of them may matter.

    converts says which of them are neither views, clicks nor form starts; times and received are
    milliseconds since 1970.
    """

    def __init__(self, given: _Given, kinds: Sequence[str]) -> None:
        self._given = given
        kind = given.kind
        self.converts = np.array([kind not in _INTERACTIONS for kind in kinds])[kind]
        self._clicks, self._views = kind == kinds.index("click"), kind == kinds.index("view")
        self.times, self.received = given.times, given.received

    def all_have_visitors(self) -> bool:
        """Whether each of them that doesn't convert has a visitor."""
        return bool((self._given.visitors.given | self.converts).all())

    def visitors(self, rows: _Rows) -> list[str]:
        """The visitors of some rows; an empty text where there is none."""
        return self._given.visitors.at(rows)

    def touches(self, reference: ReferenceTables) -> _Flags:
        """Those that may be touches: see `counts_as_touch` in the rules."""
        given = self._given
        found: _Flags = self._clicks | (self._views & self._may_count(reference))
        return found & given.is_known & ~given.is_bot & given.codes.given

    def _may_count(self, reference: ReferenceTables) -> _Flags | bool:
        """Those of campaigns that may count views.

        Which campaign a code is of that the collector couldn't look up, the rule finds out.
        """
        if not self._views.any():
            return False
        labels = self._given.campaigns
        campaigns = labels.different(self._views)
        counting = [campaign for campaign in campaigns if reference.may_count_views(campaign)]
        found = ~labels.given
        return found | labels.are_among(counting) if counting else found


def _filled(column: pl.Series, *, by: bool) -> _Flags:
    """The flags of a column of booleans; a null is read as by."""
    if column.null_count() == len(column):
        return np.full(len(column), by)
    return (column.fill_null(by) if column.null_count() else column).to_numpy()


def event_columns(values: Sequence[bytes | None]) -> EventColumns | None:
    """The messages as columns; None if they aren't events, or can't be read as columns.

    The first must have been written with some version of Event, and all others with that one.
    Every version has the columns looked at here.
    """
    try:
        schema = schema_of(values[0])
    except Undecodable:
        return None
    if schema.record != "Event" or (messages := messages_of(values)) is None:
        return None
    kinds = symbols_of(schema.schema_id, "type")
    if messages.layout.kind_of_all is None and (placed := placed_columns(messages, _COLUMNS)):
        return EventColumns(_placed(placed), kinds)
    columns = columns_in(messages, _COLUMNS, symbols_as_numbers=True)
    if columns is None or not columns["type"].is_between(0, len(kinds) - 1).all():
        return None
    return EventColumns(_read(columns), kinds)


def _placed(columns: PlacedColumns) -> _Given:
    return _Given(
        kind=columns.symbols("type"),
        times=columns.numbers("event_time"),
        received=columns.numbers("received_at"),
        is_known=columns.flags("code_known", by=True),
        is_bot=columns.flags("is_bot", by=True),
        visitors=columns.texts("visitor_id"),
        codes=columns.texts("code"),
        campaigns=columns.texts("campaign_id"),
    )


def _read(columns: pl.DataFrame) -> _Given:
    return _Given(
        kind=columns["type"].to_numpy(),
        times=columns["event_time"].to_numpy(),
        received=columns["received_at"].to_numpy(),
        is_known=_filled(columns["code_known"], by=True),
        is_bot=_filled(columns["is_bot"], by=True),
        visitors=_SeriesTexts(columns["visitor_id"]),
        codes=_SeriesTexts(columns["code"]),
        campaigns=_SeriesTexts(columns["campaign_id"]),
    )
