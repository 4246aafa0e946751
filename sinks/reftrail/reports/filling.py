"""Rows of zeros for the hours, days, weeks or months in which nothing was."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from reftrail.reports.limits import MOST_ROWS, too_many_rows
from reftrail.reports.periods import begin_of, names_between
from reftrail.reports.questions import BEGINNING, END, BadQuestion, Question

Row: TypeAlias = dict[str, Any]
_MILLISECOND: Final = timedelta(milliseconds=1)
_NULL_KEYS: Final = frozenset({"currency", "reason"})
"""Keys of facts, null for none, unlike keys of a list (a code, a referrer, a check)."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Columns of an answer by which its rows differ: dimensions, and keys of the report.

    period is that of the dimensions which has periods, None if none has. empty gives the measures
    of a row, which it is given with its dimensions and keys, for which nothing was counted. shared
    are the measures that are the same in the row of each currency, divided those that are null
    where another one is 0.
    """

    dimensions: tuple[str, ...]
    keys: tuple[str, ...]
    empty: Callable[[Mapping[str, Any]], Row]
    period: str | None = None
    shared: tuple[str, ...] = ()
    divided: tuple[tuple[str, str], ...] = ()

    def group(self, row: Row) -> tuple[Any, ...]:
        """The dimensions but for the period."""
        return tuple(row[name] for name in self.dimensions if name != self.period)

    def key(self, row: Row) -> tuple[Any, ...]:
        """The keys."""
        return tuple(row[name] for name in self.keys)

    def but_currency(self, key: tuple[Any, ...]) -> tuple[Any, ...]:
        """The keys but for the currency."""
        return tuple(
            value for name, value in zip(self.keys, key, strict=True) if name != "currency"
        )

    def keys_of_nothing(self, beside: Sequence[Row]) -> list[tuple[Any, ...]]:
        """Keys of a question by period alone for which there is no row: those of rows beside it."""
        if self.dimensions != (self.period,) or not {*self.keys} <= _NULL_KEYS:
            return []
        return [*dict.fromkeys(map(self.key, beside))] or [(None,) * len(self.keys)]

    def nothing(
        self,
        group: tuple[Any, ...],
        period: str | None,
        key: tuple[Any, ...],
        beside: Row | None = None,
    ) -> Row:
        """A row for which nothing was counted, but what it shares with one in another currency."""
        names = [name for name in self.dimensions if name != self.period]
        given = dict(zip(names, group, strict=True)) | {self.period: period}
        dimensions = {name: given[name] for name in self.dimensions}
        keys = dict(zip(self.keys, key, strict=True))
        shared = {name: beside[name] for name in self.shared} if beside else {}
        row = dimensions | keys | self.empty(keys) | shared
        return row | {name: None for name, by in self.divided if not row[by]}


def filled(
    rows: list[Row], periods: Sequence[str], shape: Shape, beside: Sequence[Row] = ()
) -> list[Row]:
    """The rows, and one of zeros for each of the periods in which a combination has none.

    Each combination has the keys that occur in any of its periods. Without any row at all, a
    question by period alone has the currencies and reasons of the rows that it is compared with
    (beside), or null for both. Raises `BadQuestion` if they are too many.
    """
    if shape.period is None:
        is_one_row = not shape.dimensions and not shape.keys
        return rows or ([shape.nothing((), None, ())] if is_one_row else [])
    keys: dict[tuple[Any, ...], dict[tuple[Any, ...], None]] = {}
    for row in rows:
        keys.setdefault(shape.group(row), {})[shape.key(row)] = None
    if not rows and (of_nothing := shape.keys_of_nothing(beside)):
        keys[()] = dict.fromkeys(of_nothing)
    if sum(map(len, keys.values())) * len(periods) > MOST_ROWS:
        raise BadQuestion(too_many_rows())
    known = {(shape.group(row), row[shape.period], shape.key(row)): row for row in rows}
    of_any_currency = {
        (group, period, shape.but_currency(key)): row for (group, period, key), row in known.items()
    }
    return [
        known.get((group, period, key))
        or shape.nothing(
            group, period, key, of_any_currency.get((group, period, shape.but_currency(key)))
        )
        for group in keys
        for period in periods
        for key in keys[group]
    ]


def periods_of(rows: list[Row], asked: Question, shape: Shape) -> list[str]:
    """The names of all periods that are asked about.

    Without a beginning or end the first and last rows are it. A period of a row is always among
    them: ClickHouse and Python may know other rules of a time zone, and where clocks are set back
    over midnight they differ in which of the two days a minute is. Raises `BadQuestion` if they are
    too many.
    """
    unit, column = asked.unit, shape.period
    if unit is None or column is None:
        return []
    is_open = asked.since == BEGINNING or asked.until == END
    if is_open and not rows:
        return []
    begins = sorted(begin_of(row[column], asked.zone) for row in rows)
    first: datetime = begins[0] if asked.since == BEGINNING else asked.since
    last: datetime = begins[-1] if asked.until == END else asked.until - _MILLISECOND
    if (last - first) / unit.length > MOST_ROWS:
        raise BadQuestion(too_many_rows())
    names = names_between(unit, first, last, asked.zone)
    others = {row[column] for row in rows}.difference(names)
    if others:
        names = sorted([*names, *others], key=lambda name: begin_of(name, asked.zone))
    return names
