"""Suspicions, models of attribution and late touches, against the same figures in polars.

Written from the reference of the reports (`sinks/reftrail/reports/README.md`), not from the SQL.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

import polars as pl
import pytest
from support.clickhouse import ClickHouse
from support.raw_programme import Raw, decided_programme
from support.report_figures import reward_sums
from support.report_rows import Asked, Period, same_of_views

from reftrail.contracts.money import amount_text
from reftrail.contracts.record import DAY

BY: Final[tuple[list[str], ...]] = (["campaign"], ["country"], [])
REPORTS: Final = ("fraud", "models", "late_touches")
PERIODS: Final = ((None, None), ("2025-10-20", "2025-11-05"))


@pytest.fixture(scope="module")
def programme(clickhouse_engine: ClickHouse) -> Raw:
    return decided_programme(clickhouse_engine, 1)


@pytest.mark.parametrize("period", PERIODS, ids=str)
@pytest.mark.parametrize("by", BY, ids=",".join)
def test_fraud(
    programme: Raw, clickhouse_engine: ClickHouse, by: list[str], period: Period
) -> None:
    asked = Asked(by, *period)
    entries = programme.rewards.filter(pl.col("role") != "milestone")
    first = entries.sort("cause_offset", "event_id").unique(
        "reward_id", keep="first", maintain_order=True
    )
    at_first = {row["reward_id"]: row for row in first.iter_rows(named=True)}
    expected: defaultdict[tuple[Any, ...], dict[str, int]] = defaultdict(
        lambda: dict.fromkeys(("suspected", "granted", "held", "rejected", "saved"), 0)
    )
    for row in programme.placed(reward_sums(entries), "at", asked).iter_rows(named=True):
        found = at_first[row["reward_id"]]
        for load in json.loads(found["evidence"] or "[]"):
            if load["weight"] > 0:
                key = (*(row[name] for name in asked.keys), load["reason"], row["priced"])
                expected[key]["suspected"] += 1
                expected[key][found["status"]] += 1
                if row["is_rejected"]:
                    expected[key]["saved"] += found["value_micros"]

    rows = asked.of(clickhouse_engine, "fraud", "reason", "currency")

    assert period != (None, None) or "self_referral" in {key[-2] for key in rows}
    assert rows
    assert rows.keys() == expected.keys()
    for key, row in rows.items():
        want = expected[key]
        names = ("suspected", "granted_at_once", "held_at_first", "rejected_at_once")
        assert [row[name] for name in names] == list(want.values())[:4], key
        assert row["saved"] == amount_text(want["saved"], key[-1]), key
        assert (row["approved"], row["declined"], row["precision"]) == (0, 0, None)


@pytest.mark.parametrize("period", PERIODS, ids=str)
@pytest.mark.parametrize("by", BY, ids=",".join)
def test_models(
    programme: Raw, clickhouse_engine: ClickHouse, by: list[str], period: Period
) -> None:
    asked = Asked(by, *period)
    touches = pl.DataFrame(list(_touches(programme)), infer_schema_length=None)
    assert (touches["touches"] > 2).any()
    figures = (
        programme.placed(touches, "event_time", asked)
        .group_by(asked.keys or pl.lit(1))
        .agg(
            pl.col("user_id").n_unique().alias("touched_signups"),
            pl.len().alias("clicks"),
            pl.col("user_id").filter("is_decided").n_unique().alias("decided"),
            *(pl.col(name).sum() for name in MODELS),
        )
    )

    found = asked.of(clickhouse_engine, "models")

    width = len(asked.keys)
    expected = {tuple(row.values())[:width]: row for row in figures.iter_rows(named=True)}
    assert found.keys() == expected.keys()
    for key, row in found.items():
        want = expected[key]
        assert row["touches"] == want["clicks"], key
        assert [row[n] for n in ("touched_signups", "decided")] == [
            want[n] for n in ("touched_signups", "decided")
        ], key
        for name in MODELS:
            assert row[name] == pytest.approx(want[name], abs=0.011), (key, name)
        assert row["first_less_last"] == want["first_touch"] - want["last_touch"], key
    if period == (None, None):
        total = sum(row["linear"] for row in found.values())
        people = touches["user_id"].n_unique()
        assert total == pytest.approx(people, abs=0.01 * len(found))


MODELS: Final = ("first_touch", "last_touch", "linear", "position_based")


def _touches(programme: Raw) -> Iterator[dict[str, Any]]:
    """The clicks before each signup with a code, within their campaigns' windows, with parts."""
    events = programme.once()
    windows = {row["campaign_id"]: row for row in programme.campaigns.iter_rows(named=True)}
    campaign_of = dict(programme.codes.select("code", "campaign_id").rows())
    decided = dict(programme.current().select("user_id", "code").rows())
    clicks = events.filter(
        pl.col("type") == "click", ~pl.col("is_bot"), pl.col("code").is_not_null()
    ).sort("event_time", "event_id")
    of_visitor: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in clicks.iter_rows(named=True):
        of_visitor[row["visitor_id"]].append(row)
    signups = programme.signups()
    for signup in signups.filter(pl.col("visitor_id").is_not_null()).iter_rows(named=True):
        history = []
        for click in of_visitor[signup["visitor_id"]]:
            campaign = windows.get(click["campaign_id"] or campaign_of.get(click["code"]))
            window = campaign["attribution_window_ms"] if campaign else 30 * DAY
            if 0 <= signup["event_time"] - click["event_time"] <= window:
                history.append(click)
        for nth, click in enumerate(history):
            yield {
                **{name: click[name] for name in ("code", "campaign_id", "category", "channel")},
                "country": signup["country"],
                "event_time": signup["event_time"],
                "user_id": signup["user_id"],
                "is_decided": decided.get(signup["user_id"]) == click["code"],
                "touches": len(history),
                "first_touch": int(nth == 0),
                "last_touch": int(nth == len(history) - 1),
                "linear": 1 / len(history),
                "position_based": _position(nth, len(history)),
            }


