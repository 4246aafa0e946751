"""Figures of reports on a simulated programme, against the same ones added up in polars."""

import re
from dataclasses import replace
from typing import Final

import polars as pl
import pytest
from support.clickhouse import ClickHouse
from support.placing import placed_facts
from support.raw_programme import Raw, decided_programme
from support.report_figures import (
    by_key,
    conversions,
    counts,
    forecast_nothing,
    joined,
    reward_sums,
    visitors,
)
from support.report_rows import Asked, Period, same_of_views

from reftrail.contracts.money import amount_text
from reftrail.reports.catalogue import ask, catalogue, find
from reftrail.reports.parameters import asked

BY: Final = (
    ["code"],
    ["campaign", "day"],
    ["category", "channel"],
    ["country", "day"],
    ["source", "day"],
)
WHOLE: Final = ["campaign", "category", "channel", "source", "code", "country"]
REPORTS: Final = ("funnel", "attribution", "rewards")
PERIODS: Final = ((None, None), ("2025-10-20", "2025-11-05"))
SEEN: Final = {"view": "views", "click": "clicks", "form_started": "forms_started"}
ONCE: Final = {"signup": "signups", "purchase": "purchases"}


@pytest.fixture(scope="module")
def programme(clickhouse_engine: ClickHouse) -> Raw:
    return decided_programme(clickhouse_engine, 0)


def test_the_programme_has_what_makes_counting_hard(programme: Raw) -> None:
    assert programme.events["event_id"].is_duplicated().sum() > 100
    assert programme.events["is_bot"].sum() > 10
    assert {"granted", "reversed", "rejected"} <= set(programme.rewards["status"])
    assert programme.rewards["reasons"].list.contains("self_referral").any()
    assert not programme.attributions["decisive"].all()
    assert programme.events.filter(pl.col("type") == "refund").height > 10


@pytest.mark.parametrize("period", PERIODS, ids=str)
@pytest.mark.parametrize("by", BY, ids=",".join)
def test_the_funnel(
    programme: Raw,
    clickhouse_engine: ClickHouse,
    by: list[str],
    period: Period,
) -> None:
    asked = Asked(by, *period)
    events, current = programme.once(), programme.current()
    people = programme.placed(events.filter(~pl.col("is_bot")), "event_time", asked)
    counted = counts(people, asked, {name: pl.col("type") == kind for kind, name in SEEN.items()})
    clicked = visitors(people.filter(pl.col("type") == "click"), events, current, asked)
    by_visitor = people.filter(pl.col("type").is_in(list(SEEN))).group_by(asked.keys)
    seen = by_visitor.agg(visitors=pl.col("visitor_id").n_unique())
    users = programme.placed(conversions(events, current), "event_time", asked)
    of_users = {name: pl.col("type") == kind for kind, name in ONCE.items()}
    of_users["typed_signups"] = (pl.col("type") == "signup") & (pl.col("basis") == "typed_code")
    of_users["first_purchases"] = (pl.col("type") == "purchase") & pl.col("is_first")
    of_users["signups_bought"] = (pl.col("type") == "signup") & pl.col("has_bought")
    referred = programme.placed(current, "event_time", asked)
    rewards = programme.placed(reward_sums(programme.rewards), "at", asked).filter("is_granted")
    worth = rewards.group_by(asked.keys).agg(
        pl.len().alias("rewards_granted"),
        pl.col("balance").sum().alias("worth"),
        pl.col("currency").unique().alias("currencies"),
    )

    expected = joined(
        counted,
        clicked,
        by_key(seen, asked),
        counts(users, asked, of_users),
        counts(referred, asked, {"attributed": pl.lit(value=True)}),
        by_key(worth, asked),
    )

    found = asked.of(clickhouse_engine, "funnel")
    assert found.keys() == expected.keys()
    for key, row in found.items():
        want = {name: expected[key].get(name, 0) for name in row if name not in _DERIVED}
        met = expected[key].get("currencies", [])
        want["currency"] = met[0] if len(met) == 1 else None
        worth = expected[key].get("worth", 0)
        want["reward_value"] = None if len(met) > 1 else amount_text(worth, want["currency"])
        rates = {
            name: round(want[part] / want[whole], 4) if want[whole] else None
            for name, (part, whole) in RATES.items()
        }
        assert row == want | rates, key


RATES: Final = {
    "click_rate": ("visitors_clicked", "visitors"),
    "conversion_rate": ("visitors_signed_up", "visitors_clicked"),
    "purchase_rate": ("signups_bought", "signups"),
}
_DERIVED: Final = ("reward_value", "currency", *RATES)


