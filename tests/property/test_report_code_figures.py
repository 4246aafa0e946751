"""Codes and cohorts, against the same figures added up in polars, by the reference's words."""

from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import polars as pl
import pytest
from support.clickhouse import ClickHouse
from support.placing import placed_facts
from support.raw_orders import orders
from support.raw_programme import Raw, decided_programme
from support.report_figures import reward_sums
from support.report_rows import KEPT, OWN, Asked, Period, same_of_views

from reftrail.contracts.money import amount_text
from reftrail.reports.catalogue import ask, find
from reftrail.reports.questions import question

REPORTS: Final = ("codes", "cohorts")
PERIODS: Final = ((None, None), ("2025-10-20", "2025-11-05"))
WEEK_MS: Final = 7 * 24 * 3_600_000


@pytest.fixture(scope="module")
def programme(clickhouse_engine: ClickHouse) -> Raw:
    return decided_programme(clickhouse_engine, 3)


@pytest.mark.parametrize("period", PERIODS, ids=str)
def test_codes(programme: Raw, clickhouse_engine: ClickHouse, period: Period) -> None:
    asked = Asked([], *period)
    expected = {code: _of_code(programme, asked, code) for code in programme.codes["code"]}

    found = asked.of(clickhouse_engine, "codes", "code")

    used = {code for code, row in expected.items() if any(row[:6])}
    assert {code for (code,) in found} == used
    assert len(used) < len(expected) or period == (None, None)
    for (code,), row in found.items():
        names = ["clicks", "visitors_clicked", "referrals", "customers"]
        names += ["rewards_granted", "rewards_refused", "last_used"]
        assert tuple(row[name] for name in names) == expected[code][:7], code
        assert ("suspicious" in (row["attention"] or "")) == expected[code][7], code


@pytest.mark.parametrize("name", ["source", "country"])
def test_codes_narrowed_to_facts_have_what_the_funnel_has(
    programme: Raw, clickhouse_engine: ClickHouse, name: str
) -> None:
    """The funnel by code, of the same source or country, is counted in polars as well."""
    column = {"source": "utm_source", "country": "country"}[name]
    values = programme.once()[column].drop_nulls().unique().sort().to_list()
    assert len(values) > 1
    listed = 0
    for value in values:
        codes = {row["code"]: row for row in _asked(clickhouse_engine, "codes", [], name, value)}
        funnel = {
            row["code"]: row
            for row in _asked(clickhouse_engine, "funnel", ["code"], name, value)
            if row["code"] in set(programme.codes["code"])
        }
        listed += len(codes)
        for code in codes.keys() | funnel.keys():
            for ours, theirs in _SAME_IN_FUNNEL.items():
                found = codes[code][ours] if code in codes else 0
                assert found == (funnel[code][theirs] if code in funnel else 0), (value, code)
    assert listed > len(values)


def _asked(
    clickhouse: ClickHouse, report: str, by: list[str], name: str, value: str
) -> list[dict[str, Any]]:
    wanted = question(by, None, None, filters={name: [value]}, usual=())
    rows = ask(clickhouse.reading, find(report), wanted, None).rows
    assert (
        rows == ask(clickhouse.reading, find(report), wanted, None, placed_facts(clickhouse)).rows
    )
    return rows


_SAME_IN_FUNNEL: Final = {
    "clicks": "clicks",
    "visitors_clicked": "visitors_clicked",
    "referrals": "signups",
    "customers": "first_purchases",
    "rewards_granted": "rewards_granted",
}


