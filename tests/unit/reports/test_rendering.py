"""Answers as text."""

import csv
import json
from dataclasses import replace
from io import StringIO
from typing import Any

from reftrail.reports.catalogue import ReportAnswer, catalogue, find
from reftrail.reports.questions import DIMENSIONS, FILTERS
from reftrail.reports.rendering import NARROW, as_csv, as_json, as_table
from reftrail.reports.report_files import Report


def answer(report: Report, rows: list[dict[str, Any]], as_of: str | None = "T") -> ReportAnswer:
    nothing = dict.fromkeys((measure.name for measure in report.measures), 0)
    previous = dict.fromkeys(name for row in rows for name in row if name.startswith("previous_"))
    columns = ("campaign_id", *nothing, *previous)
    return ReportAnswer(as_of, columns, [nothing | row for row in rows])


FUNNEL = find("funnel")
ROWS: list[dict[str, Any]] = [
    {
        "campaign_id": "a-campaign-with-a-long-name",
        "views": 1_234_567,
        "clicks": 8,
        "rewards_granted": 2,
        "reward_value": "12.50",
        "currency": "USD",
        "conversion_rate": 0.1234,
    },
    {"campaign_id": None, "views": 2, "reward_value": "0.00", "currency": None},
]


def test_json_has_the_time_and_the_rows() -> None:
    found = json.loads(as_json(answer(FUNNEL, ROWS)))

    assert found["as_of"] == "T"
    assert found["rows"][0]["reward_value"] == "12.50"


def test_csv_has_a_header_and_leaves_nulls_empty() -> None:
    first, second = csv.DictReader(StringIO(as_csv(FUNNEL, answer(FUNNEL, ROWS))))

    assert first["campaign_id"] == "a-campaign-with-a-long-name"
    assert (second["campaign_id"], second["views"], second["currency"]) == ("", "2", "")


def test_a_table_fits_80_columns_and_has_numbers_to_the_right() -> None:
    lines = as_table(FUNNEL, answer(FUNNEL, ROWS)).splitlines()

    assert max(map(len, lines)) <= NARROW
    assert lines[0] == FUNNEL.title
    (first,) = [line for line in lines if "1,234,567" in line]
    (second,) = [line for line in lines if line.startswith("-")]
    assert first.index("1,234,567") + len("1,234,567") == second.index(" 2") + len(" 2")
    assert "12.34%" in first


def test_a_table_keeps_to_what_says_something() -> None:
    text = as_table(FUNNEL, answer(FUNNEL, ROWS))

    assert "Nothing in any row: forms_started, visitors, signups, purchases," in text
    assert "Values in USD." in text
    assert text.endswith("2 rows, as of T\n")


def test_columns_that_do_not_fit_go_below() -> None:
    rows: list[dict[str, Any]] = [
        {"campaign_id": "c", **{m.name: 10**12 for m in FUNNEL.measures}, "currency": "USD"}
    ]

    text = as_table(FUNNEL, answer(FUNNEL, rows))

    assert text.count("1,000,000,000,000") == 13
    assert max(map(len, text.splitlines())) <= NARROW


def test_long_ids_are_folded() -> None:
    referrers, reconciliation = find("referrers"), find("reconciliation")
    long_id = "z" * 128
    breaks = ", ".join(character * 64 for character in "abcde")
    rows: list[dict[str, Any]] = [{"campaign_id": "spring", "referrer": long_id, "currency": "USD"}]
    found = as_table(referrers, answer(referrers, rows))
    broken = answer(reconciliation, [{"check": "grants_ordered", "breaks": breaks}])
    text = as_table(reconciliation, replace(broken, columns=broken.columns[1:]))
    assert max(map(len, (*found.splitlines(), *text.splitlines()))) <= NARROW
    assert found.count("z") == 128
    assert all(character * 28 in text for character in "abcde")


def test_a_compared_figure_has_its_change_below() -> None:
    rows: list[dict[str, Any]] = [
        {"campaign_id": "spring", "clicks": 12, "previous_clicks": 8, "conversion_rate": 0.25}
        | {
            "previous_conversion_rate": 0.125,
            "reward_value": "5.00",
            "previous_reward_value": "0.00",
        }
    ]

    lines = as_table(FUNNEL, answer(FUNNEL, rows)).splitlines()

    (figures,) = [line.split() for line in lines if line.startswith("spring")]
    (changes,) = [line.split() for line in lines if "+50.0%" in line]
    assert figures == ["spring", "12", "5.00", "25.00%"]
    assert changes == ["+50.0%", "was", "0.00", "+12.50pp"]


def test_what_is_still_missing_is_said() -> None:
    assert "catching up" in as_table(FUNNEL, answer(FUNNEL, [], as_of=None))


def test_every_report_says_what_its_measures_mean() -> None:
    for report in catalogue().values():
        assert report.title
        assert not report.title.startswith("--")
        for measure in report.measures:
            assert f"AS {measure.name}" in report.sql
        columns = {f"by_{name}" for name in (*FILTERS, "period")}
        assert columns <= set(report.sql.replace(",", " ").split())
        assert set(report.usual) <= set(report.dimensions) <= set(DIMENSIONS)
