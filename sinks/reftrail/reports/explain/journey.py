"""Journey of one user under one code, from the warehouse: the start of an explanation."""

from typing import Any, Final

from clickhouse_connect.driver.client import Client

from reftrail.reports.code_spelling import registered_spelling
from reftrail.reports.sql import names, rows

_FIRST_ONLY: Final = ("code", "signup", "interactions")


def journey(client: Client, code: str, user_id: str) -> dict[str, Any]:
    """The rows by the name of each query in `queries/journey`, or its only row or None; blocks.

    The code may be asked for in any case of its letters. Times are ISO 8601, money is in micros.
    """
    spelling = registered_spelling(client, code)
    found: dict[str, Any] = {}
    for name in names("journey"):
        given = rows(client, f"journey/{name}", code=spelling, user=user_id)
        found[name] = (given[0] if given else None) if name in _FIRST_ONLY else given
    return found