@pytest.mark.parametrize("period", PERIODS, ids=str)
@pytest.mark.parametrize("by", BY, ids=",".join)
def test_attribution(
    programme: Raw,
    clickhouse_engine: ClickHouse,
    by: list[str],
    period: Period,
) -> None:
    asked = Asked(by, *period)
    current = programme.current()
    referred = programme.placed(current, "event_time", asked)
    bases = {
        f"by_{basis}": pl.col("basis") == basis
        for basis in ("first_touch", "typed_code", "late_touch", "identified", "identified_by_page")
    }
    ended = programme.placed(
        programme.attributions.filter(~pl.col("decisive")), "event_time", asked
    )
    users = programme.placed(conversions(programme.once(), current), "event_time", asked)
    hours = (pl.col("event_time") - pl.col("touch_time")) / 3_600_000
    medians = referred.group_by(asked.keys).agg(hours.median().round(2).alias("median_hours"))

    expected = joined(
        counts(referred, asked, {"attributed": pl.lit(value=True)} | bases),
        counts(
            ended,
            asked,
            {"merged": pl.col("basis") == "merged", "late_touches": pl.col("basis") != "merged"},
        ),
        counts(users, asked, {name: pl.col("type") == kind for kind, name in ONCE.items()}),
        by_key(medians, asked),
    )

    found = asked.of(clickhouse_engine, "attribution")
    assert found.keys() == expected.keys()
    for key, row in found.items():
        want = {name: expected[key].get(name, 0) for name in row}
        want["median_hours"] = expected[key].get("median_hours")
        assert row.pop("median_hours") == pytest.approx(want.pop("median_hours"), abs=0.011), key
        assert row == want, key


@pytest.mark.parametrize("period", PERIODS, ids=str)
@pytest.mark.parametrize("by", BY, ids=",".join)
def test_rewards(
    programme: Raw,
    clickhouse_engine: ClickHouse,
    by: list[str],
    period: Period,
) -> None:
    asked = Asked(by, *period)
    rewards = programme.placed(reward_sums(programme.rewards), "at", asked)
    ended = pl.col("is_reversed") | pl.col("is_held") | pl.col("is_rejected")
    good = pl.col("is_granted") & ~ended
    sums = rewards.group_by([*asked.keys, "priced"]).agg(
        pl.col("is_granted").sum().alias("rewards_granted"),
        (pl.col("is_granted") & pl.col("is_reversed")).sum().alias("rewards_reversed"),
        pl.col("is_rejected").sum().alias("rewards_rejected"),
        pl.col("is_held").sum().alias("rewards_held"),
        pl.col("balance").filter(good).sum().alias("liability"),
        pl.col("balance").filter("is_granted").sum().alias("reward_value"),
        pl.col("taken").filter("is_granted").sum().alias("reversed_value"),
        pl.col("beneficiary").filter(good).drop_nulls().n_unique().alias("beneficiaries"),
    )

    found = asked.of(clickhouse_engine, "rewards", "currency")

    expected = {
        (*(row.pop(key) for key in asked.keys), row.pop("priced")): row
        for row in sums.iter_rows(named=True)
    }
    assert found.keys() == expected.keys()
    for key, row in found.items():
        want = expected[key]
        for name in ("reward_value", "reversed_value", "liability"):
            want[name] = amount_text(want[name], key[-1])
        assert {name: row[name] for name in want} == want, key
        assert {row["lapsed_value"], row["clawback_value"]} == {amount_text(0, key[-1])}


@pytest.mark.parametrize("period", PERIODS, ids=str)
@pytest.mark.parametrize("report", REPORTS)
def test_views_say_the_same_by_all_of_these_dimensions(
    programme: Raw, clickhouse_engine: ClickHouse, report: str, period: Period
) -> None:
    same_of_views(clickhouse_engine, report, Asked(WHOLE, *period))


_PARTS: Final = re.compile(r"FROM (\(SELECT .*\)|v_activity_\w+) AS a$", re.MULTILINE)
IN_PART: Final = [name for name, report in catalogue().items() if _PARTS.search(report.sql)]


@pytest.mark.parametrize("name", IN_PART)
def test_parts_of_the_facts_are_all_that_a_report_counts(
    programme: Raw, clickhouse_engine: ClickHouse, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    assert programme.events.height > 0
    report = find(name)
    sql = _PARTS.sub("FROM v_activity AS a", report.sql)
    whole = replace(report, sql=sql, facts="v_activity", sums=None)
    wanted = asked(report, {})
    forecast_nothing(monkeypatch)
    reading, placed = clickhouse_engine.reading, placed_facts(clickhouse_engine)
    found = ask(reading, report, wanted, None, placed).rows
    assert found == ask(reading, whole, wanted, None, placed).rows
    assert found