def _position(nth: int, count: int) -> float:
    if count <= 2:
        return 1 / count
    return 0.4 if nth in (0, count - 1) else 0.2 / (count - 2)


@pytest.mark.parametrize("period", PERIODS, ids=str)
@pytest.mark.parametrize("by", BY, ids=",".join)
def test_late_touches(
    programme: Raw, clickhouse_engine: ClickHouse, by: list[str], period: Period
) -> None:
    asked = Asked(by, *period)
    decided = dict(programme.current().select("user_id", "code").rows())
    names = ("late_touches", "people", "other_code", "of_nobody", "corrected", "attributed")
    sums: defaultdict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    late = programme.attributions.filter(~pl.col("decisive"), pl.col("basis") != "merged")
    for frame in (late, programme.current()):
        for row in programme.placed(frame, "event_time", asked).iter_rows(named=True):
            sums[tuple(row[name] for name in asked.keys)].append(row)
    expected = {}
    for key, rows in sums.items():
        came = [row for row in rows if not row["decisive"]]
        held = [row for row in rows if row["decisive"]]
        codes = [(row["code"], decided.get(row["user_id"])) for row in came]
        expected[key] = (
            len(came),
            len({row["user_id"] for row in came}),
            sum(1 for code, other in codes if other is not None and code != other),
            sum(1 for _, other in codes if other is None),
            sum(1 for row in held if row["basis"] == "late_touch"),
            len(held),
        )

    found = asked.of(clickhouse_engine, "late_touches")

    assert sum(row[0] for row in expected.values()) > 0
    assert {key: tuple(row[name] for name in names) for key, row in found.items()} == expected
    for row in found.values():
        part, whole = (
            row["late_touches"] + row["corrected"],
            row["late_touches"] + row["attributed"],
        )
        assert row["late_share"] == round(part / whole, 4)


@pytest.mark.parametrize("by", [["campaign"], ["month"], []], ids=",".join)
def test_data_quality(programme: Raw, clickhouse_engine: ClickHouse, by: list[str]) -> None:
    asked = Asked(by, None, None)
    once = programme.once()
    lag = pl.col("received_at") - pl.col("event_time")
    stored = programme.placed(once, "received_at", asked).with_columns(lag=lag)
    figures = stored.group_by(asked.keys or pl.lit(1)).agg(
        events=pl.len(),
        late=(pl.col("lag") > 3_600_000).sum(),
        clock_corrected=(pl.col("clock_skew_ms").fill_null(0) != 0).sum(),
        bots=pl.col("is_bot").sum(),
        unknown_codes=(pl.col("code").is_not_null() & ~pl.col("code_known")).sum(),
        median_lag_seconds=pl.col("lag").median() / 1000,
        p95_lag_seconds=pl.col("lag").quantile(0.95, "linear") / 1000,
    )

    found = asked.of(clickhouse_engine, "data_quality")
    same_of_views(clickhouse_engine, "data_quality", asked)

    width = len(asked.keys)
    expected = {tuple(row.values())[:width]: row for row in figures.iter_rows(named=True)}
    assert found.keys() == expected.keys()
    counted = ("events", "late", "clock_corrected", "bots", "unknown_codes")
    for key, row in found.items():
        want = expected[key]
        assert {name: row[name] for name in counted} == {name: want[name] for name in counted}, key
        assert row["late_share"] == round(want["late"] / want["events"], 4)
        for name in ("median_lag_seconds", "p95_lag_seconds"):
            assert row[name] == pytest.approx(want[name], abs=0.011), (key, name)
    doubled = programme.events.height - once.height
    assert sum(row["duplicates"] for row in found.values()) == doubled > 100


@pytest.mark.parametrize("period", PERIODS, ids=str)
@pytest.mark.parametrize("report", REPORTS)
def test_views_say_the_same_by_all_of_these_dimensions(
    programme: Raw, clickhouse_engine: ClickHouse, report: str, period: Period
) -> None:
    same_of_views(clickhouse_engine, report, Asked(["campaign", "country", "month"], *period))


def test_reconciliation(programme: Raw, clickhouse_engine: ClickHouse) -> None:
    """All of it agrees: nothing was delivered yet, and every grant but of nothing is ordered."""
    ordered = programme.rewards.filter(pl.col("status") == "granted", pl.col("value_micros") > 0)
    expected = {
        "events_stored": programme.events.height,
        "grants_ordered": ordered.height,
        "orders_granted": ordered.height,
    }

    asked = Asked([], None, None)
    found = asked.of(clickhouse_engine, "reconciliation", "check")
    same_of_views(clickhouse_engine, "reconciliation", Asked(["campaign", "month"], None, None))

    assert {key[0]: row.pop("expected") for key, row in found.items()} == expected
    for (check,), row in found.items():
        nothing = {"missing": 0, "surplus": 0, "agreement": 1.0, "alarm": None, "breaks": None}
        assert row == nothing | {"found": expected[str(check)]}
