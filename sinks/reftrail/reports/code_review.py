"""Data for a review of all codes: the activity of each, and the guesses at codes."""

from datetime import datetime
from typing import Any

from clickhouse_connect.driver.client import Client

from reftrail.reports.sql import rows


def code_activity(client: Client) -> list[dict[str, Any]]:
    """A row for each code that anything happened to, see `queries/code/activity.sql`; blocks."""
    return rows(client, "code/activity")


def code_guesses(client: Client, since: datetime) -> list[dict[str, Any]]:
    """A row for each format that was guessed at, see `queries/code/guesses.sql`; blocks."""
    return rows(client, "code/guesses", since=since)
