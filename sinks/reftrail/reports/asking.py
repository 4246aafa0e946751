"""Asking what stands in `queries`, a SQL file at a time."""

from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
from clickhouse_connect.driver.client import Client


def rows(client: Client, query: str, **parameters: Any) -> list[dict[str, Any]]:
    """What `queries/{query}.sql` gives, row by row under the names of its columns; blocks.

    client is one for reading: its settings say how values are written.
    """
    lines = client.raw_query(_sql(query), parameters=parameters, fmt="JSONEachRow").splitlines()
    return [msgspec.json.decode(line) for line in lines]


@cache
def _sql(query: str) -> str:
    return files("reftrail.reports").joinpath(f"queries/{query}.sql").read_text("utf-8")
