"""Usage of codes from the reports; the store is shown also where reports do not answer."""

from collections.abc import Callable
from typing import Any

import typer

from reftrail.cli.connection import Connection
from reftrail.contracts.errors import ExpectedError
from reftrail.reports.client import ReportsClient


def asked(
    connection: Connection, question: Callable[[ReportsClient], dict[str, Any]]
) -> dict[str, Any] | None:
    """The answer of the reports; None, and a message on stderr, where they don't answer."""
    try:
        with ReportsClient(connection.reports_url, connection.secret_key) as client:
            return question(client)
    except ExpectedError as error:
        typer.echo(f"without figures of use: {error}", err=True)
        return None
