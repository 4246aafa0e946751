from datetime import UTC, datetime

import pytest

from reftrail.reports.catalogue import find
from reftrail.reports.parameters import asked
from reftrail.reports.questions import BEGINNING, END, BadQuestion, Question, question


def test_by_campaign_for_all_time_is_the_default() -> None:
    assert question([], None, None) == Question(("campaign",), BEGINNING, END)


def test_dimensions_may_be_repeated_or_comma_separated() -> None:
    assert question(["code, day", "campaign", "code"], None, None).by == ("code", "day", "campaign")


def test_a_date_begins_at_midnight_utc() -> None:
    assert question([], "2026-01-31", None).since == datetime(2026, 1, 31, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2026-01-31T12:00:00Z", "2026-01-31T14:00:00+02:00"])
def test_a_time_has_a_zone(text: str) -> None:
    assert question([], None, text).until == datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["2026-01-31T12:00:00", "31.01.2026", "2026-02-30", "now", "1969-12-31"]
)
def test_what_is_no_such_time_is_refused(text: str) -> None:
    with pytest.raises(BadQuestion, match="from"):
        question([], text, None)


def test_from_must_be_before_to() -> None:
    with pytest.raises(BadQuestion, match=r"from \(2026-01-02\) must be before to \(2026-01-02\)"):
        question([], "2026-01-02", "2026-01-02")


PERIOD = {"from": ["2026-01-01"], "to": ["2026-02-01"]}


def test_weeks_of_signup_have_no_previous_period() -> None:
    """Its cohorts would all be other ones."""
    with pytest.raises(BadQuestion, match="cohorts has no previous period"):
        asked(find("cohorts"), PERIOD | {"compare": ["previous"]})


@pytest.mark.parametrize("by", ["campaign", "month"])
def test_periods_of_statements_are_those_of_utc(by: str) -> None:
    """The last millisecond of a month is in the next month east of Greenwich."""
    question_of = PERIOD | {"by": [by]}
    with pytest.raises(BadQuestion, match="payouts has days of UTC, not of Europe/Berlin"):
        asked(find("payouts"), question_of | {"time_zone": ["Europe/Berlin"]})
    assert asked(find("payouts"), question_of | {"time_zone": ["UTC"]}).time_zone == "UTC"
