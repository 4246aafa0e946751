"""The registered spelling of a code, for commands about a user under it."""

from reftrail.cli.connection import Connection
from reftrail.contracts.code_spelling import spelled
from reftrail.contracts.errors import ExpectedError
from reftrail.reports.client import ReportsClient


def registered_spelling(connection: Connection, code: str, user: str) -> str:
    """The registered spelling of a code, where the reports know it; else the code as given."""
    try:
        with ReportsClient(connection.reports_url, connection.secret_key) as client:
            registered = client.journey(code, user)["code"]
    except ExpectedError:
        registered = None
    return spelled(code) if registered is None else str(registered["code"])
