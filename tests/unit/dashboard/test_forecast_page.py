"""The page of the forecast: a chart for each figure and currency, and errors beside them."""

from datetime import date, timedelta

import pytest

from reftrail.dashboard.cells import table_of
from reftrail.dashboard.dashboard import Panel
from reftrail.dashboard.pages.forecast import _errors, _panels
from reftrail.dashboard.rendering import page
from reftrail.dashboard.view import View
from reftrail.reports.catalogue import ReportAnswer, columns_of, find
from reftrail.reports.forecast.weeks import of_whole_weeks, with_forecast
from reftrail.reports.questions import MOST_WEEKS, question

REPORT = find("forecast")
VIEW = View(date(2026, 1, 5), date(2026, 4, 6))


def asked(weeks: int, *currencies: str | None) -> Panel:
    """A panel of the forecast after so many weeks of ten signups."""
    wanted = question(["all"], None, str(date.fromordinal(VIEW.since.toordinal() + 7 * weeks)))
    history = [
        {
            "week": str(date.fromordinal(VIEW.since.toordinal() + 7 * nth)),
            "currency": currency,
            "signups": 10,
            "reward_cost": "1200.00" if currency else "0.00",
        }
        for nth in range(weeks)
        for currency in currencies
    ]
    answer = ReportAnswer(None, columns_of(REPORT, wanted), with_forecast(history, wanted, ()))
    return Panel("forecast", "Forecast", table_of(REPORT, answer, VIEW), answer, "by=all")


def test_each_currency_has_a_chart_of_its_own() -> None:
    signups, euros, yen = _panels(asked(13, "EUR", "JPY"), VIEW)

    assert (signups.title, euros.title) == ("Sign-ups", "Reward cost in EUR")
    assert yen.title == "Reward cost in JPY"
    assert {row["currency"] for row in euros.answer.rows} == {"EUR"}
    assert signups.chart is not None
    history, expected, low, high = signups.chart.lines
    assert history.values == (10.0,) * 13 + (None,) * 4
    assert expected.values == low.values == high.values == (None,) * 12 + (10.0,) * 5
    assert len(history.points.split()) == 13


def test_errors_are_of_signups_once_and_of_each_currency() -> None:
    names = [error["name"] for error in _errors(asked(13, "EUR", "JPY"))]
    assert names == ["Sign-ups", "Reward cost in EUR", "Reward cost in JPY"]
    assert [error["name"] for error in _errors(asked(13, None))] == ["Sign-ups"]
    assert not _errors(asked(11, "EUR"))


def test_the_page_shows_them() -> None:
    panel = asked(13, "EUR")
    shown = page(
        "forecast.html",
        view=VIEW, title="Forecast", weeks="4", most=26, since=VIEW.since, path="/forecast",
        panels=_panels(panel, VIEW), errors=_errors(panel), notes=["no forecast: too short"],
        campaigns=[], may=set(), caller=None, csrf="", as_of=None,
    )  # fmt: skip
    text = bytes(shown.body).decode()
    assert "No forecast: too short." in text
    assert "Reward cost in EUR" in text
    assert "<td>Sign-ups</td>" in text
    assert '<td class="n">-</td>' in text  # nothing changed, so there is no MASE
    assert "1,200.00" in text
    assert 'weeks=26"' in text


@pytest.mark.parametrize("weeks", [1, 4, 13, MOST_WEEKS])
def test_its_history_is_long_enough_on_any_day(weeks: int) -> None:
    for day in range(7):
        until = VIEW.until + timedelta(days=day)
        view = View(until - timedelta(days=30), until)
        longer = view.with_history(REPORT, {"by": "all", "weeks": str(weeks)})
        wanted = longer.asked(REPORT, {"by": "all", "weeks": str(weeks)})
        assert of_whole_weeks(wanted, longer.bounds()[1]).since <= wanted.until
        assert longer.until == until


def test_a_longer_period_stays_as_it_is() -> None:
    view = View(VIEW.until - timedelta(weeks=80), VIEW.until)
    assert view.with_history(REPORT, {"by": "all"}) == view
    assert VIEW.with_history(find("funnel"), {"by": "all"}) == VIEW
