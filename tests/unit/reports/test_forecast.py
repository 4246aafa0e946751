"""The report forecast: whole weeks of history, what follows from them, and how good that was."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.clickhouse import ClickHouse
from support.placing import placed_facts
from support.programme import attributed, entry, signup

from reftrail.contracts.record import DAY, HOUR
from reftrail.contracts.topics import ATTRIBUTIONS, EVENTS, REWARDS
from reftrail.reports.catalogue import ask, find
from reftrail.reports.forecast.model import forecast, least_history
from reftrail.reports.forecast.weeks import MOST_SERIES, of_whole_weeks, with_forecast
from reftrail.reports.parameters import asked
from reftrail.reports.questions import BadQuestion, question

FORECAST = find("forecast")
MONDAY = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp() * 1000)
NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)


def history(weeks: int, cost: Sequence[str] = ("1.00",), **more: Any) -> list[dict[str, Any]]:
    """Rows as SQL gives them: 10 signups a week, and a cost."""
    return [
        {
            "week": f"{datetime.fromtimestamp(MONDAY / 1000 + nth * 7 * 86400, UTC):%Y-%m-%d}",
            "currency": "EUR",
            "signups": 10,
            "reward_cost": cost[nth % len(cost)],
        }
        | more
        for nth in range(weeks)
    ]


def until(weeks: int) -> str:
    return f"{datetime.fromtimestamp(MONDAY / 1000 + weeks * 7 * 86400, UTC):%Y-%m-%d}"


def forecast_of(rows: list[dict[str, Any]], weeks: int, *by: str) -> list[dict[str, Any]]:
    return with_forecast(rows, question(["all"], None, until(weeks)), by)


def test_a_constant_history_goes_on() -> None:
    rows = forecast_of(history(20), 20)

    assert [row["part"] for row in rows] == ["history"] * 20 + ["forecast"] * 4
    assert [row["week"] for row in rows[-5:]] == [until(nth) for nth in (19, 20, 21, 22, 23)]
    for row in rows[-4:]:
        assert (row["signups_low"], row["signups"], row["signups_high"]) == (10, 10, 10)
        assert {row[name] for name in row if name.startswith("reward_cost")} == {"1.00"}
        assert (row["signups_mase"], row["signups_smape"], row["signups_coverage"]) == (None, 0, 1)
        assert row["tests"] == 6 * 4


def test_a_straight_line_goes_on() -> None:
    found = forecast(tuple(float(3 * nth) for nth in range(24)), 4)

    assert [week.expected for week in found.weeks] == pytest.approx([72, 75, 78, 81], abs=0.1)
    assert found.tested.mase == pytest.approx(0, abs=0.05)


@settings(max_examples=5, deadline=None)
@given(
    st.lists(st.integers(0, 10_000), min_size=12, max_size=60),
    st.integers(1, 4),
    st.sampled_from([1, 10_000]),
)
@example([0] * 11 + [1], 4, 1)
@example([5] * 11 + [0], 4, 10_000)
def test_intervals_have_the_expected_figure_and_widen(
    figures: list[int], weeks: int, unit: int
) -> None:
    found = forecast(tuple(float(figure * unit) for figure in figures), weeks)

    assert len(found.weeks) == weeks
    for week in found.weeks:
        assert 0 <= week.low <= week.expected <= week.high < float("inf")
    widths = [week.high - week.expected for week in found.weeks]
    assert all(later >= before * (1 - 1e-6) for before, later in pairwise(widths))
    assert 0 <= found.tested.smape <= 2
    assert 0 <= found.tested.coverage <= 1
    assert found.tested.compared == weeks * min(6, len(figures) - weeks - 7)


def test_the_errors_are_those_of_forecasts_made_without_what_came_then() -> None:
    """A jump in the last week is in no forecast that is compared with it."""
    calm = tuple(float(10 + nth % 2) for nth in range(20))
    before, after = forecast(calm, 1).tested, forecast((*calm[:-1], 500.0), 1).tested

    assert before.mase is not None
    assert after.mase is not None
    assert after.mase > before.mase + 50
    assert before.coverage == 1
    assert after.coverage == pytest.approx(5 / 6)


def test_a_short_history_is_said_to_be_short() -> None:
    rows = forecast_of(history(11), 11)

    assert {row["part"] for row in rows} == {"history"}
    assert {row["note"] for row in rows} == {"no forecast: 11 weeks of history, 12 needed"}
    assert {row["tests"] for row in rows} == {0}
    assert len(forecast_of(history(12), 12)) == 16


def test_weeks_without_a_figure_are_zeros_to_the_last_whole_one() -> None:
    rows = forecast_of([*history(1), *history(13)[12:]], 20)

    counted = [row["signups"] for row in rows if row["part"] == "history"]
    assert counted == [10, *[0] * 11, 10, *[0] * 7]


def test_currencies_are_apart() -> None:
    yen = history(14, ["1000", "1001"], currency="JPY")
    rows = forecast_of([*history(14), *yen], 14)

    coming = {row["currency"]: row for row in rows if row["week"] == until(14)}
    assert coming["EUR"]["reward_cost"] == "1.00"
    assert float(coming["JPY"]["reward_cost"]) == pytest.approx(1000, abs=2)
    assert "." not in coming["JPY"]["reward_cost"].removesuffix(".00")
    assert coming["EUR"]["signups"] == coming["JPY"]["signups"] == 10


def test_too_many_series_are_refused() -> None:
    rows = [
        row for code in range(MOST_SERIES) for row in history(12, currency=None, code=str(code))
    ]
    assert len(forecast_of(rows, 12, "code")) == MOST_SERIES * 16
    with pytest.raises(BadQuestion, match=r"41 series of figures .* fewer dimensions"):
        forecast_of([*rows, *history(12, currency=None, code="more")], 12, "code")


@pytest.mark.parametrize(
    ("since", "until", "zone", "expected"),
    [
        (None, None, "UTC", ("1970-01-01T00:00", "2026-06-08T00:00")),
        ("2026-01-05", "2026-06-08", "UTC", ("2026-01-05T00:00", "2026-06-08T00:00")),
        ("2026-01-06", "2026-06-07", "UTC", ("2026-01-12T00:00", "2026-06-01T00:00")),
        ("2026-01-06", "2027-01-01", "UTC", ("2026-01-12T00:00", "2026-06-08T00:00")),
        # Clocks were set forward on 29 March.
        ("2026-01-05", None, "Europe/Berlin", ("2026-01-04T23:00", "2026-06-07T22:00")),
    ],
)
def test_history_has_whole_weeks(
    since: str | None, until: str | None, zone: str, expected: tuple[str, str]
) -> None:
    found = of_whole_weeks(question(["all"], since, until, time_zone=zone), NOW)

    assert (f"{found.since:%Y-%m-%dT%H:%M}", f"{found.until:%Y-%m-%dT%H:%M}") == expected


@pytest.mark.parametrize("since", ["2026-03-17", "2026-06-09", "2027-01-01"])
def test_a_short_period_is_refused(since: str) -> None:
    with pytest.raises(BadQuestion, match=r"12 whole weeks.*begin at 2026-03-16 or earlier"):
        of_whole_weeks(question(["all"], since, None), NOW)
    of_whole_weeks(question(["all"], "2026-03-16", None), NOW)


def test_weeks_are_a_parameter_of_the_forecast_alone() -> None:
    assert asked(FORECAST, {}).weeks == 4
    given = asked(FORECAST, {"weeks": ["26"]})
    assert given.weeks == 26
    assert dict(given.as_query())["weeks"] == "26"
    assert least_history(26) == 34
    for wrong in ("0", "27", "-1", "x"):
        with pytest.raises(BadQuestion, match="from 1 to 26"):
            asked(FORECAST, {"weeks": [wrong]})
    with pytest.raises(BadQuestion, match="forecasts nothing"):
        asked(find("funnel"), {"weeks": ["4"]})
    with pytest.raises(BadQuestion, match="can't be by day"):
        asked(FORECAST, {"granularity": ["day"]})


async def test_the_report_is_of_the_facts_in_local_weeks(clickhouse: ClickHouse) -> None:
    """Sunday, 23:30 UTC, is Monday in Berlin. Each week has a signup more than the one before."""
    late = 7 * DAY - HOUR // 2
    users = [(week, f"u{week}-{nth}") for week in range(13) for nth in range(week + 1)]
    events = [signup(user, None, event_time=MONDAY + week * 7 * DAY + late) for week, user in users]
    await clickhouse.load(EVENTS, [*events, *events[:5]])
    await clickhouse.load(ATTRIBUTIONS, [attributed(user, "AMY") for _, user in users])
    await clickhouse.load(
        REWARDS,
        [
            entry(f"r{week}", "AMY", f"u{week}-0", value=2_500_000, action_time=at)
            for week, at in enumerate(range(MONDAY + late, MONDAY + 13 * 7 * DAY, 7 * DAY))
        ],
    )

    found = {}
    for zone in ("UTC", "Europe/Berlin"):
        wanted = question(["all"], None, "2026-04-13", time_zone=zone)
        answer = ask(clickhouse.reading, FORECAST, wanted, None)
        placed = ask(clickhouse.reading, FORECAST, wanted, None, placed_facts(clickhouse))
        assert answer.rows == placed.rows
        found[zone] = answer.rows
    utc, berlin = found["UTC"], found["Europe/Berlin"]
    assert [row["signups"] for row in utc[:14]] == [*range(1, 14), 0]
    assert utc[0]["week"] == "2026-01-05"
    assert berlin[0]["week"] == "2026-01-12"
    assert [row["signups"] for row in berlin[:13]] == list(range(1, 14))
    assert {(row["currency"], row["reward_cost"]) for row in berlin[:13]} == {("USD", "2.50")}
    assert [row["week"] for row in berlin[13:]] == [
        f"2026-0{day}" for day in ("4-13", "4-20", "4-27", "5-04")
    ]
    assert [row["signups"] for row in berlin[13:]] == [14, 15, 16, 17]
