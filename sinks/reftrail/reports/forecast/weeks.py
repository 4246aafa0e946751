"""Whole weeks of a question's period, and the rows of the weeks after them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from reftrail.contracts.money import MILLIONTHS, Money, amount_text
from reftrail.reports.filling import Row
from reftrail.reports.forecast.model import Forecast, Interval, forecast, least_history
from reftrail.reports.limits import MOST_ROWS, too_many_rows
from reftrail.reports.periods import begin_of
from reftrail.reports.questions import BEGINNING, BadQuestion, Question

MOST_SERIES: Final = 40
"""The most series of figures that one answer forecasts: each takes about a second."""
_WEEK: Final = timedelta(days=7)


def of_whole_weeks(asked: Question, now: datetime) -> Question:
    """The question narrowed to the whole weeks of its period that are over by now.

    Raises `BadQuestion` if the period is too short for a forecast.
    """
    until = begin_of(str(_monday(min(asked.until, now), asked)), asked.zone)
    since = asked.since
    if since != BEGINNING:
        monday = _monday(since, asked)
        since = begin_of(str(monday), asked.zone)
        if since < asked.since:
            since = begin_of(str(monday + _WEEK), asked.zone)
        last = until.astimezone(asked.zone).date()
        count = max(0, (last - since.astimezone(asked.zone).date()) // _WEEK)
        least = least_history(asked.weeks)
        if count < least:
            raise BadQuestion(
                f"a forecast of {_in_weeks(asked.weeks)} needs a history of {least} whole weeks, "
                f"and the period has {count} that are over; begin at {last - least * _WEEK} or "
                f"earlier"
            )
    return replace(asked, since=since, until=until)


def with_forecast(rows: Sequence[Row], asked: Question, dimensions: Sequence[str]) -> list[Row]:
    """History, week by week, and the weeks after it, by dimensions and currency.

    asked is of whole weeks. Raises `BadQuestion` if there are too many series or rows.
    """
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in dimensions), []).append(row)
    currencies = {group: _currencies(found) for group, found in groups.items()}
    series = sum(
        sum(currency is not None for currency in of_group) + 1 for of_group in currencies.values()
    )
    if series > MOST_SERIES:
        raise BadQuestion(
            f"{series} series of figures would have to be forecast, and at most {MOST_SERIES} are; "
            f"ask by fewer dimensions, or narrow it by a filter"
        )
    last = asked.until.astimezone(asked.zone).date()
    answer: list[Row] = []
    for group, found in groups.items():
        given = dict(zip(dimensions, group, strict=True))
        weeks = _weeks(date.fromisoformat(min(row["week"] for row in found)), last)
        signups = {row["week"]: row["signups"] for row in found}
        counts = [signups.get(week, 0) for week in weeks]
        for currency in currencies[group]:
            costs = {
                row["week"]: row["reward_cost"] for row in found if row["currency"] == currency
            }
            nothing = amount_text(0, currency)
            spent = [costs.get(week, nothing) for week in weeks]
            answer.extend(_rows(given, currency, weeks, counts, spent, asked.weeks))
    if len(answer) > MOST_ROWS:
        raise BadQuestion(too_many_rows())
    return answer


def _rows(  # noqa: PLR0913, PLR0917  (what a series is)
    given: Mapping[str, Any],
    currency: str | None,
    weeks: Sequence[str],
    signups: Sequence[int],
    costs: Sequence[str],
    ahead: int,
) -> Iterator[Row]:
    least = least_history(ahead)
    is_short = len(weeks) < least
    missing = f"no forecast: {_in_weeks(len(weeks))} of history, {least} needed"
    note = missing if is_short else None
    for week, count, cost in zip(weeks, signups, costs, strict=True):
        yield {
            **given, "currency": currency, "week": week, "part": "history",
            **_counted(Interval(count, count, count)), **_spent((cost, cost, cost)),
            **_errors(None, None), "note": note,
        }  # fmt: skip
    if is_short:
        return
    people = forecast(tuple(map(float, signups)), ahead)
    money = forecast(tuple(float(Decimal(cost) * MILLIONTHS) for cost in costs), ahead)
    first = date.fromisoformat(weeks[-1]) + _WEEK
    for nth, (many, much) in enumerate(zip(people.weeks, money.weeks, strict=True)):
        sums = [_in_currency(micros, currency) for micros in (much.expected, much.low, much.high)]
        yield {
            **given, "currency": currency, "week": str(first + nth * _WEEK), "part": "forecast",
            **_counted(many), **_spent((sums[0], sums[1], sums[2])),
            **_errors(people, money), "note": None,
        }  # fmt: skip


def _counted(interval: Interval) -> Row:
    """Whole numbers of people, each the nearest."""
    return {
        "signups": round(interval.expected),
        "signups_low": round(interval.low),
        "signups_high": round(interval.high),
    }


def _spent(sums: tuple[str, str, str]) -> Row:
    names = ("reward_cost", "reward_cost_low", "reward_cost_high")
    return dict(zip(names, sums, strict=True))


def _in_currency(micros: float, currency: str | None) -> str:
    """A decimal string, rounded to the currency's minor unit."""
    whole = round(micros)
    if currency is None:
        return amount_text(whole, currency)
    return amount_text(Money.nearest(whole, currency).micros, currency)


def _errors(people: Forecast | None, money: Forecast | None) -> Row:
    found: Row = {"tests": people.tested.compared if people else 0}
    for name, of_it in (("signups", people), ("cost", money)):
        tested = of_it.tested if of_it else None
        mase = tested.mase if tested else None
        found |= {
            f"{name}_mase": None if mase is None else round(mase, 2),
            f"{name}_smape": round(tested.smape, 4) if tested else None,
            f"{name}_coverage": round(tested.coverage, 4) if tested else None,
        }
    return found


def _currencies(rows: Sequence[Row]) -> list[str | None]:
    """The currencies of a group's costs; of none, where there is no cost or no price."""
    named = sorted({row["currency"] for row in rows} - {None})
    unpriced = any(row["currency"] is None and Decimal(row["reward_cost"]) for row in rows)
    return [*named, *([None] if unpriced or not named else [])]


def _weeks(first: date, until: date) -> list[str]:
    """The Mondays from a first week to before the last."""
    return [str(first + nth * _WEEK) for nth in range((until - first) // _WEEK)]


def _monday(at: datetime, asked: Question) -> date:
    day = at.astimezone(asked.zone).date()
    return day - timedelta(days=day.weekday())


def _in_weeks(count: int) -> str:
    return f"{count} week" if count == 1 else f"{count} weeks"
