"""What a review of all codes needs to know: what happened under each, and what was guessed."""

from datetime import datetime
from importlib.resources import files
from typing import Any

import msgspec
from clickhouse_connect.driver.client import Client


def code_activity(client: Client) -> list[dict[str, Any]]:
    """A row for each code that anything happened to, see `queries/code/activity.sql`; blocks."""
    return _rows(client, "activity", {})


def code_guesses(client: Client, since: datetime) -> list[dict[str, Any]]:
    """A row for each format that was guessed at, see `queries/code/guesses.sql`; blocks."""
    return _rows(client, "guesses", {"since": since})


def _rows(client: Client, name: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    sql = files("reftrail.reports").joinpath(f"queries/code/{name}.sql").read_text("utf-8")
    settings = {"output_format_json_quote_64bit_integers": 0}
    lines = client.raw_query(sql, parameters=parameters, settings=settings, fmt="JSONEachRow")
    return [msgspec.json.decode(line) for line in lines.splitlines()]
