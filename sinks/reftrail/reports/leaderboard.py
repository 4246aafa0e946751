"""Leaderboard of referrers by the number of users that they brought."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from clickhouse_connect.driver.client import Client

from reftrail.reports.questions import BEGINNING, END
from reftrail.reports.sql import rows

USUAL: Final = 10
"""The number of referrers in one answer by default."""


@dataclass(frozen=True, slots=True)
class Board:
    """Scope of a leaderboard: a campaign (empty: all), and the period of the rewards."""

    campaign: str = ""
    since: datetime = BEGINNING
    until: datetime = END
    most: int = USUAL


def leaderboard(client: Client, board: Board) -> list[dict[str, Any]]:
    """A row for each referrer, see `queries/leaderboard/referrers.sql`; blocks.

    Who brought equally many, and earned as often by that, has the same rank.
    """
    return rows(client, "leaderboard/referrers", **asdict(board))
