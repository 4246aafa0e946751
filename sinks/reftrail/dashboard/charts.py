"""Geometry of the charts, which templates draw as SVG. Labels are HTML beside it, so they scale."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

WIDTH: Final = 600
HEIGHT: Final = 200
_STEPS: Final = (1, 2, 2.5, 5, 10)
_LINES: Final = 4


@dataclass(frozen=True, slots=True)
class Line:
    """A series: its name, and the points of a polyline."""

    name: str
    points: str
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class LineChart:
    """Lines over periods. scale has the labels of the vertical axis, the highest first."""

    title: str
    lines: tuple[Line, ...]
    scale: tuple[str, ...]
    periods: tuple[str, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """The periods that are written below: the first, the middle and the last."""
        found = self.periods
        if len(found) < 3:
            return found
        return found[0], found[len(found) // 2], found[-1]

    @property
    def summary(self) -> str:
        """What the chart shows, for somebody who can't see it."""
        parts = [
            f"{line.name}: {_number(sum(filled))} in all, at most {_number(max(filled))}"
            for line in self.lines
            if (filled := [value for value in line.values if value is not None])
        ]
        return f"{self.title}, {' to '.join(self.labels[:: max(1, len(self.labels) - 1)])}. " + (
            "; ".join(parts) + "." if parts else "Nothing in this period."
        )


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: percent of the longest one."""

    name: str
    text: str
    percent: float
    note: str = ""


def line_chart(
    title: str, rows: Sequence[dict[str, Any]], period: str, series: Sequence[tuple[str, str]]
) -> LineChart:
    """A chart of columns of rows, each given with its name; rows of one period are added up.

    A line has a gap where a column is None.
    """
    rows = _by_period(rows, period, [column for column, _ in series])
    columns = [(name, tuple(_float(row.get(column)) for row in rows)) for column, name in series]
    top = _top(max((value for _, found in columns for value in found if value), default=0))
    lines = tuple(Line(name, _points(found, top), found) for name, found in columns)
    scale = tuple(_number(top * step / _LINES) for step in range(_LINES, -1, -1))
    return LineChart(title, lines, scale, tuple(str(row[period]) for row in rows))


def _by_period(
    rows: Sequence[dict[str, Any]], period: str, columns: Sequence[str]
) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        kept = found.setdefault(row[period], {period: row[period]} | dict.fromkeys(columns))
        for column in columns:
            if row[column] is not None:
                kept[column] = (kept[column] or 0) + row[column]
    return [found[name] for name in sorted(found)]


def bars(rows: Sequence[tuple[str, float | None, str, str]]) -> tuple[Bar, ...]:
    """Bars of names, values, texts and notes."""
    top = max((value for _, value, _, _ in rows if value), default=0) or 1
    return tuple(
        Bar(name, text, round(100 * max(0.0, value or 0) / top, 2), note)
        for name, value, text, note in rows
    )


def _points(values: Sequence[float | None], top: float) -> str:
    step = WIDTH / max(1, len(values) - 1)
    return " ".join(
        f"{nth * step:.1f},{HEIGHT * (1 - max(0.0, value) / top):.1f}"
        for nth, value in enumerate(values)
        if value is not None
    )


def _top(highest: float) -> float:
    """A round number that isn't lower, which the lines of the scale divide well."""
    unit = 1.0
    while unit * 10 * _LINES <= highest:
        unit *= 10
    return next(
        (unit * step * _LINES for step in _STEPS if unit * step * _LINES >= highest),
        unit * 10 * _LINES,
    )


def _float(value: Any) -> float | None:
    return None if value is None else float(value)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"
