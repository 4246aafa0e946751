"""`reftrail report`: what the warehouse says."""

import sys
from typing import Annotated

import typer
from rich.console import Console

from reftrail.cli.connection import ReadyFile, ReportsUrl, SecretKey, resolve
from reftrail.cli.period import Since, Until
from reftrail.reports.catalogue import catalogue, find
from reftrail.reports.client import ReportsClient
from reftrail.reports.questions import DIMENSIONS, question
from reftrail.reports.rendering import NARROW, AnswerFormat, as_csv, as_json, as_table


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def report(
        name: Annotated[str, typer.Argument(help=f"One of {', '.join(catalogue())}.")],
        by: Annotated[
            list[str] | None,
            typer.Option(
                help=f"{', '.join(DIMENSIONS)}; several are comma separated. Default: campaign."
            ),
        ] = None,
        since: Since = None,
        until: Until = None,
        how: Annotated[
            AnswerFormat, typer.Option("--format", help="How to print it.")
        ] = AnswerFormat.TABLE,
        reports_url: ReportsUrl = None,
        secret_key: SecretKey = None,
        ready_file: ReadyFile = None,
    ) -> None:
        """Print a report: what was clicked, who was referred, what that earned."""
        asked_of = find(name)
        asked = question(by or [], since, until)
        connection = resolve(ready_file, reports_url=reports_url, secret_key=secret_key)
        with ReportsClient(connection.reports_url, connection.secret_key) as client:
            answer = client.report(asked_of, asked)
        match how:
            case AnswerFormat.JSON:
                typer.echo(as_json(answer))
            case AnswerFormat.CSV:
                typer.echo(as_csv(answer), nl=False)
            case AnswerFormat.TABLE:
                width = Console().width if sys.stdout.isatty() else NARROW
                typer.echo(as_table(asked_of, answer, max(width, NARROW)), nl=False)
