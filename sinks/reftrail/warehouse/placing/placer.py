"""Placer of facts: places them again once tables have others, and knows how old they are."""

import asyncio
import logging
import math
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from time import monotonic
from typing import Final

from clickhouse_connect.driver.binding import quote_identifier
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from reftrail.reports.placed_facts import PlacedFacts
from reftrail.warehouse.placing.content import ContentVersion, content_version, tables_of_views
from reftrail.warehouse.placing.tables import Placing
from reftrail.warehouse.placing.visits import PlacedVisits

_REST: Final = 9
"""How many times as long as a placing took nothing is placed after it."""
_LEAST_REST_SECONDS: Final = 2.0
_PATIENCE_SECONDS: Final = 20.0
"""How long a placing waits at most for the end of a steady load: what is placed meanwhile is out of
date at once, and even with few facts a placing takes 2 s of processor time, most of it planning."""
_PATIENCE_WITHOUT_READERS_SECONDS: Final = 120.0
"""The same while nobody has asked for facts since the last placing. A placing of a million events
takes 10 s of processor time, and all else from the log to ClickHouse 35 s."""
_QUIET_WITHOUT_READERS_SECONDS: Final = 6.0
"""How long nothing is loaded before a placing that nobody has asked for. A worker with much to do
pauses for longer than the time between two looks."""
_RECENT_SECONDS: Final = 1.0
"""The age up to which a comparison of facts with the tables is used again, for questions that allow
older answers: with a thousand parts it takes 10 ms of processor time, as long as many an answer."""
_LONGEST_QUERY_SECONDS: Final = 90.0
"""After it nobody reads a database that was replaced."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Current:
    """Facts, and what they were made of. Mixed: not all of the tables were of one time."""

    facts: PlacedFacts
    content: ContentVersion
    is_mixed: bool


@dataclass(frozen=True, slots=True)
class _Compared:
    """Whether tables still had what facts were made of at a time, and the as_of of that time."""

    current: _Current
    at: float
    as_of: str | None
    is_same: bool

    def says_more_than(self, facts: PlacedFacts) -> bool:
        """Whether these facts were the same at this time, and it is no earlier than theirs."""
        is_of_them = self.current.facts.version == facts.version
        return self.is_same and is_of_them and self.at >= facts.at

    def facts(self) -> PlacedFacts:
        """The facts as of that time, if they are the same."""
        content = self.current.content.text()
        return replace(self.current.facts, as_of=self.as_of, content=content, at=self.at)


class Placer:
    """Placed facts of one warehouse. It places with a connection of its own.

    as_of gives the time up to which everything is loaded; is_behind whether there are messages
    that aren't.
    """

    def __init__(
        self,
        client: Client,
        as_of: Callable[[], str | None],
        is_behind: Callable[[], bool] = lambda: False,
    ) -> None:
        self._client = client
        self._as_of = as_of
        self._is_behind = is_behind
        self._name = str(client.query("SELECT currentDatabase()").result_rows[0][0])
        self._begin(self._name)
        self._epoch: int | None = None
        self._version = -1
        self._ended = 0.0
        self._seen: ContentVersion | None = None
        self._grows_since: float | None = None
        self._grew_at = -math.inf
        self._has_former = True
        self._has_readers = False
        self._is_placing = False
        self._comparing = threading.Lock()
        # The loop waits for its own threads at the end, and a placing may take a minute.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="placing")

    def begin_turn(self, epoch: int) -> None:
        """Place into databases of this turn, and remove those of earlier ones.

        A warehouse that is late with a placing of its turn finds no database of this one.
        """
        self._begin(f"{self._name}_turn_{epoch}")
        self._epoch = epoch

    def _begin(self, name: str) -> None:
        self._visits = PlacedVisits(self._client, f"{name}_placed_visits")
        self._databases = [Placing(self._client, f"{name}_placed_{number}") for number in (0, 1)]
        self._current: _Current | None = None
        self._compared: _Compared | None = None
        self._last_same: _Compared | None = None

    def close(self) -> None:
        """Close the connection, but where it is at work: nothing depends on that placing."""
        if not self._is_placing:
            self._client.close()

    def facts(self, client: Client, max_age: float) -> PlacedFacts | None:
        """Facts of now, else those that are at most so many seconds old; None without any."""
        self._has_readers = True
        current = self._current
        if current is None:
            return None
        now = self._compare(client, current, max_age)
        known = self._as_last_known(current)
        if now.is_same:
            return now.facts() if now.at >= known.at else known
        return None if current.is_mixed or self.age(known.at) > max_age else known

    def latest(self) -> PlacedFacts | None:
        """The newest facts, as of when ClickHouse was last asked about them; None without any."""
        self._has_readers = True
        current = self._current
        if current is None:
            return None
        facts = self._as_last_known(current)
        return None if current.is_mixed and facts is current.facts else facts

    def _as_last_known(self, current: _Current) -> PlacedFacts:
        """These facts, as of the last time by which they were known to be of now.

        Answers have said so: with an earlier time the next one would go back.
        """
        last = self._last_same
        return last.facts() if last and last.says_more_than(current.facts) else current.facts

    def age(self, at: float) -> float:
        """How many seconds ago this was, of facts the time at which they were of now."""
        return self.now() - at

    def now(self) -> float:
        """The present second, by the clock of facts."""
        return monotonic()

    def _compare(self, client: Client, current: _Current, max_age: float) -> _Compared:
        """Compare facts with the tables, unless that is as recent as a second and max_age."""
        last, at = self._compared, monotonic()
        recent = min(max_age, _RECENT_SECONDS)
        if last is not None and last.current is current and at - last.at < recent:
            return last
        as_of = self._as_of()
        now = _Compared(current, at, as_of, content_version(client) == current.content)
        self._compared = now
        with self._comparing:
            if now.says_more_than(self._as_last_known(current)):
                self._last_same = now
        return now

    def content(self, client: Client) -> str:
        """A word for what the tables have now."""
        return content_version(client).text()

    def forget(self, facts: PlacedFacts) -> None:
        """Place anew what somebody dropped, though the tables have what they had."""
        current = self._current
        if current is not None and current.facts.version == facts.version:
            self._current = None

    def place(self) -> bool:
        """Place the facts, unless those that are placed are of now; whether it did. It blocks."""
        began, as_of = monotonic(), self._as_of()  # before the content, which has all until then
        return self._place(began, as_of, content_version(self._client))

    def _place(self, began: float, as_of: str | None, content: ContentVersion) -> bool:
        current = self._current
        if current is not None and current.content == content:
            still = replace(current.facts, as_of=as_of, content=content.text(), at=began)
            self._current = replace(current, facts=still)
            return False
        if current is None:
            self._drop_earlier_turns()
        self._has_readers = False
        version = self._version + 1  # once more if this fails: the other database is being read
        self._visits.make()
        same = () if current is None else self._same(current, content)
        before = "" if current is None else current.facts.database
        facts = self._databases[version % 2].place(self._visits, same, before)
        ended = content_version(self._client)
        self._version = version
        made_of = content.text() if content == ended else content.text() + ended.text()
        facts = replace(
            facts,
            version=version,
            as_of=as_of,
            content=made_of,
            at=began,
            grew_since=_grew_since(current, content, version),
        )
        self._current = _Current(facts, content, not content.only_grew(ended))
        self._ended, self._has_former = monotonic(), True
        _log.info("placed facts in %.1f s", self._ended - began)
        return True

    def _same(self, before: _Current, now: ContentVersion) -> list[str]:
        """Views none of whose tables have changed since they were placed, or while they were."""
        there = self._client.query(
            "SELECT name FROM system.tables WHERE database = {name:String}",
            parameters={"name": before.facts.database},
        ).result_rows
        reads = tables_of_views(self._client)
        return [
            name
            for (name,) in there
            if name in reads and before.content.of(reads[name]) == now.of(reads[name])
        ]

    def _drop_earlier_turns(self) -> None:
        """Remove the databases of turns before this one."""
        if self._epoch is None:
            return
        named = re.compile(rf"{re.escape(self._name)}(?:_turn_(\d+))?_placed_(?:visits|0|1)")
        for (database,) in self._client.query("SHOW DATABASES").result_rows:
            found = named.fullmatch(database)
            if found and int(found[1] or 0) < self._epoch:
                self._client.command(
                    f"DROP DATABASE IF EXISTS {quote_identifier(database)} SYNC",
                    settings={"max_table_size_to_drop": 0},
                )

    async def run(self) -> None:
        """Place facts again and again, at most a tenth of the time, once everything was loaded.

        While more is loaded at each look a placing waits, but not for what was changed or erased.
        """
        is_failing = False
        while True:
            began = monotonic()
            try:
                await asyncio.get_running_loop().run_in_executor(self._thread, self.step)
                is_failing = False
            except Exception as error:  # noqa: BLE001  (loading goes on, whatever it is)
                if not is_failing:
                    self._report(error)
                is_failing = True
            took = monotonic() - began
            await asyncio.sleep(max(_LEAST_REST_SECONDS, _REST * took))

    def _report(self, error: Exception) -> None:
        """Log a fault. It ends nothing: reports read views, and what is loaded is right."""
        trace = None if isinstance(error, ClickHouseError) else error
        _log.warning("facts can't be placed, so reports read views: %s", error, exc_info=trace)

    def step(self) -> None:
        """Place the facts if it is time to; it blocks."""
        self._is_placing = True
        try:
            began, as_of = monotonic(), self._as_of()
            content = content_version(self._client)
            is_growing = self._is_growing(content)
            if as_of is not None and not is_growing and not self._place(began, as_of, content):
                self._drop_former()
        finally:
            self._is_placing = False

    def _is_growing(self, now: ContentVersion) -> bool:
        """Whether more was loaded since the last look or is to be, and nothing else.

        False after a while. What was changed or erased since the last placing, which may have
        failed, doesn't wait.
        """
        seen, self._seen = self._seen, now
        placed = seen if self._current is None else self._current.content
        is_missing = self._current is None or placed != now
        comes_more = seen != now or (is_missing and self._is_behind())
        at = monotonic()
        if seen is not None and comes_more:
            self._grew_at = at
        rest, patience = self._waits()
        is_resting = is_missing and at - self._grew_at < rest
        may_wait = seen is not None and placed is not None and placed.only_grew(now)
        if not may_wait or not (comes_more or is_resting):
            self._grows_since = None
            return False
        self._grows_since = at if self._grows_since is None else self._grows_since
        if at - self._grows_since < patience:
            return True
        self._grows_since = None
        return False

    def _waits(self) -> tuple[float, float]:
        """Seconds without a load before a placing, and for how long it waits for these at most."""
        if self._has_readers:
            return 0.0, _PATIENCE_SECONDS
        return _QUIET_WITHOUT_READERS_SECONDS, _PATIENCE_WITHOUT_READERS_SECONDS

    def _drop_former(self) -> None:
        """Remove the facts of before, once no query can still be reading them."""
        is_unread = monotonic() - self._ended > _LONGEST_QUERY_SECONDS
        if self._current is not None and self._has_former and is_unread:
            self._databases[(self._current.facts.version + 1) % 2].drop()
            self._has_former = False


def _grew_since(before: _Current | None, content: ContentVersion, version: int) -> int:
    """The version since which nothing but inserts has led to this version of these contents."""
    if before is None or not before.content.only_grew(content):
        return version
    return before.facts.grew_since