def _of_code(programme: Raw, asked: Asked, code: str) -> tuple[Any, ...]:
    def mine(frame: pl.DataFrame, at: str) -> pl.DataFrame:
        return programme.placed(frame.filter(pl.col("code") == code), at, asked)

    events = programme.once().filter(~pl.col("is_bot"))
    seen = mine(
        events.filter(pl.col("type").is_in(["view", "click", "form_started"])), "event_time"
    )
    clicks = seen.filter(pl.col("type") == "click")
    users = programme.current().filter(pl.col("code") == code)["user_id"].to_list()
    signups = (
        programme.signups().filter(pl.col("user_id").is_in(users)).with_columns(code=pl.lit(code))
    )
    signups = mine(signups, "event_time")
    bought = orders(programme).filter(pl.col("user_id").is_in(users))
    bought = mine(_with_own(bought, code), "event_time")
    rewards = mine(reward_sums(programme.rewards), "at")
    is_refused = pl.col("is_held") | pl.col("is_rejected")
    refused = rewards.filter(is_refused).height
    granted = rewards.filter("is_granted", ~is_refused).height
    times = pl.concat([frame["event_time"] for frame in (seen, signups, bought)])
    last: Any = times.max()
    return (
        clicks.height,
        clicks["visitor_id"].n_unique(),
        signups.height,
        bought["is_first"].sum(),
        rewards["is_granted"].sum(),
        refused,
        None if last is None else str(datetime.fromtimestamp(last / 1000, UTC).date()),
        granted + refused >= 3 and refused * 2 >= granted + refused,
    )


def _with_own(frame: pl.DataFrame, code: str) -> pl.DataFrame:
    nothing = {name: pl.lit(None, pl.String) for name in OWN}
    return frame.with_columns(code=pl.lit(code), **nothing)


@pytest.mark.parametrize("period", PERIODS, ids=str)
def test_cohorts(programme: Raw, clickhouse_engine: ClickHouse, period: Period) -> None:
    asked = Asked([], *period)
    events = programme.once()
    signups = (
        programme.signups()
        .select("user_id", "event_time", "country")
        .join(programme.current().select("user_id", "code", *KEPT), on="user_id", how="left")
    )
    bought = orders(programme).to_dicts()
    known = events.filter(pl.col("type").is_in(["signup", "purchase"]))["event_time"].max()
    last = _day(known)
    cohorts: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in programme.placed(signups, "event_time", asked).iter_rows(named=True):
        day = _day(row["event_time"])
        monday = str(day - timedelta(days=day.weekday()))
        cohorts.setdefault((monday, "referred" if row["code"] else "not referred"), []).append(row)

    found = asked.of(clickhouse_engine, "cohorts", "cohort", "referral", "week", "currency")

    assert {referral for _, referral, _, _ in found} == {"referred", "not referred"}
    assert {key[:2] for key in found} == set(cohorts)
    weeks = {(*key[:2], int(str(key[2]))) for key in found}
    for (monday, referral), people in cohorts.items():
        count = min(13, 1 + (last - date.fromisoformat(monday)).days // 7)
        here = {week for *cohort, week in weeks if cohort == [monday, referral]}
        assert here == set(range(count))
        at = {row["user_id"]: row["event_time"] for row in people}
        placed = [
            (order, (order["event_time"] - at[order["user_id"]]) // WEEK_MS)
            for order in bought
            if order["user_id"] in at and order["event_time"] >= at[order["user_id"]]
        ]
        for key, row in found.items():
            if key[:2] != (monday, referral):
                continue
            of_week = [order for order, week in placed if week == int(str(key[2]))]
            buyers = len({order["user_id"] for order in of_week})
            paid = sum(o["amount"] - o["refunded"] for o in of_week if o["currency"] == key[3])
            assert (row["people"], row["buyers"]) == (len(people), buyers), key
            assert row["retention"] == pytest.approx(buyers / len(people), abs=1e-4)
            assert row["revenue"] == amount_text(paid, key[3]), key
        currencies = {order["currency"] for order, week in placed if week <= 12} or {None}
        assert {key[3] for key in found if key[:2] == (monday, referral)} == currencies


@pytest.mark.parametrize("period", PERIODS, ids=str)
@pytest.mark.parametrize("report", REPORTS)
def test_views_say_the_same_by_all_of_these_dimensions(
    programme: Raw, clickhouse_engine: ClickHouse, report: str, period: Period
) -> None:
    same_of_views(clickhouse_engine, report, Asked([], *period))


def _day(at: Any) -> date:
    return datetime.fromtimestamp(at / 1000, UTC).date()
