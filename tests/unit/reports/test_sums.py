"""Questions that reports answer from sums by day or hour, and how SQL states what it counts."""

import re
from typing import Final

import pytest

from reftrail.reports.catalogue import catalogue, find
from reftrail.reports.levels import OF_ACTIVITY
from reftrail.reports.placed_facts import PlacedFacts
from reftrail.reports.questions import question
from reftrail.reports.report_files import Report
from reftrail.reports.sums import of_placed, of_single_facts, of_sums

PLACED: Final = PlacedFacts("placed", frozenset({"v_activity", "v_receipts", "v_reconciliation"}))
FIRST, LAST = "2026-09-20", "2026-09-30"
NOON: Final = "2026-09-20T12:00:00Z"


@pytest.mark.parametrize("report", ["funnel", "campaigns", "codes", "referrers", "data_quality"])
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

    text = of_placed(find(report), asked, PLACED)

    assert ("placed.days_of_" in text) == are_read


@pytest.mark.parametrize(
    ("report", "by", "filters", "level"),
    [
        ("funnel", [], {}, "activity_by_campaign"),
        ("funnel", ["campaign", "week"], {"campaign": ["a"]}, "activity_by_campaign"),
        ("funnel", ["channel"], {"category": ["a"]}, "activity_by_channel"),
        ("funnel", ["campaign"], {"code": ["a"]}, "activity_by_source"),
        ("funnel", ["code"], {"source": ["a"]}, "activity_by_source"),
        ("campaigns", ["campaign"], {}, "activity_by_campaign"),
        ("channels", ["channel"], {}, "activity_by_channel"),
        ("codes", [], {"campaign": ["a"]}, "activity_by_code"),
        ("referrers", [], {}, "activity_by_code"),
        ("referrers", ["source"], {}, "activity_by_source"),
        ("data_quality", ["campaign"], {}, "receipts_by_campaign"),
        ("data_quality", ["channel"], {}, "receipts_by_source"),
    ],
)
def test_the_fewest_rows_are_read_that_have_what_is_asked(
    report: str, by: list[str], filters: dict[str, list[str]], level: str
) -> None:
    asked = question(by, FIRST, LAST, filters=filters, usual=())

    text = of_placed(find(report), asked, PLACED)

    assert f"FROM placed.days_of_{level} AS a" in text
    assert ("groupBitmapArrayMergeIf(" in text) == (
        report == "funnel" and not {"code", "source"} & {*by, *filters}
    )


@pytest.mark.parametrize("report", [it for it in catalogue().values() if it.counts_clickers_only])
def test_a_report_that_reads_who_clicked_alone_counts_nobody_else(report: Report) -> None:
    counted = re.findall(r"(?:different_visitors|sets_of_visitors)\((.*?)\) AS", report.sql)

    assert set(counted) <= {"kind = 'click'", "signed_up"}


def test_sums_of_a_report_with_other_facts_are_not_read() -> None:
    text = of_placed(find("attribution"), question((), FIRST, LAST, usual=()), PLACED)

    assert "placed.days_of_" not in text


def test_visits_around_whole_days_are_read_singly() -> None:
    text = of_placed(find("funnel"), question((), NOON, LAST, usual=()), PLACED)

    whole = "placed.days_of_activity_by_source WHERE at >= toDateTime64('2026-09-21 00:00:00.000'"
    assert whole in text
    assert "placed.single_activity WHERE at < toDateTime64('2026-09-21 00:00:00.000'" in text


@pytest.mark.parametrize(
    ("since", "by", "time_zone", "are_read"),
    [
        (NOON, (), "UTC", True),
        ("2026-09-20T12:30:00Z", (), "UTC", False),
        (NOON, ("day",), "UTC", True),
        (NOON, ("hour",), "UTC", True),
        (NOON, (), "Europe/Berlin", True),
        (NOON, ("day",), "Europe/Berlin", False),
    ],
)
def test_reconciliation_reads_whole_hours(
    since: str, by: tuple[str, ...], time_zone: str, are_read: bool
) -> None:
    asked = question(by, since, LAST, time_zone=time_zone, usual=())
    text = of_placed(find("reconciliation"), asked, PLACED)

    assert ("placed.hours_of_reconciliation" in text) == are_read


@pytest.mark.parametrize("name", catalogue())
def test_nothing_is_left_of_what_stands_for_counts(name: str) -> None:
    sums = (of_sums(find(name).sql, level) for level in OF_ACTIVITY)
    for text in (of_single_facts(find(name).sql), *sums):
        assert "count_of(" not in text
        assert "different_visitors(" not in text
        assert "quantiles_of_lags(" not in text
        assert "sets_of_visitors(" not in text
        assert "visitors_in_sets(" not in text
