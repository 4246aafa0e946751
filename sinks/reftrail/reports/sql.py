"""SQL files of the reports, and their execution for rows."""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
from clickhouse_connect.driver.client import Client

_QUERIES = files("reftrail.reports").joinpath("queries")


@cache
def sql(query: str) -> str:
    """The text of `queries/{query}.sql`."""
    return _QUERIES.joinpath(f"{query}.sql").read_text("utf-8")


@cache
def names(folder: str = "") -> Sequence[str]:
    """The names of the queries in a folder of `queries`, in order; parts (`_name`) are left out."""
    found = (entry.name for entry in _QUERIES.joinpath(folder).iterdir())
    return tuple(
        sorted(
            name.removesuffix(".sql")
            for name in found
            if name.endswith(".sql") and not name.startswith("_")
        )
    )


def rows(client: Client, query: str, **parameters: Any) -> list[dict[str, Any]]:
    """The rows of `queries/{query}.sql`, each under the names of its columns; blocks."""
    return rows_of(client, sql(query), parameters)


def rows_of(client: Client, text: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of a query, each under the names of its columns; blocks.

    client is one for reading: its settings say how values are written.
    """
    lines = client.raw_query(text, parameters=dict(parameters), fmt="JSONEachRow").splitlines()
    return [msgspec.json.decode(line) for line in lines]
