"""`reftrail sql`: a query over the warehouse's views."""

import csv
import sys
from io import StringIO
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from reftrail.cli.connection import ReadyFile, ReportsUrl, SecretKey, resolve
from reftrail.contracts.errors import ExpectedError
from reftrail.reports.client import ReportsClient
from reftrail.reports.formula_safety import formula_safe
from reftrail.reports.rendering import NARROW, AnswerFormat


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def sql(
        query: Annotated[
            str, typer.Argument(help="A SELECT; with - it is read from standard input.")
        ],
        how: Annotated[
            AnswerFormat, typer.Option("--format", help="How to print it.")
        ] = AnswerFormat.TABLE,
        reports_url: ReportsUrl = None,
        secret_key: SecretKey = None,
        ready_file: ReadyFile = None,
    ) -> None:
        """Ask the warehouse in SQL: its views are v_events, v_rewards, v_funnel_daily and others.

        Nothing can be changed. A query may take a minute and give 100,000 rows; export has no
        such limits.
        """
        text = sys.stdin.read() if query == "-" else query
        if not text.strip():
            raise ExpectedError("the query is empty; give one like SELECT count() FROM v_events")
        connection = resolve(ready_file, reports_url=reports_url, secret_key=secret_key)
        with ReportsClient(connection.reports_url, connection.secret_key) as client:
            found = client.sql(text)
        names = [column["name"] for column in found["columns"]]
        match how:
            case AnswerFormat.JSON:
                rows = [dict(zip(names, row, strict=True)) for row in found["rows"]]
                typer.echo(msgspec.json.encode(rows))
            case AnswerFormat.CSV:
                typer.echo(_csv(names, found["rows"]), nl=False)
            case AnswerFormat.TABLE:
                _print(found["columns"], found["rows"])


def _csv(names: list[str], rows: list[list[Any]]) -> str:
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(map(formula_safe, names))
    writer.writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue()


def _cell(value: Any) -> Any:
    match value:
        case str():
            return formula_safe(value)
        case list() | dict():
            return msgspec.json.encode(value).decode()
        case _:
            return value


def _print(columns: list[dict[str, str]], rows: list[list[Any]]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in columns:
        is_number = any(kind in column["type"] for kind in ("Int", "Float", "Decimal"))
        table.add_column(column["name"], justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text("-" if value is None else str(value)) for value in row))
    width = Console().width if sys.stdout.isatty() else max(NARROW, 24 * len(columns))
    Console(width=width, highlight=False).print(table, markup=False)
    typer.echo(f"{len(rows)} row{'' if len(rows) == 1 else 's'}")
