"""Answers of reports come at once where one is kept that is new enough, and are renewed behind it.

The facts and ClickHouse's answers are made up here: only which of them are given is looked at.
"""

import asyncio
import threading
from dataclasses import replace
from unittest.mock import Mock

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from reftrail.reports import answers as answers_module
from reftrail.reports.answers import ReportAnswers
from reftrail.reports.catalogue import ReportAnswer, find
from reftrail.reports.kept_answers import KeptAnswers, Source
from reftrail.reports.placed_facts import PlacedFacts
from reftrail.reports.questions import Question
from reftrail.reports.report_files import Report
from reftrail.reports.turns import Turns

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


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def facts(clock: Clock) -> Facts:
    return Facts(clock)


@pytest.fixture
def warehouse(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Warehouse:
    made = Warehouse(clock)
    monkeypatch.setattr(answers_module, "ask", made.ask)
    return made


@pytest.fixture
def answers(clock: Clock, facts: Facts, warehouse: Warehouse) -> ReportAnswers:
    del warehouse
    turns = Turns("test", 2)
    return ReportAnswers(Mock(Client), Views(), facts, turns, KeptAnswers(clock))


async def given(answers: ReportAnswers, max_age: float, question: Question = QUESTION) -> str:
    """The answer's version, and its as_of."""
    answer = await answers.answer(FUNNEL, question, max_age)
    return f"{answer.rows[0]['n']} as of {answer.as_of}"


async def renewed(answers: ReportAnswers) -> None:
    """Wait until what is asked again behind the readers has been answered."""
    if answers._renewing is not None:
        await answers._renewing


async def test_the_same_question_is_asked_once(
    answers: ReportAnswers, warehouse: Warehouse
) -> None:
    assert {await given(answers, 60) for _ in range(3)} == {"1 as of time 1"}
    assert await given(answers, 60, OTHER) == "1 as of time 1"
    assert warehouse.asked == [(QUESTION, 1), (OTHER, 1)]


async def test_a_kept_answer_does_not_wait_for_other_questions(
    answers: ReportAnswers, warehouse: Warehouse
) -> None:
    await given(answers, 60)
    warehouse.goes_on.clear()
    slow = asyncio.create_task(given(answers, 60, OTHER))
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        assert await given(answers, 60) == "1 as of time 1"
    assert not slow.done()
    warehouse.goes_on.set()
    await slow


async def test_who_wants_now_never_gets_an_older_answer(
    answers: ReportAnswers, facts: Facts, clock: Clock, warehouse: Warehouse
) -> None:
    assert await given(answers, 0) == "1 as of time 1"
    clock.now += 1
    assert await given(answers, 0) == "0 as of views 1"
    facts.place(2)
    assert await given(answers, 0) == "2 as of time 2"
    assert warehouse.asked == [(QUESTION, 1), (QUESTION, 0), (QUESTION, 2)]


async def test_an_answer_of_former_facts_is_given_until_it_is_renewed(
    answers: ReportAnswers, facts: Facts, clock: Clock, warehouse: Warehouse
) -> None:
    await given(answers, 60)
    clock.now += 30
    facts.place(2)
    assert await given(answers, 60) == "1 as of time 1"
    await renewed(answers)
    assert await given(answers, 60) == "2 as of time 2"
    assert warehouse.asked == [(QUESTION, 1), (QUESTION, 2)]


async def test_an_answer_is_never_older_than_it_may_be(
    answers: ReportAnswers, facts: Facts, clock: Clock
) -> None:
    await given(answers, 60)
    clock.now += 30
    facts.place(2)
    clock.now += 1
    assert await given(answers, 30) == "2 as of time 2"
    clock.now += 60
    facts.newest = None
    assert await given(answers, 60) == "0 as of views 1"


async def test_facts_that_are_still_of_now_are_said_to_be(
    answers: ReportAnswers, facts: Facts, clock: Clock, warehouse: Warehouse
) -> None:
    await given(answers, 10)
    clock.now += 20
    assert facts.newest is not None
    facts.newest = replace(facts.newest, as_of="time 1b", at=clock.now)
    for max_age in (0, 10):
        assert await given(answers, max_age) == "1 as of time 1b"
    assert warehouse.asked == [(QUESTION, 1)]
    clock.now += 5
    assert await given(answers, 10) == "1 as of time 1b"
    assert await given(answers, 4) == "0 as of views 1"


@pytest.mark.parametrize("max_age", [0, 60])
async def test_the_time_of_an_answer_never_goes_back(
    answers: ReportAnswers, facts: Facts, clock: Clock, max_age: float
) -> None:
    """What was known to be still of now by then is said when newer facts have come, too."""
    await given(answers, 60)
    clock.now += 20
    assert facts.newest is not None
    facts.newest = replace(facts.newest, as_of="time 1b", at=clock.now)
    assert await given(answers, max_age) == "1 as of time 1b"
    facts.place(2)
    clock.now += 30
    assert await given(answers, 60) == "1 as of time 1b"
    await renewed(answers)
    assert await given(answers, 60) == "2 as of time 2"


async def test_after_an_answer_of_now_nobody_gets_an_older_one(
    answers: ReportAnswers, facts: Facts, clock: Clock, warehouse: Warehouse
) -> None:
    """Nor where facts are placed by then that were begun before it, as a placing takes a minute."""
    assert await given(answers, 900) == "1 as of time 1"
    clock.now += 30
    assert await given(answers, 0) == "0 as of views 1"
    assert facts.newest is not None
    facts.newest = replace(facts.newest, version=2, as_of="time 2", at=clock.now - 10)
    for _ in range(3):
        assert await given(answers, 900) == "0 as of views 1"
        await renewed(answers)
    clock.now += 61
    assert await given(answers, 900) == "0 as of views 1"
    await renewed(answers)
    assert await given(answers, 900) == "0 as of views 1"
    assert [version for _, version in warehouse.asked] == [1, 0]
    facts.place(3)
    assert await given(answers, 900) == "0 as of views 1"
    await renewed(answers)
    assert await given(answers, 900) == "3 as of time 3"


async def test_an_answer_of_views_is_given_until_it_is_too_old(
    answers: ReportAnswers, facts: Facts, clock: Clock
) -> None:
    clock.now += 30
    assert await given(answers, 0) == "0 as of views 1"
    clock.now += 30
    assert await given(answers, 30) == "0 as of views 1"
    clock.now += 1
    assert await given(answers, 30) == "0 as of views 2"


async def test_what_was_erased_is_in_no_answer_of_views_once_facts_are_placed_anew(
    answers: ReportAnswers, facts: Facts, clock: Clock
) -> None:
    clock.now += 30
    assert await given(answers, 0) == "0 as of views 1"
    clock.now += 30
    facts.place(2)
    assert facts.newest is not None
    facts.newest = replace(facts.newest, grew_since=2)
    assert await given(answers, 900) == "2 as of time 2"


async def test_who_is_said_that_nothing_is_newer_gets_nothing_older(
    answers: ReportAnswers, facts: Facts, clock: Clock, warehouse: Warehouse
) -> None:
    await given(answers, 900)
    clock.now += 30
    assert (await answers.find(FUNNEL, QUESTION, 0, lambda _: True)).source.as_of == "views 1"
    assert await given(answers, 900) == "0 as of views 2"


async def test_answers_do_not_go_back_once_they_are_no_longer_kept(
    answers: ReportAnswers, facts: Facts, clock: Clock, warehouse: Warehouse
) -> None:
    """Nor those to questions of which so many were asked that nobody knows them all."""
    many = [Question(("campaign",), weeks=number) for number in range(3_000)]
    clock.now += 30
    for question in many:
        await given(answers, 0, question)
    for question in (many[0], many[2_000]):
        assert (await given(answers, 900, question)).startswith("0 as of views 3")
    facts.place(2)
    assert await given(answers, 900, many[1]) == "2 as of time 2"


async def test_the_time_of_an_answer_does_not_go_back_when_it_is_renewed(
    answers: ReportAnswers, facts: Facts, clock: Clock
) -> None:
    """Facts of another time are no newer ones, though they are the latest that are known."""
    await given(answers, 900)
    clock.now += 61
    was = facts.newest
    assert was is not None
    facts.newest = replace(was, as_of="time 1b", at=clock.now)
    assert await given(answers, 900) == "1 as of time 1b"
    await renewed(answers)
    facts.newest = was
    clock.now += 61
    assert await given(answers, 900) == "1 as of time 1b"
    await renewed(answers)
    assert await given(answers, 900) == "1 as of time 1b"


async def test_a_report_that_goes_by_the_time_is_renewed_after_a_minute(
    answers: ReportAnswers, facts: Facts, clock: Clock, warehouse: Warehouse
) -> None:
    await given(answers, 900)
    clock.now += 61
    assert await given(answers, 900) == "1 as of time 1"
    await renewed(answers)
    assert await given(answers, 900) == "1 as of time 1"
    assert warehouse.asked == [(QUESTION, 1)] * 2


async def test_many_readers_of_a_former_answer_renew_it_once(
    answers: ReportAnswers, facts: Facts, warehouse: Warehouse
) -> None:
    for question in (QUESTION, OTHER):
        await given(answers, 60, question)
    facts.place(2)
    for question in (QUESTION, OTHER) * 8:
        assert await given(answers, 60, question) == "1 as of time 1"
    await renewed(answers)
    assert warehouse.asked[2:] == [(QUESTION, 2), (OTHER, 2)]


async def test_an_answer_that_can_not_be_renewed_is_given_until_it_is_too_old(
    answers: ReportAnswers,
    facts: Facts,
    clock: Clock,
    warehouse: Warehouse,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await given(answers, 60)
    facts.place(2)
    warehouse.error = DatabaseError("TIMEOUT_EXCEEDED")
    assert await given(answers, 60) == "1 as of time 1"
    await renewed(answers)
    assert "the report funnel isn't kept up to date: TIMEOUT_EXCEEDED" in caplog.text
    assert await given(answers, 60) == "1 as of time 1"
    await renewed(answers)
    clock.now += 61
    with pytest.raises(DatabaseError):
        await given(answers, 60)


@pytest.mark.parametrize("took_and_rests", [(1, 60), (60, 540)])
async def test_what_can_not_be_renewed_is_not_asked_again_at_once(
    answers: ReportAnswers,
    facts: Facts,
    clock: Clock,
    warehouse: Warehouse,
    took_and_rests: tuple[float, float],
) -> None:
    """A question that reaches its limit of time would be asked without a pause."""
    took, rest = took_and_rests

    async def asked_by_many() -> int:
        before = len(warehouse.asked)
        for _ in range(20):
            assert await given(answers, 3600) == "1 as of time 1"
            await renewed(answers)
        return len(warehouse.asked) - before

    await given(answers, 3600)
    facts.place(2)
    warehouse.error, warehouse.takes = DatabaseError("TIMEOUT_EXCEEDED"), took
    assert await asked_by_many() == 1
    clock.now += rest - 1
    assert await asked_by_many() == 0
    clock.now += 2
    assert await asked_by_many() == 1
    clock.now += rest + 1
    warehouse.error = None
    await given(answers, 3600)
    await renewed(answers)
    assert await given(answers, 3600) == "2 as of time 2"


async def test_a_fault_of_one_question_does_not_keep_others_from_being_renewed(
    answers: ReportAnswers,
    facts: Facts,
    warehouse: Warehouse,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for question in (QUESTION, OTHER):
        await given(answers, 60, question)
    facts.place(2)
    warehouse.error = KeyError("a fault")
    warehouse.wrong = {QUESTION}
    for question in (QUESTION, OTHER):
        await given(answers, 60, question)
    await renewed(answers)
    assert await given(answers, 60, OTHER) == "2 as of time 2"
    assert "the report funnel isn't kept up to date" in caplog.text
    assert "Traceback" in caplog.text


async def test_facts_that_are_missing_are_placed_anew_before_an_answer_is_renewed(
    answers: ReportAnswers,
    facts: Facts,
    warehouse: Warehouse,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await given(answers, 60)
    facts.place(2)
    warehouse.error = DatabaseError("no database", name="UNKNOWN_DATABASE")
    for _ in range(3):
        assert await given(answers, 60) == "1 as of time 1"
        await renewed(answers)
    assert (facts.newest, len(warehouse.asked)) == (None, 2)
    warehouse.error = None
    facts.place(3)
    await given(answers, 60)
    await renewed(answers)
    assert await given(answers, 60) == "3 as of time 3"
    assert caplog.records == []


async def test_who_has_an_answer_already_gets_none(
    answers: ReportAnswers, warehouse: Warehouse
) -> None:
    seen: list[Source] = []

    def is_known(source: Source) -> bool:
        seen.append(source)
        return True

    for _ in range(2):
        assert (await answers.find(FUNNEL, QUESTION, 60, is_known)).answer is None
    assert warehouse.asked == []
    await given(answers, 60)
    assert (await answers.find(FUNNEL, QUESTION, 60, is_known)).answer is None
    assert {source.content for source in seen} == {"content 1"}


@pytest.mark.parametrize(
    ("name", "is_known"), [("codes", False), ("forecast", False), ("funnel", True)]
)
async def test_who_has_what_time_alone_has_changed_gets_it_anew(
    answers: ReportAnswers, facts: Facts, clock: Clock, name: str, is_known: bool
) -> None:
    """A code expires though nothing is loaded, and though as_of stands still without Kafka."""
    report, seen = find(name), set[tuple[str | None, str]]()

    async def has_it(after: float, max_age: float) -> bool:
        clock.now += after
        found = await answers.find(
            report, QUESTION, max_age, lambda source: (source.as_of, source.content) in seen
        )
        seen.add((found.source.as_of, found.source.content))
        return found.answer is None

    assert not await has_it(0, 900)
    assert await has_it(60, 900)
    assert await has_it(1, 900)
    await renewed(answers)
    assert await has_it(0, 900) == is_known
    assert await has_it(0, 900)
    assert facts.newest is not None
    facts.newest = replace(facts.newest, at=clock.now + 61)
    assert await has_it(61, 0) == is_known


async def test_what_is_kept_is_bounded_by_rows_and_answers(
    answers: ReportAnswers, warehouse: Warehouse
) -> None:
    async def asked_again(question: Question) -> int:
        before = len(warehouse.asked)
        await given(answers, 60, question)
        return len(warehouse.asked) - before

    questions = [Question(("campaign",), weeks=number) for number in range(300)]
    for question in questions:
        await given(answers, 60, question)
    assert [await asked_again(question) for question in questions[-256:]] == [0] * 256
    assert await asked_again(questions[43]) == 1
    warehouse.rows = 10_000
    for question in questions[:6]:
        await given(answers, 60, question)
    assert [await asked_again(question) for question in questions[1:6]] == [0] * 5
    assert await asked_again(questions[0]) == 1
    warehouse.rows = 10_001
    await given(answers, 60, OTHER)
    assert await asked_again(OTHER) == 1


async def test_what_was_read_longest_ago_is_let_go_of(
    answers: ReportAnswers, warehouse: Warehouse
) -> None:
    questions = [Question(("campaign",), weeks=number) for number in range(258)]
    for question in questions[:256]:
        await given(answers, 60, question)
    await given(answers, 60, questions[0])
    await given(answers, 0, questions[1])
    for question in questions[256:]:
        await given(answers, 60, question)
    warehouse.asked.clear()
    for question in (questions[0], questions[1], questions[4]):
        await given(answers, 60, question)
    assert warehouse.asked == []
    for question in questions[2:4]:
        await given(answers, 60, question)
    assert warehouse.asked == [(questions[2], 1), (questions[3], 1)]
