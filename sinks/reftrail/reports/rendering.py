"""An answer as JSON, CSV or a table for a terminal."""

import csv
from collections.abc import Mapping
from enum import StrEnum
from io import StringIO
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.table import Table

from reftrail.reports.catalogue import Answer, Kind, Report

_NOTHING: Final = "-"
NARROW: Final = 80


class Format(StrEnum):
    """How an answer is given out."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def as_json(answer: Answer) -> bytes:
    """{"as_of": ..., "rows": [...]}."""
    return msgspec.json.encode({"as_of": answer.as_of, "rows": answer.rows})


def as_csv(answer: Answer) -> str:
    """A header, then the rows; nothing where a value is null."""
    out = StringIO()
    writer = csv.DictWriter(out, answer.columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(answer.rows)
    return out.getvalue()


def as_table(report: Report, answer: Answer, width: int = NARROW) -> str:
    """Numbers to the right. Dimensions give way where the width (in characters) is scarce."""
    measures = {measure.name: measure for measure in report.measures}
    table = Table(
        title=report.title, title_justify="left", box=None, pad_edge=False, padding=(0, 1)
    )
    table.collapse_padding = True
    for name in answer.columns:
        measure = measures.get(name)
        heading = (measure.heading if measure else name.replace("_", " ")).replace(" ", "\n")
        is_text = measure is None or measure.kind is Kind.TEXT
        table.add_column(
            heading,
            justify="left" if is_text else "right",
            no_wrap=measure is not None,
            overflow="fold",
            vertical="bottom",
            min_width=max(map(len, heading.splitlines())),
        )
    for row in answer.rows:
        kinds = {name: measure.kind for name, measure in measures.items()}
        table.add_row(*(_cell(row, name, kinds.get(name)) for name in answer.columns))
    out = StringIO()
    console = Console(file=out, width=width, color_system=None, highlight=False, markup=False)
    console.print(table)
    console.print(_footer(answer))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _cell(row: Mapping[str, Any], name: str, kind: Kind | None) -> str:
    value = row[name]
    match kind:
        case _ if value is None:
            return _NOTHING
        case Kind.COUNT:
            return f"{value:,}"
        case Kind.RATE:
            return f"{value:.2%}"
        case Kind.NUMBER:
            return f"{value:,.2f}"
        case _:
            return str(value)


def _footer(answer: Answer) -> str:
    if answer.as_of is None:
        return "The warehouse is still catching up: there is more to come."
    rows = "row" if len(answer.rows) == 1 else "rows"
    return f"{len(answer.rows)} {rows}, as of {answer.as_of}"
