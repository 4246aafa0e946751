"""Revenue, cost, referrers and times to convert, against the same figures added up in polars.

Written from the reference of the reports (`sinks/reftrail/reports/README.md`), not from the SQL.
"""

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

import polars as pl
import pytest
from support.clickhouse import ClickHouse
from support.raw_orders import orders
from support.raw_programme import Raw, decided_programme
from support.report_figures import (
    by_key,
    conversions,
    forecast_nothing,
    joined,
    reward_sums,
    visitors,
)
from support.report_rows import KEPT, Asked, Period, Rows, same_of_views

from reftrail.contracts.money import amount_text
from reftrail.reports.catalogue import ask, find
from reftrail.reports.questions import ALL, question

BY: Final = (["campaign"], ["country", "month"], ["code"], ["source"])
REPORTS: Final = ("campaigns", "referrers", "time_to_convert")
PERIODS: Final = ((None, None), ("2025-10-20", "2025-11-05"))


@pytest.fixture(scope="module")
def programme(clickhouse_engine: ClickHouse) -> Raw:
    return decided_programme(clickhouse_engine, 2)


def test_orders_were_paid_back_in_part_and_whole(programme: Raw) -> None:
    found = orders(programme)
    back = found["refunded"] / found["amount"]
    assert (back == 1).sum() > 5
    assert ((back > 0) & (back < 1)).sum() > 5
    assert found["is_first"].sum() < found.height


@pytest.mark.parametrize("period", PERIODS, ids=str)
@pytest.mark.parametrize("by", BY, ids=",".join)
def test_campaigns(
    programme: Raw, clickhouse_engine: ClickHouse, by: list[str], period: Period
) -> None:
    asked = Asked(by, *period)
    expected, money = _people(programme, asked), _money(programme, asked, asked.keys)
    paid, cost = money

    found = asked.of(clickhouse_engine, "campaigns", "currency")

    keys = {*paid, *cost}
    keys |= {(*key, None) for key in expected if key not in {key[:-1] for key in keys}}
    if "month" in by:  # currencies share people, in months in which one was not paid with too
        keys |= {(*key, other[-1]) for key in expected for other in keys if key[0] == other[0]}
    assert found.keys() == keys
    for key, row in found.items():
        currency = key[-1]
        people = {"referred_signups": 0, "customers": 0} | expected.get(key[:-1], {})
        revenue = paid.get(key, {"orders": 0, "revenue": 0})
        spent = cost.get(key, {"rewards_granted": 0, "reward_cost": 0})
        each = _each(spent["reward_cost"], people["customers"], currency)
        roi = _rate(revenue["revenue"] - spent["reward_cost"], spent["reward_cost"])
        assert row["roi"] == pytest.approx(roi, abs=1e-4), key
        assert row == people | revenue | spent | {
            "revenue": amount_text(revenue["revenue"], currency),
            "reward_cost": amount_text(spent["reward_cost"], currency),
            "roi": row["roi"],
            "cost_per_acquisition": each,
        }, key


@pytest.mark.parametrize("name", ["categories", "channels", "countries"])
def test_the_same_by_what_a_report_is_named_after(
    programme: Raw, clickhouse_engine: ClickHouse, name: str
) -> None:
    by = {"categories": "category", "channels": "channel", "countries": "country"}[name]
    asked = Asked([by], *PERIODS[1])
    assert asked.of(clickhouse_engine, name, "currency") == asked.of(
        clickhouse_engine, "campaigns", "currency"
    )


