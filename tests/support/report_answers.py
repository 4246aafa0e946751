"""Answers of reports without ClickHouse: facts, a warehouse and a clock that a test sets."""

import threading

from clickhouse_connect.driver.client import Client

from reftrail.reports.answers import ReportAnswers
from reftrail.reports.catalogue import ReportAnswer, find
from reftrail.reports.placed_facts import PlacedFacts
from reftrail.reports.questions import Question
from reftrail.reports.report_files import Report

FUNNEL = find("funnel")
QUESTION = Question(("campaign",))
OTHER = Question(("campaign", "code"))


class Clock:
    """Seconds that a test sets."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Facts:
    """Facts that a test places, each time as another version."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.newest: PlacedFacts | None = None
        self.place(1)

    def place(self, version: int) -> None:
        content, as_of = f"content {version}", f"time {version}"
        self.newest = PlacedFacts("d", frozenset(), version, content, as_of, self._clock())

    def facts(self, client: Client, max_age: float) -> PlacedFacts | None:
        known = self.newest
        return known if known is not None and self.age(known.at) <= max_age else None

    def latest(self) -> PlacedFacts | None:
        return self.newest

    def age(self, at: float) -> float:
        return self._clock() - at

    def now(self) -> float:
        return self._clock()

    def content(self, client: Client) -> str:
        return "of views"

    def forget(self, facts: PlacedFacts) -> None:
        self.newest = None


class Warehouse:
    """Notes what it is asked; an answer is the version of its facts, 0 of views."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.asked: list[tuple[Question, int]] = []
        self.error: Exception | None = None
        self.wrong = {QUESTION, OTHER}
        self.takes = 0.0
        self.rows = 1
        self.goes_on = threading.Event()
        self.goes_on.set()

    def ask(
        self,
        client: Client,
        report: Report,
        question: Question,
        as_of: str | None,
        placed: PlacedFacts | None = None,
    ) -> ReportAnswer:
        assert self.goes_on.wait(10)
        version = 0 if placed is None else placed.version
        self.asked.append((question, version))
        self._clock.now += self.takes
        if self.error is not None and question in self.wrong:
            raise self.error
        return ReportAnswer(as_of, ("n",), [{"n": version}] * self.rows)


class Views:
    """Counts how often it was asked as of when views are."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> str:
        self.asked += 1
        return f"views {self.asked}"


async def given(answers: ReportAnswers, max_age: float, question: Question = QUESTION) -> str:
    """The answer's version, and its as_of."""
    answer = await answers.answer(FUNNEL, question, max_age)
    return f"{answer.rows[0]['n']} as of {answer.as_of}"


async def renewed(answers: ReportAnswers) -> None:
    """Wait until what is asked again behind the readers has been answered."""
    if answers._renewing is not None:
        await answers._renewing
