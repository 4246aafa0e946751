"""`reftrail spool`: events that a collector keeps on its disk while Kafka is away."""

from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer

from reftrail.campaigns import time_said
from reftrail.cli.json_output import AsJson, print_json
from reftrail.collector.spool import Spool
from reftrail.contracts.codec import Undecodable, decode
from reftrail.contracts.times import rfc3339


def register(app: typer.Typer) -> None:
    """Add the commands."""
    spool = typer.Typer(
        help="Events that a collector keeps on its disk while Kafka is away.", no_args_is_help=True
    )
    spool.command("show")(_show)
    spool.callback()(_spool)
    app.add_typer(spool, name="spool")


def _spool() -> None:
    """Events that a collector keeps on its disk while Kafka is away."""


def _show(
    directory: Annotated[
        Path,
        typer.Argument(
            envvar="REFTRAIL_COLLECTOR_SPOOL", help="The collector's; it may be running."
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Show how many events are in a spool, of which types, and since when the first waits."""
    with closing(Spool.open_existing(directory)) as spool:
        backlog = spool.backlog()
        types = Counter(_type_of(spooled.message.value) for spooled in spool.read())
    found: dict[str, Any] = {
        "events": backlog.events,
        "bytes": backlog.bytes,
        "oldest": None if backlog.oldest is None else rfc3339(backlog.oldest),
        "types": dict(types.most_common()),
    }
    if as_json:
        print_json(found)
        return
    if backlog.oldest is None:
        typer.echo("empty: Kafka has all that was accepted")
        return
    typer.echo(
        f"{backlog.events} events, {backlog.bytes} bytes, the first since "
        f"{time_said(backlog.oldest)}"
    )
    for kind, count in types.most_common():
        typer.echo(f"  {kind:<16} {count}")


def _type_of(value: bytes) -> str:
    try:
        record: Any = decode(value)
    except Undecodable:
        return "unreadable"
    return str(record.type)
