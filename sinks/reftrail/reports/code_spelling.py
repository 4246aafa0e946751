"""Registered spelling of a code, for any spelling of it."""

from clickhouse_connect.driver.client import Client

from reftrail.contracts.code_spelling import canonical, spelled
from reftrail.reports.sql import rows


def registered_spelling(client: Client, text: str) -> str:
    """The registered spelling of a code; the text itself, spelled, if none is; blocks."""
    code = spelled(text)
    found = rows(client, "code/spelling", code=code, form=canonical(code))
    spelling: str = found[0]["code"] if found else code
    return spelling
