"""Questions that reports answer from sums by day or hour, and how SQL states what it counts."""

from typing import Final

import pytest

from reftrail.reports.catalogue import catalogue, find
from reftrail.reports.placed_facts import PlacedFacts
from reftrail.reports.questions import question
from reftrail.reports.sums import of_placed, of_single_facts, of_sums

PLACED: Final = PlacedFacts("placed", frozenset({"v_activity", "v_receipts", "v_reconciliation"}))
FIRST, LAST = "2026-09-20", "2026-09-30"
NOON: Final = "2026-09-20T12:00:00Z"


@pytest.mark.parametrize("report", ["funnel", "codes", "referrers", "data_quality"])
@pytest.mark.parametrize(
    ("by", "period", "more", "are_read"),
    [
        ([], (FIRST, LAST), {}, True),
        ([], (None, None), {"filters": {"campaign": ["a"], "code": ["b"]}}, True),
        (["day"], (FIRST, LAST), {}, True),
        (["source"], (FIRST, LAST), {"filters": {"source": ["newsletter"]}}, True),
        (["day"], (FIRST, LAST), {"time_zone": "Asia/Kolkata"}, False),
        (["hour"], (FIRST, LAST), {}, False),
        (["country"], (FIRST, LAST), {}, False),
        ([], (FIRST, LAST), {"filters": {"country": ["DE"]}}, False),
        (["day"], (NOON, LAST), {}, False),
        ([], (NOON, "2026-09-20T18:00:00Z"), {}, False),
    ],
)
def test_sums_by_day_are_read_where_they_have_what_is_asked(
    report: str,
    by: list[str],
    period: tuple[str | None, str | None],
    more: dict[str, object],
    are_read: bool,
) -> None:
    asked = question(by, *period, **more, usual=())  # type: ignore[arg-type]

    text = of_placed(find(report).sql, asked, PLACED)

    assert ("placed.days_of_" in text) == are_read


def test_visits_around_whole_days_are_read_singly() -> None:
    text = of_placed(find("funnel").sql, question((), NOON, LAST, usual=()), PLACED)

    whole = "placed.days_of_activity WHERE at >= toDateTime64('2026-09-21 00:00:00.000'"
    assert whole in text
    assert "placed.single_activity_visits WHERE at < toDateTime64('2026-09-21 00:00:00.000'" in text


@pytest.mark.parametrize(("since", "are_read"), [(NOON, True), ("2026-09-20T12:30:00Z", False)])
def test_reconciliation_reads_whole_hours(since: str, are_read: bool) -> None:
    text = of_placed(find("reconciliation").sql, question((), since, LAST, usual=()), PLACED)

    assert ("placed.hours_of_reconciliation" in text) == are_read


@pytest.mark.parametrize("name", catalogue())
def test_nothing_is_left_of_what_stands_for_counts(name: str) -> None:
    for text in (of_single_facts(find(name).sql), of_sums(find(name).sql)):
        assert "count_of(" not in text
        assert "different_visitors(" not in text
        assert "quantiles_of_lags(" not in text