@pytest.mark.parametrize("period", PERIODS, ids=str)
def test_referrers(programme: Raw, clickhouse_engine: ClickHouse, period: Period) -> None:
    asked = Asked([], *period)
    of_code = programme.codes.select("code", referrer="owner_user_id").drop_nulls()

    def owned(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.join(of_code, on="code")

    by_referrer = Asked(["by_referrer"], *period)
    paid, cost = _money(programme, asked, ["referrer"], owned)
    of_all, _ = _money(programme, asked, [])
    everything = {currency: sums["revenue"] for (currency,), sums in of_all.items()}
    people = _people(programme, asked, ["referrer"], owned)
    events = programme.once().filter(~pl.col("is_bot"))
    clicks = programme.placed(events.filter(pl.col("type") == "click"), "event_time", asked)
    clicked = owned(clicks).rename({"referrer": "by_0"})
    seen = visitors(clicked, programme.once(), programme.current(), by_referrer)

    found = asked.of(clickhouse_engine, "referrers", "referrer", "currency")

    assert len(found) > 5
    assert {key for key in found if key[1]} == {*paid, *cost}
    for (referrer, currency), row in found.items():
        mine = {"referred_signups": 0, "customers": 0} | people.get((referrer,), {})
        both = {"visitors_clicked": 0, "visitors_signed_up": 0} | seen.get((referrer,), {})
        assert (row["referrals"], row["customers"]) == tuple(mine.values()), referrer
        assert {name: row[name] for name in both} == both, referrer
        revenue = paid.get((referrer, currency), {"revenue": 0})["revenue"]
        spent = cost.get((referrer, currency), {"own_granted": 0, "own_value": 0})
        assert row["revenue"] == amount_text(revenue, str(currency))
        share = _rate(revenue, everything.get(currency, 0))
        assert row["revenue_share"] == pytest.approx(share, abs=1e-4)
        assert row["rewards_granted"] == spent["own_granted"], (referrer, currency)
        assert row["reward_value"] == amount_text(spent["own_value"], str(currency))


@pytest.mark.parametrize("by", [["campaign"], ["day"]], ids=",".join)
def test_time_to_convert(programme: Raw, clickhouse_engine: ClickHouse, by: list[str]) -> None:
    asked = Asked(by, None, None)
    current = programme.current().filter(pl.col("basis") != "typed_code")
    hours = (pl.col("event_time") - pl.col("touch_time")) / 3_600_000
    placed = programme.placed(current, "event_time", asked).with_columns(hours=hours)
    edges = {"minute": 1 / 60, "hour": 1, "day": 24, "week": 168, "month": 720}
    within = {f"within_{name}": pl.col("hours") <= edge for name, edge in edges.items()}
    at = {"p10": 0.1, "median": 0.5, "p75": 0.75, "p90": 0.9, "p99": 0.99}
    figures = placed.group_by(asked.keys).agg(
        pl.len().alias("conversions"),
        *(condition.sum().alias(name) for name, condition in within.items()),
        *(
            pl.col("hours").quantile(part, "linear").alias(f"{name}_hours")
            for name, part in at.items()
        ),
        mean_hours=pl.col("hours").mean(),
    )

    found = asked.of(clickhouse_engine, "time_to_convert")

    expected = by_key(figures, asked)
    assert found.keys() == expected.keys()
    for key, row in found.items():
        total = 0
        for name in within:
            total += row[name]
            assert total == expected[key][name], (key, name)
        assert total + row["beyond_month"] == row["conversions"] == expected[key]["conversions"]
        for name in (*(f"{quantile}_hours" for quantile in at), "mean_hours"):
            assert row[name] == pytest.approx(expected[key][name], abs=0.011), (key, name)


@pytest.mark.parametrize("period", PERIODS, ids=str)
@pytest.mark.parametrize("report", REPORTS)
def test_views_say_the_same_by_all_of_these_dimensions(
    programme: Raw, clickhouse_engine: ClickHouse, report: str, period: Period
) -> None:
    same_of_views(
        clickhouse_engine, report, Asked(["campaign", "country", "source", "code"], *period)
    )


@pytest.mark.parametrize("by", [[], ["campaign"]], ids=",".join)
def test_the_history_of_the_forecast(
    programme: Raw, clickhouse_engine: ClickHouse, monkeypatch: pytest.MonkeyPatch, by: list[str]
) -> None:
    forecast_nothing(monkeypatch)
    asked, monday = Asked(by, None, None), "2025-12-01"

    def weekly(frame: pl.DataFrame, at: str) -> pl.DataFrame:
        time = pl.from_epoch(at, time_unit="ms").dt.truncate("1w")
        found = programme.placed(frame, at, asked)
        return found.with_columns(week=time.dt.strftime("%Y-%m-%d")).filter(pl.col("week") < monday)

    signups = conversions(programme.once(), programme.current()).filter(pl.col("type") == "signup")
    people = weekly(signups, "event_time").group_by(*asked.keys, "week").len()
    granted = weekly(reward_sums(programme.rewards).filter("is_granted"), "at")
    spent = granted.group_by(*asked.keys, "priced", "week").agg(pl.col("balance").sum())
    counts = {tuple(row[:-1]): row[-1] for row in people.rows()}
    costs = {tuple(row[:-1]): row[-1] for row in spent.rows()}

    wanted = question(by or [ALL], None, monday)
    answer = ask(clickhouse_engine.reading, find("forecast"), wanted, None)

    history = [row for row in answer.rows if row["part"] == "history"]
    keys = answer.columns[: len(by)]
    seen = set()
    for row in history:
        group, week, currency = tuple(row[key] for key in keys), row["week"], row["currency"]
        assert row["signups"] == counts.get((*group, week), 0)
        cost = amount_text(costs.get((*group, currency, week), 0), currency)
        assert row["reward_cost"] == cost, (group, week, currency)
        seen |= {(*group, week), (*group, currency, week)}
    assert {*counts, *costs} <= seen
    assert len(counts) > 3
    assert len(costs) > 3


def _people(programme: Raw, asked: Asked, keys: list[str] | None = None, then: Any = None) -> Rows:
    """Referred people who signed up, and those whose first order was placed, by dimensions."""
    signups = (
        programme.signups()
        .select("user_id", "event_time", "country")
        .join(programme.current().select("user_id", "code", *KEPT), on="user_id")
    )
    first = _of_referred(programme).filter("is_first")
    by = keys or asked.keys
    change = then or (lambda frame: frame)
    parts = []
    for name, frame in (("referred_signups", signups), ("customers", first)):
        placed = change(programme.placed(frame, "event_time", asked))
        parts.append({tuple(row[:-1]): {name: row[-1]} for row in placed.group_by(by).len().rows()})
    found = joined(*parts)
    return {
        key: {"referred_signups": row.get("referred_signups", 0)}
        | {"customers": row.get("customers", 0)}
        for key, row in found.items()
    }


def _of_referred(programme: Raw) -> pl.DataFrame:
    return orders(programme).join(
        programme.current().select("user_id", "code", *KEPT), on="user_id"
    )


def _money(
    programme: Raw, asked: Asked, keys: list[str], then: Any = None
) -> tuple[Mapping[Any, dict[str, int]], Mapping[Any, dict[str, int]]]:
    """Revenue and rewards in millionths by dimensions and currency."""
    change = then or (lambda frame: frame)
    bought = change(programme.placed(_of_referred(programme), "event_time", asked))
    revenue = bought.group_by([*keys, "currency"]).agg(
        orders=pl.len(), revenue=(pl.col("amount") - pl.col("refunded")).sum()
    )
    granted = change(programme.placed(reward_sums(programme.rewards), "at", asked))
    granted = granted.filter("is_granted")
    if "referrer" in granted.columns:
        own = granted.filter(pl.col("beneficiary") == pl.col("referrer"))
        spent = own.group_by([*keys, "priced"]).agg(
            own_granted=pl.len(), own_value=pl.col("balance").sum()
        )
    else:
        spent = granted.group_by([*keys, "priced"]).agg(
            rewards_granted=pl.len(), reward_cost=pl.col("balance").sum()
        )
    return tuple(  # type: ignore[return-value]
        {
            tuple(row[name] for name in (*keys, currency)): {
                name: value for name, value in row.items() if name not in (*keys, currency)
            }
            for row in frame.iter_rows(named=True)
        }
        for frame, currency in ((revenue, "currency"), (spent, "priced"))
    )


def _rate(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _each(micros: int, people: int, currency: str | None) -> str | None:
    if not people:
        return None
    cents = (Decimal(micros) / people / 10_000).quantize(Decimal(1), ROUND_HALF_EVEN)
    return amount_text(int(cents) * 10_000, currency)
