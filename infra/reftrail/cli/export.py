"""`reftrail export`: a view of the warehouse as a file."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from reftrail.cli.connection import ReadyFile, ReportsUrl, SecretKey, resolve
from reftrail.cli.period import Since, Until
from reftrail.contracts.errors import ExpectedError
from reftrail.reports.analysts.export import ExportFormat
from reftrail.reports.client import ReportsClient
from reftrail.reports.questions import question


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def export(
        view: Annotated[str, typer.Argument(help="A view, as v_events or v_reward_balances.")],
        to: Annotated[Path, typer.Option("--out", help="The file to write, *.parquet or *.csv.")],
        since: Since = None,
        until: Until = None,
        overwrite: Annotated[
            bool, typer.Option("--overwrite", help="Replace a file that is there.")
        ] = False,
        reports_url: ReportsUrl = None,
        secret_key: SecretKey = None,
        ready_file: ReadyFile = None,
    ) -> None:
        """Write a view of the warehouse as a Parquet or CSV file, whole or for a period."""
        asked = question([], since, until)
        query = {"format": _format(to).value}
        query |= {"from": asked.since.isoformat()} if since else {}
        query |= {"to": asked.until.isoformat()} if until else {}
        if to.exists() and not overwrite:
            raise ExpectedError(f"{to} is there already; give another name, or --overwrite")
        connection = resolve(ready_file, reports_url=reports_url, secret_key=secret_key)
        columns = (TextColumn(view), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        with (
            ReportsClient(connection.reports_url, connection.secret_key) as client,
            Progress(*columns, console=Console(stderr=True), transient=True) as progress,
        ):
            task = progress.add_task(view, total=None)
            size = client.export(
                f"/v1/exports/{view}",
                query,
                to,
                lambda seen, total: progress.update(task, completed=seen, total=total),
            )
        typer.echo(f"{to}: {size:,} bytes")


def _format(to: Path) -> ExportFormat:
    try:
        return ExportFormat(to.suffix.lower().removeprefix("."))
    except ValueError:
        raise ExpectedError(
            f"the name of {to} must end in .parquet or .csv, which says the format"
        ) from None
