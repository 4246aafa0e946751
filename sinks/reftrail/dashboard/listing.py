"""Rows that a page lists, from the queries beside this module."""

from functools import cache
from importlib.resources import files
from typing import Any

from clickhouse_connect.driver.client import Client

from reftrail.contracts.money import amount_text
from reftrail.reports.sql import rows_of


@cache
def _sql(query: str) -> str:
    return files("reftrail.dashboard").joinpath("queries", f"{query}.sql").read_text("utf-8")


def listed(client: Client, query: str, **parameters: Any) -> list[dict[str, Any]]:
    """The rows of `queries/{query}.sql`, each under the names of its columns; blocks."""
    return rows_of(client, _sql(query), parameters)


def worth(row: dict[str, Any], column: str = "value_micros") -> str:
    """An amount of a row with its currency; a dash where it has none."""
    micros, currency = row.get(column), row.get("currency")
    if micros is None or not currency or currency == "XXX":
        return "-"
    return f"{amount_text(micros, currency)} {currency}"
