"""Cells of tables: how a value is written, and where it leads to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from reftrail.dashboard.view import View, path_of
from reftrail.reports.catalogue import ReportAnswer
from reftrail.reports.comparison import PREVIOUS_PREFIX
from reftrail.reports.rendering import NOTHING, figure_of
from reftrail.reports.report_files import MeasureKind, Report

_PAGES: Final = {"campaign_id": "campaigns", "code": "codes", "referrer": "users"}


@dataclass(frozen=True, slots=True)
class Cell:
    """A value as text, and the address of what is behind it."""

    text: str
    is_number: bool = False
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Headings with what they mean, and rows of cells."""

    headings: tuple[tuple[str, str, bool], ...]
    rows: tuple[tuple[Cell, ...], ...]


def table_of(report: Report, answer: ReportAnswer, view: View) -> Table:
    """The answer of a report as a table; campaigns, codes and users lead to their pages."""
    known = {measure.name: measure for measure in report.measures}
    headings = []
    for column in answer.columns:
        measure = known.get(column.removeprefix(PREVIOUS_PREFIX))
        before = "before: " if column.startswith(PREVIOUS_PREFIX) else ""
        name = measure.name if measure else column.removesuffix("_id")
        is_number = measure is not None and not measure.kind.is_text
        meaning = measure.meaning if measure else ""
        headings.append((f"{before}{name}".replace("_", " "), meaning, is_number))
    rows = tuple(
        tuple(
            _cell(column, row[column], known.get(column.removeprefix(PREVIOUS_PREFIX)), view)
            for column in answer.columns
        )
        for row in answer.rows
    )
    return Table(tuple(headings), rows)


def text_of(value: Any, kind: MeasureKind) -> str:
    """A measure's value for people, its thousands apart."""
    return money(value) if kind is MeasureKind.MONEY else figure_of(value, kind, rate_places=1)


def money(value: str | None) -> str:
    """A decimal string with its thousands apart."""
    if value is None:
        return NOTHING
    whole, point, rest = value.partition(".")
    return f"{int(whole):,}{point}{rest}" if whole != "-0" else value


def change(row: Mapping[str, Any], name: str, kind: MeasureKind) -> tuple[str, str]:
    """How a figure has changed since the period before, in words; and up, down or same."""
    now, before = row.get(name), row.get(f"{PREVIOUS_PREFIX}{name}")
    if now is None or before is None:
        return f"before: {text_of(before, kind)}", "same"
    difference = float(now) - float(before)
    way = "up" if difference > 0 else "down" if difference < 0 else "same"
    if kind is MeasureKind.RATE:
        text = f"{100 * difference:+.1f} points"
    elif not float(before):
        return "none before", way
    else:
        text = f"{difference / abs(float(before)):+.1%}"
    return f"{text}, before: {text_of(before, kind)}", way


def _cell(column: str, value: Any, measure: Any, view: View) -> Cell:
    if measure is None or measure.kind.is_text:
        kind = _PAGES.get(column)
        link = view.link(path_of(kind, value)) if kind and value else None
        return Cell(NOTHING if value is None else str(value), link=link)
    return Cell(text_of(value, measure.kind), is_number=True)
