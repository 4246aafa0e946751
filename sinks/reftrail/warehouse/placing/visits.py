"""Placed visits: views, clicks and forms, in a partition for each UTC day.

They are nearly all of the events, so only the days are placed again whose events are others than
before, or whose visits are of codes or campaigns that were registered otherwise since. A day's
events are the same as long as their number and the sum of the numbers of their loads are: what is
added comes under a higher number than all before, so nothing can make up for a deletion. Events
that an `ALTER TABLE events UPDATE` changed keep both, so all days are placed again after one.

Before the first day is changed, all that will be are noted as unknown, and what their events are
like only after the last, if that is still so: what a placing that died has changed is placed again,
and what came meanwhile can't be erased unnoticed. No report reads this table. Each placing has a
copy, which shares the parts of the days that stay as they are.

A visitor is a number here, see `visitors`. Beside the visits are their sums by day, see `day_sums`,
with the numbers of all their visitors, so that different visitors of many days are found in sets
that are small. They are placed with their day.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from clickhouse_connect.driver.binding import quote_identifier
from clickhouse_connect.driver.client import Client

from reftrail.reports.placed_facts import PlacedFacts
from reftrail.warehouse.definitions import views
from reftrail.warehouse.placing import visit_sql as sql
from reftrail.warehouse.placing import visitors
from reftrail.warehouse.placing.polite import POLITE

_DAYS_AT_ONCE: Final = 31
_EVENTS_AT_ONCE: Final = 2_000_000
_UNKNOWN: Final = 2**64 - 1
"""Number of the events of a day that is being placed. No day has as many."""


@dataclass(frozen=True, slots=True)
class Day:
    """Signature of a day's events."""

    day: date
    events: int
    loads: int


