"""Rows as a table for a terminal, as JSON, or as CSV; and bars for what takes its time."""

import csv
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeAlias

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from reftrail.reports.rendering import NARROW, AnswerFormat

Output: TypeAlias = Annotated[AnswerFormat, typer.Option("--output", "-o", help="How to print it.")]
Row: TypeAlias = Mapping[str, Any]

_LISTED: Final = "|"
_NUMBERS: Final = (int, float)


def print_rows(rows: Iterable[Row], output: AnswerFormat, columns: Mapping[str, str]) -> int:
    """Print rows, and say how many. columns: those of the table, with their headings.

    JSON (an array) and CSV have all that a row has, and are printed as the rows come.
    """
    match output:
        case AnswerFormat.JSON:
            return _print_json(rows)
        case AnswerFormat.CSV:
            return _print_csv(rows, columns)
        case AnswerFormat.TABLE:
            found = list(rows)
            _print_table(found, columns)
            return len(found)


def print_fields(row: Row, output: AnswerFormat) -> None:
    """One thing: a line for each field, or an object in JSON, or a table of one row in CSV."""
    match output:
        case AnswerFormat.JSON:
            typer.echo(msgspec.json.encode(row))
        case AnswerFormat.CSV:
            _print_csv([row], row)
        case AnswerFormat.TABLE:
            width = max(map(len, row)) + 2
            for name, value in row.items():
                typer.echo(f"{name + ':':<{width}}{said(value)}")


def said(value: Any) -> str:  # noqa: PLR0911  (a case for each type)
    """A value as people read it."""
    match value:
        case None:
            return "-"
        case datetime():
            return value.astimezone(UTC).isoformat(" ", "seconds").replace("+00:00", "Z")
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.2f}"
        case list() | tuple():
            return ", ".join(map(str, value)) or "-"
        case Mapping():
            return ", ".join(f"{name} {said(item)}" for name, item in value.items()) or "-"
        case _:
            return str(value)


def codes_of(count: int) -> str:
    """A number of codes, in words."""
    return "1 code" if count == 1 else f"{count:,} codes"


@contextmanager
def bar(what: str, total: int | None) -> Iterator[Progress]:
    """A bar on stderr, where that is a terminal; advance its only task, 0."""
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )
    with progress:
        progress.add_task(what, total=total)
        yield progress


def width() -> int:
    """Characters in a line of the terminal; 80 where there is none."""
    return Console().width if sys.stdout.isatty() else NARROW


def _print_table(rows: Sequence[Row], columns: Mapping[str, str]) -> None:
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    for name, heading in columns.items():
        is_number = any(isinstance(row[name], _NUMBERS) for row in rows)
        table.add_column(heading, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(said(row[name])) for name in columns))
    Console(width=width(), highlight=False).print(table)


def _print_json(rows: Iterable[Row]) -> int:
    count = 0
    for count, row in enumerate(rows, 1):
        typer.echo(("[" if count == 1 else ",\n") + msgspec.json.encode(row).decode(), nl=False)
    typer.echo("]" if count else "[]")
    return count


def _print_csv(rows: Iterable[Row], columns: Mapping[str, Any]) -> int:
    count, writer = 0, csv.writer(sys.stdout, lineterminator="\n")
    for count, row in enumerate(rows, 1):
        if count == 1:
            writer.writerow(row)
        writer.writerow(_cell(value) for value in row.values())
    if not count:
        writer.writerow(columns)
    return count


def _cell(value: Any) -> Any:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat()
        case list() | tuple():
            return _LISTED.join(map(str, value))
        case Mapping():
            return msgspec.json.encode(value).decode()
        case _:
            return value
