"""What the warehouse knows of one user and one code: where an explanation begins."""

from importlib.resources import files
from typing import Any, Final

import msgspec
from clickhouse_connect.driver.client import Client

_FOLDER: Final = "queries/journey"

_FIRST_ONLY: Final = ("code", "signup", "interactions")


def journey(client: Client, code: str, user_id: str) -> dict[str, Any]:
    """By the name of each query in `queries/journey` its rows, or its only row or None; blocks.

    Times are ISO 8601, money is in micros.
    """
    folder = files("reftrail.reports").joinpath(_FOLDER)
    found: dict[str, Any] = {}
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if not entry.name.endswith(".sql"):
            continue
        name = entry.name.removesuffix(".sql")
        rows = _rows(client, entry.read_text("utf-8"), {"code": code, "user": user_id})
        found[name] = (rows[0] if rows else None) if name in _FIRST_ONLY else rows
    return found


def _rows(client: Client, sql: str, parameters: dict[str, str]) -> list[dict[str, Any]]:
    lines = client.raw_query(sql, parameters=parameters, fmt="JSONEachRow").splitlines()
    return [msgspec.json.decode(line) for line in lines]
