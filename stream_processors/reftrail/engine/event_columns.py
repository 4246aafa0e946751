"""Columns of a batch of events that say which of them may matter to the touch stage."""

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from reftrail.contracts.codec import Undecodable, schema_of
from reftrail.engine.message_columns import columns_of, symbols_of
from reftrail.engine.reference import ReferenceTables

_INTERACTIONS: Final = ("view", "click", "form_started")
_TIMES: Final = ("event_time", "received_at")
_COLUMNS: Final = [
    "type",
    *_TIMES,
    "visitor_id",
    "code",
    "code_known",
    "campaign_id",
    "is_bot",
]
_Flags: TypeAlias = npt.NDArray[np.bool_]


class EventColumns:
    """The columns of a batch of events that say which of them may matter.

    converts says which of them are neither views, clicks nor form starts; times and received are
    milliseconds since 1970.
    """

    def __init__(self, columns: pl.DataFrame, kinds: Sequence[str]) -> None:
        self._columns = columns
        kind = columns["type"].to_numpy()
        self.converts = np.array([kind not in _INTERACTIONS for kind in kinds])[kind]
        self._clicks, self._views = kind == kinds.index("click"), kind == kinds.index("view")
        self.times, self.received = (columns[name].to_numpy() for name in _TIMES)

    def all_have_visitors(self) -> bool:
        """Whether each of them that doesn't convert has a visitor."""
        visitors = self._columns["visitor_id"]
        return not visitors.null_count() or bool(self.converts[visitors.is_null().to_numpy()].all())

    def visitors(self, rows: npt.NDArray[np.intp]) -> list[str]:
        """The visitors of some rows; an empty text where there is none."""
        found = self._columns["visitor_id"]
        visitors: list[str] = (found if len(rows) == len(found) else found.gather(rows)).to_list()
        return [visitor or "" for visitor in visitors] if found.null_count() else visitors

    def touches(self, reference: ReferenceTables) -> _Flags:
        """Those that may be touches: see `counts_as_touch` in the rules."""
        is_known = _filled(self._columns["code_known"], by=True)
        is_from_person = ~_filled(self._columns["is_bot"], by=True)
        found: _Flags = self._clicks | (self._views & self._may_count(reference))
        return found & is_known & is_from_person & _is_given(self._columns["code"])

    def _may_count(self, reference: ReferenceTables) -> _Flags | bool:
        """Those of campaigns that may count views.

        Which campaign a code is of that the collector couldn't look up, the rule finds out.
        """
        if not self._views.any():
            return False
        labels = self._columns["campaign_id"]
        campaigns = labels.filter(pl.Series(self._views)).unique().drop_nulls()
        counting = [campaign for campaign in campaigns if reference.may_count_views(campaign)]
        found = ~_is_given(labels)
        return found | _filled(labels.is_in(counting), by=False) if counting else found


def _is_given(column: pl.Series) -> _Flags:
    if not column.null_count():
        return np.ones(len(column), np.bool_)
    return column.is_not_null().to_numpy()


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
    if schema.record != "Event":
        return None
    columns = columns_of(values, _COLUMNS, symbols_as_numbers=True)
    kinds = symbols_of(schema.schema_id, "type")
    if columns is None or not columns["type"].is_between(0, len(kinds) - 1).all():
        return None
    return EventColumns(columns, kinds)
