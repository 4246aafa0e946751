"""Leaderboard of referrers by the number of users that they brought."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from reftrail.reports.placed_facts import Placed, are_missing
from reftrail.reports.questions import BEGINNING, END
from reftrail.reports.sql import rows, rows_of, sql

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


def places(client: Client, placed: Placed, max_age: float, users: Sequence[str]) -> dict[str, int]:
    """The best place of some users by campaign, over all time; blocks.

    Of placed facts of at most this age in seconds: to rank everybody takes too long for who waits
    for a page. Without such facts nobody has a place.
    """
    facts = placed.facts(client, max_age)
    if facts is None:
        return {}
    text = facts.instead(sql("leaderboard/places"))
    try:
        found = rows_of(client, text, {"users": list(users)})
    except DatabaseError as error:
        if not are_missing(error):
            raise
        placed.forget(facts)
        return {}
    return {row["campaign_id"]: int(row["best"]) for row in found}
