"""What the warehouse knows of one user and one code: where an explanation begins."""

from importlib.resources import files
from typing import Any, Final

from clickhouse_connect.driver.client import Client

from reftrail.reports.asking import rows
from reftrail.reports.code_spelling import registered_spelling

_FOLDER: Final = "queries/journey"

_FIRST_ONLY: Final = ("code", "signup", "interactions")


def journey(client: Client, code: str, user_id: str) -> dict[str, Any]:
    """By the name of each query in `queries/journey` its rows, or its only row or None; blocks.

    The code may be asked for in any case of its letters. Times are ISO 8601, money is in micros.
    """
    spelling = registered_spelling(client, code)
    folder = files("reftrail.reports").joinpath(_FOLDER)
    found: dict[str, Any] = {}
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if not entry.name.endswith(".sql"):
            continue
        name = entry.name.removesuffix(".sql")
        given = rows(client, f"journey/{name}", code=spelling, user=user_id)
        found[name] = (given[0] if given else None) if name in _FIRST_ONLY else given
    return found
