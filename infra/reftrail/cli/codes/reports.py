"""The reports, where they are known and answer: what stands in the store is told without them."""

from collections.abc import Callable
from typing import Any

import typer

from reftrail.cli.connection import Connection
from reftrail.contracts.errors import ExpectedError
from reftrail.reports.client import ReportsClient


def asked(
    connection: Connection, question: Callable[[ReportsClient], dict[str, Any]]
) -> dict[str, Any] | None:
    """What the reports answer; None, and a word about it on stderr, where they don't."""
    try:
        with ReportsClient(connection.reports_url, connection.secret_key) as client:
            return question(client)
    except ExpectedError as error:
        typer.echo(f"without figures of use: {error}", err=True)
        return None
