"""`reftrail ingest`: a file of events through the collector."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from reftrail import ingestion
from reftrail.cli.connection import CollectorUrl, ReadyFile, SecretKey, resolve
from reftrail.client import Reftrail
from reftrail.contracts.errors import ExpectedError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(ingest)


def ingest(
    file: Annotated[Path, typer.Argument(help="JSON lines, .csv or .tsv.")],
    *,
    mapping: Annotated[
        Path | None, typer.Option(help="TOML: which column is which field of an event.")
    ] = None,
    batch: Annotated[int, typer.Option(min=1, max=1000, help="Lines in a request.")] = 500,
    resume: Annotated[bool, typer.Option(help="Go on where an earlier run stopped.")] = True,
    rejected: Annotated[
        Path | None,
        typer.Option(help="Where rejected lines go; else FILE.rejected.jsonl."),
    ] = None,
    collector_url: CollectorUrl = None,
    secret_key: SecretKey = None,
    ready_file: ReadyFile = None,
) -> None:
    """Send the events in FILE. Ends with exit code 1 if any line was rejected.

    Run again after whatever interrupted it, it goes on; no line counts twice.
    """
    connection = resolve(ready_file, collector_url=collector_url, secret_key=secret_key)
    plan = ingestion.Plan(
        file,
        rejected or file.with_name(file.name + ".rejected.jsonl"),
        ingestion.read_mapping(mapping) if mapping else None,
        batch,
        resume,
    )
    with (
        Reftrail(connection.collector_url, connection.secret_key, own_clock=False) as reftrail,
        _bar() as bar,
    ):
        task = bar.add_task(file.name, total=_size(file), accepted=0, rejected=0)
        outcome = ingestion.ingest(plan, reftrail.send, lambda now: _show(bar, task, now))
    if outcome.resumed_at:
        typer.echo(f"went on after {outcome.resumed_at} lines that an earlier run had sent")
    typer.echo(
        f"accepted {outcome.accepted}, rejected {outcome.rejected}, ignored {outcome.ignored}"
    )
    if outcome.rejected:
        typer.echo(f"the rejected lines, with reasons: {plan.rejected}", err=True)
        raise typer.Exit(1)


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[accepted]} accepted, {task.fields[rejected]} rejected"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


def _show(bar: Progress, task: TaskID, now: ingestion.IngestProgress) -> None:
    bar.update(task, completed=now.bytes, accepted=now.accepted, rejected=now.rejected)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError as error:
        raise ExpectedError(f"cannot read {file}: {error.strerror}") from error
