"""Times of answers: none is older than it may be, or than the one before."""

from dataclasses import replace

import pytest
from support.report_answers import FUNNEL, QUESTION, Clock, Facts, Warehouse, given, renewed

from reftrail.reports.answers import ReportAnswers
from reftrail.reports.catalogue import find
from reftrail.reports.kept_answers import Source
from reftrail.reports.questions import Question


async def test_who_wants_now_never_gets_an_older_answer(
    answers: ReportAnswers, facts: Facts, clock: Clock, warehouse: Warehouse
) -> None:
    assert await given(answers, 0) == "1 as of time 1"
    clock.now += 1
    assert await given(answers, 0) == "0 as of views 1"
    facts.place(2)
    assert await given(answers, 0) == "2 as of time 2"
    assert warehouse.asked == [(QUESTION, 1), (QUESTION, 0), (QUESTION, 2)]


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