class PlacedVisits:
    """Table of visits in a database beside the warehouse's."""

    def __init__(self, client: Client, database: str) -> None:
        self._client = client
        self._name = database
        self.database = quote_identifier(database)

    def make(self) -> None:
        """Make the tables, unless they are there, of the same table of events by the same views."""
        if self._made_by() == [(version := self._version(),)]:
            return
        self._client.command(
            f"DROP DATABASE IF EXISTS {self.database} SYNC", settings={"max_table_size_to_drop": 0}
        )
        self._client.command(f"CREATE DATABASE {self.database}")
        for statement in sql.TABLES:
            self._client.command(self._in_database(statement))
        self._client.command(f"INSERT INTO {self.database}.made_by VALUES ('{version}')")  # noqa: S608  (a hash)

    def bring_up_to_date(self, placed: PlacedFacts) -> list[date]:
        """Place the days anew that have changed; says which. placed has codes and campaigns."""
        self._client.command(f"TRUNCATE TABLE {self.database}.registering")
        registered = placed.instead(sql.REGISTERED)
        self._client.command(f"INSERT INTO {self.database}.registering {registered}")
        updates = self._updates()
        now = {day.day: day for day in self._days(sql.OF_EVENTS)}
        before = {day.day: day for day in self._days(sql.OF_VISITS)}
        changed = {day for day in now.keys() | before.keys() if now.get(day) != before.get(day)}
        affected = self._client.query(self._in_database(sql.AFFECTED)).result_rows
        changed |= {row[0] for row in affected}
        if updates:
            changed |= now.keys()
        coming = [now.get(day, Day(day, 0, 0)) for day in sorted(changed)]
        self._note([Day(day.day, _UNKNOWN, 0) for day in coming])
        for days in _together(coming):
            self._place(days, placed)
            self._empty()
        self._client.command(
            f"EXCHANGE TABLES {self.database}.registered AND {self.database}.registering"
        )
        if updates or any(day not in now or now[day].events < before[day].events for day in before):
            visitors.forget_others(self._client, self.database)
        if updates:
            self._client.insert(f"{self.database}.updates", [[name] for name in updates], ["name"])
        later = {day.day: day for day in self._days(sql.OF_EVENTS)} if coming else {}
        self._note([day for day in coming if later.get(day.day, Day(day.day, 0, 0)) == day])
        return sorted(changed)

    def numbered(self, rows: str) -> str:
        """A query of the rows of another one, with the numbers of their visitors.

        Visitors who have no visit are left out.
        """
        return visitors.with_numbers(rows, self.database)

    def copy_to(self, database: str) -> None:
        """Make a table of the visits as they are, which stays so while days are placed again."""
        self._client.command(
            f"CREATE TABLE {database}.{sql.VISITS} CLONE AS {self.database}.visits"
        )

    def _place(self, days: Sequence[Day], placed: PlacedFacts) -> None:
        """Place days that are noted as unknown: if this is cut short, they are placed again."""
        dropped = ", ".join(f"DROP PARTITION {day.day:%Y%m%d}" for day in days)
        for table in sql.BY_DAY:
            self._client.command(f"ALTER TABLE {self.database}.{table} {dropped}")
        self._empty()
        period = {
            "since": days[0].day,
            "until": f"{days[-1].day} 23:59:59.999",
            "days": [day.day for day in days],
        }
        texts = {name: placed.instead(_view(view)) for name, view in sql.VIEWS.items()}

        def insert(statement: str) -> None:
            text = statement.format(database=self.database, hash=visitors.HASH, **texts)
            self._client.command(text + POLITE, parameters=period)

        insert(sql.COMING)
        visitors.number(self._client, self.database)
        self._client.command(self._in_database(sql.NUMBERED) + POLITE)
        for statement in sql.SUMS:
            insert(statement)

    def _empty(self) -> None:
        """Empty the table on the way, in which an erased visitor's hash may be."""
        self._client.command(f"TRUNCATE TABLE {self.database}.coming")

    def _note(self, days: Sequence[Day]) -> None:
        """Note what the events of days are like whose visits are placed."""
        if not days:
            return
        rows = ", ".join(f"('{day.day}', {day.events}, {day.loads})" for day in days)
        self._client.command(
            f"INSERT INTO {self.database}.days SELECT c1, c2, c3, "  # noqa: S608  (numbers and days)
            f"(SELECT max(number) + 1 FROM {self.database}.days) FROM VALUES({rows})"
        )

    def _updates(self) -> list[str]:
        """Changes of stored events since all days were placed."""
        known = f"SELECT name FROM {self.database}.updates"  # noqa: S608  (a table of ours)
        noted = {row[0] for row in self._client.query(known).result_rows}
        done = {str(row[0]) for row in self._client.query(sql.UPDATES).result_rows}
        return sorted(done - noted)

    def _days(self, statement: str) -> Iterator[Day]:
        rows = self._client.query(self._in_database(statement) + POLITE).result_rows
        return (Day(*row) for row in rows)

    def _made_by(self) -> list[tuple[str]]:
        """What the tables were made by; nothing unless all are there."""
        tables = self._client.query(
            "SELECT count() FROM system.tables WHERE database = {name:String}",
            parameters={"name": self._name},
        ).result_rows[0][0]
        if tables != sum("CREATE TABLE" in statement for statement in sql.TABLES):
            return []
        rows = self._client.query(f"SELECT version FROM {self.database}.made_by").result_rows  # noqa: S608  (ours)
        return [tuple(row) for row in rows]

    def _version(self) -> str:
        """Of the definitions, and of the table of events, which a rebuild replaces."""
        # Of an embedded engine's tables the uuid is 0; where its parts lie no other table's do.
        events = str(
            self._client.query(
                "SELECT data_paths FROM system.tables "
                "WHERE database = currentDatabase() AND name = 'events'"
            ).result_rows[0][0]
        )
        made_of = "\n".join(
            (
                *sql.TABLES,
                *(sql.COMING, sql.NUMBERED, *sql.SUMS, sql.REGISTERED),
                visitors.HASH,
                *map(_view, sql.VIEWS.values()),
                events,
            )
        )
        return hashlib.sha256(made_of.encode()).hexdigest()

    def _in_database(self, statement: str) -> str:
        return statement.format(database=self.database)


def _view(name: str) -> str:
    return next(view.text for view in views() if view.name == name)


def _together(days: Iterable[Day]) -> Iterator[list[Day]]:
    """Days that are placed by one insert."""
    found: list[Day] = []
    for day in days:
        events = sum(other.events for other in found)
        if found and (events + day.events > _EVENTS_AT_ONCE or len(found) == _DAYS_AT_ONCE):
            yield found
            found = []
        found.append(day)
    if found:
        yield found
