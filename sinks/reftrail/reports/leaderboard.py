"""Who brought the most users: referrers by rank."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final

import msgspec
from clickhouse_connect.driver.client import Client

from reftrail.reports.questions import BEGINNING, END

USUAL: Final = 10
"""How many referrers are told, unless told how many."""


@dataclass(frozen=True, slots=True)
class Board:
    """Whom a leaderboard ranks: under a campaign (empty: under all), by rewards of a time."""

    campaign: str = ""
    since: datetime = BEGINNING
    until: datetime = END
    most: int = USUAL


def leaderboard(client: Client, board: Board) -> list[dict[str, Any]]:
    """A row for each referrer, see `queries/leaderboard/referrers.sql`; blocks.

    Who brought equally many, and earned as often by that, has the same rank.
    """
    parameters = {
        "campaign": board.campaign,
        "since": board.since,
        "until": board.until,
        "most": board.most,
    }
    settings = {"output_format_json_quote_64bit_integers": 0}
    lines = client.raw_query(_sql(), parameters=parameters, settings=settings, fmt="JSONEachRow")
    return [msgspec.json.decode(line) for line in lines.splitlines()]


@cache
def _sql() -> str:
    return (
        files("reftrail.reports").joinpath("queries/leaderboard/referrers.sql").read_text("utf-8")
    )
