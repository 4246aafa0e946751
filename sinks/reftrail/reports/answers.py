"""Answers of reports: a kept one at once if it is new enough, else one that ClickHouse gives.

ClickHouse answers one question at a time, and readers ask the same again and again. An answer whose
facts are no longer the newest is still given to those who allow its age; it is asked for once more
behind their backs, one question after the other, so that nobody waits for new facts.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError

from reftrail.reports.catalogue import ReportAnswer, ask
from reftrail.reports.kept_answers import (
    HOLDS_SECONDS,
    KeptAnswer,
    KeptAnswers,
    QuestionKey,
    Source,
)
from reftrail.reports.placed_facts import Placed, PlacedFacts, are_missing
from reftrail.reports.questions import BadQuestion, Question
from reftrail.reports.report_files import Report
from reftrail.reports.turns import Crowded, Turns

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """An answer and its source; no answer if the caller knows it."""

    source: Source
    answer: ReportAnswer | None


def _is_unknown(_: Source) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class _Asked:
    """A report, its question, and which answers the caller knows by their source."""

    report: Report
    question: Question
    is_known: Callable[[Source], bool]

    @property
    def key(self) -> QuestionKey:
        return self.report.name, self.question

    def found(self, source: Source, answer: Callable[[], ReportAnswer]) -> Found:
        return Found(source, None if self.is_known(source) else answer())


class ReportAnswers:
    """Answers of the reports, by one connection and its turns.

    as_of gives the time up to which everything is counted. Reports read what is placed where that
    is new enough, else views.
    """

    def __init__(
        self,
        client: Client,
        as_of: Callable[[], str | None],
        placed: Placed,
        turns: Turns,
        kept: KeptAnswers | None = None,
    ) -> None:
        self._client = client
        self._as_of = as_of
        self._placed = placed
        self._turns = turns
        self._kept = kept or KeptAnswers()
        self._stale: dict[QuestionKey, Report] = {}
        self._renewing: asyncio.Task[None] | None = None

    async def find(
        self,
        report: Report,
        question: Question,
        max_age: float = 0,
        is_known: Callable[[Source], bool] = _is_unknown,
    ) -> Found:
        """The answer of facts that are at most so many seconds old.

        is_known says whether the caller has what is made of a source, and needs no answer. Raises
        `BadQuestion`, and `Crowded` if too many questions wait.
        """
        asked = _Asked(report, question, is_known)
        found = self._of_kept(asked, max_age) if max_age else None
        if found is None:
            found = await self._turns.run(self._of_clickhouse, asked, max_age)
        self._kept.was_read(asked.key)
        return found

    async def answer(self, report: Report, question: Question, max_age: float) -> ReportAnswer:
        """The answer of facts that are at most so many seconds old. Raises as find does."""
        answer = (await self.find(report, question, max_age)).answer
        if answer is None:
            raise AssertionError("an answer is left out only for who knows it")
        return answer

    def _of_kept(self, asked: _Asked, max_age: float) -> Found | None:
        """Of a kept answer, unless it is older; nothing here waits for ClickHouse."""
        kept = self._kept.find(asked.key)
        if kept is None:
            return None
        latest = self._placed.latest()
        if latest is not None:
            if kept.source.version < latest.grew_since:
                return None  # it has what was erased or changed since
            kept.learn(latest)
        source = kept.source
        if source.at < self._kept.begin(asked.key) or self._placed.age(source.at) > max_age:
            return None
        if self._kept.age(kept) > max(max_age, HOLDS_SECONDS):
            return None
        if self._kept.is_stale(kept, latest):
            self._renew(asked)
        return _given(asked, kept, source)

    def _of_clickhouse(self, asked: _Asked, max_age: float) -> Found:
        """Of facts that are placed, else of views, also if the former were dropped; blocks."""
        placed = self._placed.facts(self._client, max_age)
        if placed is not None and placed.at >= self._kept.begin(asked.key):
            try:
                return self._of_placed(asked, placed)
            except DatabaseError as error:
                if not are_missing(error):
                    raise
                self._placed.forget(placed)
        source = self._views()
        self._kept.begin_with(asked.key, source)
        return self._asked_of(asked, source)

    def _views(self) -> Source:
        """The views as a source: their time and content, read before the views themselves."""
        latest, at, as_of = self._placed.latest(), self._placed.now(), self._as_of()
        version = -1 if latest is None else latest.version
        return Source(as_of, self._placed.content(self._client), version, at)

    def _of_placed(self, asked: _Asked, placed: PlacedFacts) -> Found:
        kept = self._kept.find(asked.key)
        if kept is not None and self._kept.holds(kept, placed):
            kept.learn(placed)
            return _given(asked, kept, kept.source)
        return self._asked_of(asked, Source.of(placed))

    def _asked_of(self, asked: _Asked, source: Source) -> Found:
        began = self._kept.clock()

        def answer() -> ReportAnswer:
            given = ask(self._client, asked.report, asked.question, source.as_of, source.placed)
            self._kept.keep(asked.key, KeptAnswer(source, began, given))
            return given

        return asked.found(_by_time(asked.report, source, began), answer)

    def _renew(self, asked: _Asked) -> None:
        """Ask for it again soon, of the newest facts."""
        self._stale[asked.key] = asked.report
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.create_task(self._renew_all())

    async def _renew_all(self) -> None:
        while self._stale:
            key, report = next(iter(self._stale.items()))
            asked = _Asked(report, key[1], _is_unknown)
            try:
                await self._turns.run(self._renewed, asked)
            except Crowded:
                pass  # whoever asks for it next begins again
            finally:
                self._stale.pop(key, None)

    def _renewed(self, asked: _Asked) -> None:
        """Keep an answer of the newest facts, or log why there is none; blocks."""
        latest, began = self._placed.latest(), self._kept.clock()
        if latest is None or latest.at < self._kept.begin(asked.key):
            return
        try:
            self._of_placed(asked, latest)
        except Exception as error:  # noqa: BLE001  (nobody waits for it; who does is told)
            if isinstance(error, DatabaseError) and are_missing(error):
                self._placed.forget(latest)
                return
            self._kept.let_rest(asked.key, self._kept.clock() - began)
            trace = None if isinstance(error, BadQuestion | ClickHouseError) else error
            name = asked.report.name
            _log.warning("the report %s isn't kept up to date: %s", name, error, exc_info=trace)


def _given(asked: _Asked, kept: KeptAnswer, source: Source) -> Found:
    """A kept answer, as of the time of its source that is known by now."""
    by_time = _by_time(asked.report, source, kept.asked_at)
    return asked.found(by_time, lambda: replace(kept.answer, as_of=source.as_of))


def _by_time(report: Report, source: Source, asked_at: float) -> Source:
    """A source, also told apart by when it was asked where time alone changes what it says."""
    if not report.goes_by_time:
        return source
    return replace(source, content=f"{source.content} at {asked_at}")
