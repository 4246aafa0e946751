"""Kept answers: they are given at once, renewed behind their readers, and bounded."""

import asyncio

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError
from support.report_answers import (
    OTHER,
    QUESTION,
    Clock,
    Facts,
    Warehouse,
    given,
    renewed,
)

from reftrail.reports.answers import ReportAnswers
from reftrail.reports.questions import Question


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
