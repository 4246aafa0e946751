"""Facts that were placed beforehand: what views say, stored as tables of the same names.

A report over views joins each fact with people, codes and campaigns again, and ClickHouse takes
longer to plan that than to carry it out. The warehouse places the facts in a database of their own
(see `reftrail.warehouse.placing`), and a report reads them there.
"""

import math
import re
from dataclasses import dataclass
from typing import Final, Protocol

from clickhouse_connect.driver.binding import quote_identifier
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from reftrail.reports.levels import Level

PLACED_SETTINGS: Final = "SETTINGS join_algorithm = 'hash'"
"""Of a query over placed facts, which are joined with few rows."""
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def in_sql(database: str) -> str:
    """A database's name as SQL has it: quoted where it has other characters than words have."""
    return database if _PLAIN.fullmatch(database) else quote_identifier(database)


@dataclass(frozen=True, slots=True)
class PlacedFacts:
    """Tables in a database, named as the views whose rows they have.

    version is another one whenever they are, content where what they were made of is. as_of: as
    in an answer. at is the second, by the clock of who placed them, at which they were of now.
    grew_since is the version since which nothing was changed or erased, only more has come.
    """

    database: str
    views: frozenset[str]
    version: int = 0
    content: str = ""
    as_of: str | None = None
    at: float = 0.0
    grew_since: int = 0

    @property
    def quoted(self) -> str:
        """The database as SQL has it."""
        return in_sql(self.database)

    def instead(self, sql: str) -> str:
        """A query that reads them in place of the views."""

        def placed(found: re.Match[str]) -> str:
            name = found[0]
            return f"{self.quoted}.{name}" if name in self.views else name

        return re.sub(r"\bv_[a-z_]+\b", placed, sql)

    def receipts_by_day(self, level: Level) -> str:
        """Receipts of events summed up by day, and single duplicates and dead letters."""
        return f"{self.quoted}.{level.table('receipts')}"

    def reconciliation_by_hour(self) -> str:
        """What is reconciled, summed up by the hour."""
        return f"{self.quoted}.hours_of_reconciliation"

    def activity_by_day(self, level: Level) -> str:
        """Activity summed up by day."""
        return f"{self.quoted}.{level.table('activity')}"

    def activity_around_days(self, level: Level, first: str, last: str) -> str:
        """Activity summed up by day from first to last, midnights of UTC; single around these."""
        begin, end = (f"toDateTime64('{time}', 3, 'UTC')" for time in (first, last))
        return (
            f"(SELECT * FROM {self.activity_by_day(level)} WHERE at >= {begin} AND at < {end} "  # noqa: S608  (tables of ours)
            f"UNION ALL SELECT * FROM {self.quoted}.single_activity "
            f"WHERE at < {begin} OR at >= {end})"
        )


def are_missing(error: DatabaseError) -> bool:
    """Whether the database of placed facts, or a table in it, is no longer there."""
    return error.name in ("UNKNOWN_DATABASE", "UNKNOWN_TABLE")


class Placed(Protocol):
    """Gives placed facts. Where it takes a client it asks ClickHouse, so it blocks."""

    def facts(self, client: Client, max_age: float) -> PlacedFacts | None:
        """Facts of now, else those that are at most so many seconds old; None without any."""

    def latest(self) -> PlacedFacts | None:
        """The newest facts, as of when ClickHouse was last asked about them; None without any."""

    def age(self, at: float) -> float:
        """How many seconds ago this was, of facts the time at which they were of now."""

    def now(self) -> float:
        """The present second, by the clock of facts."""

    def content(self, client: Client) -> str:
        """A word for what the views say now: another one whenever they may say something else."""

    def forget(self, facts: PlacedFacts) -> None:
        """Don't give these again: they are no longer there."""


class NothingPlaced:
    """There are no placed facts: reports read views."""

    def facts(self, client: Client, max_age: float) -> PlacedFacts | None:
        """None."""

    def latest(self) -> PlacedFacts | None:
        """None."""

    def age(self, at: float) -> float:  # noqa: ARG002  (there are none)
        """For ever: nothing is answered but of now."""
        return math.inf

    def now(self) -> float:
        """Always the same: of answers of now none is older than another."""
        return 0.0

    def content(self, client: Client) -> str:  # noqa: ARG002  (nothing is asked)
        """Always the same: as_of alone says whether views may say something else."""
        return ""

    def forget(self, facts: PlacedFacts) -> None:
        """Nothing."""
