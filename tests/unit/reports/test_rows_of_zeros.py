"""Rows of zeros of reports with a row for each currency or reason, against their definition."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from support.clickhouse import ClickHouse
from support.programme import T0, entry

from reftrail.contracts.record import DAY
from reftrail.contracts.topics import REWARDS
from reftrail.reports.catalogue import ask, catalogue, find
from reftrail.reports.parameters import asked

DAYS = tuple(f"2026-09-{day}" for day in range(20, 25))
PERIOD = {"from": ["2026-09-20"], "to": ["2026-09-25"]}
NOTHING = {"from": ["2026-09-10"], "to": ["2026-09-12"]}
BY_REASON_OR_CURRENCY = ("campaigns", "fraud", "payouts", "rewards")
SUSPECTED = (
    # day of the action, campaign, currency, reason, value in whole units
    (0, "spring", "USD", "burst", 5),
    (0, "spring", "USD", "no_device", 2),
    (2, "spring", "EUR", "burst", 3),
    (2, "autumn", "USD", "burst", 7),
    (2, "autumn", "USD", "burst", 1),
)
"""Rewards rejected at once; the days are counted from the 21st of September."""


@pytest.fixture
async def rejected(clickhouse: ClickHouse) -> ClickHouse:
    entries = [
        entry(
            f"r{nth}",
            "AMY",
            f"user-{nth}",
            status="rejected",
            value=value * 1_000_000,
            currency=currency,
            campaign_id=campaign,
            reasons=[reason],
            evidence=json.dumps([{"reason": reason, "weight": 100}]),
            event_time=T0 + day * DAY,
            action_time=T0 + day * DAY,
        )
        for nth, (day, campaign, currency, reason, value) in enumerate(SUSPECTED)
    ]
    await clickhouse.load(REWARDS, entries)
    return clickhouse


def rows(clickhouse: ClickHouse, name: str, given: dict[str, list[str]]) -> list[dict[str, Any]]:
    report = find(name)
    return ask(clickhouse.reading, report, asked(report, given), None).rows


def oracle(*, is_by_campaign: bool, has_reasons: bool) -> Iterator[tuple[Any, ...]]:
    """Campaign, day, reason, currency and number, of each day and whatever occurs in the range."""

    def place(campaign: str, reason: str, currency: str) -> tuple[str, str, str]:
        return campaign if is_by_campaign else "", reason if has_reasons else "", currency

    places = {place(campaign, reason, currency) for _, campaign, currency, reason, _ in SUSPECTED}
    for day_number, day in enumerate(DAYS, start=-1):
        for wanted in places:
            number = sum(
                at == day_number and place(campaign, reason, currency) == wanted
                for at, campaign, currency, reason, _ in SUSPECTED
            )
            yield (wanted[0], day, *wanted[1:], number)


@pytest.mark.parametrize("is_by_campaign", [False, True])
@pytest.mark.parametrize(
    ("name", "counted"), [("fraud", "suspected"), ("rewards", "rewards_rejected")]
)
def test_each_day_has_each_reason_and_currency_of_the_range(
    rejected: ClickHouse, name: str, counted: str, *, is_by_campaign: bool
) -> None:
    by = ["campaign", "day"] if is_by_campaign else ["day"]

    found = rows(rejected, name, PERIOD | {"by": by})

    shown = [
        (
            row.get("campaign_id", ""),
            row["day"],
            row.get("reason", ""),
            row["currency"],
            row[counted],
        )
        for row in found
    ]
    wanted = oracle(is_by_campaign=is_by_campaign, has_reasons=name == "fraud")
    assert sorted(shown) == sorted(wanted)


@pytest.mark.parametrize("name", BY_REASON_OR_CURRENCY)
def test_a_range_without_anything_is_rows_of_zeros(rejected: ClickHouse, name: str) -> None:
    """Of no currency and no reason: none is known."""
    found = rows(rejected, name, NOTHING | {"by": ["day"]})

    assert [row["day"] for row in found] == ["2026-09-10", "2026-09-11"]
    assert {row["currency"] for row in found} == {None}
    assert {row.get("reason") for row in found} == {None}
    figures = {row[name] for row in found for name in row.keys() - {"day", "currency", "reason"}}
    assert figures <= {0, "0.00", None}
    assert rows(rejected, name, NOTHING | {"by": ["campaign", "day"]}) == []
    assert rows(rejected, name, NOTHING | {"by": ["all"]}) == []


@pytest.mark.parametrize("name", ["rewards", "fraud"])
@pytest.mark.parametrize("period", [("2026-09-25", "2026-09-30"), ("2026-09-15", "2026-09-20")])
def test_beside_a_period_that_has_rows_an_empty_one_has_its_reasons_and_currencies(
    rejected: ClickHouse, name: str, period: tuple[str, str]
) -> None:
    """The 20th to the 24th are compared with the five days before, and the five after with them."""
    empty = {"from": [period[0]], "to": [period[1]]}
    is_after = period[0] > DAYS[-1]
    given = (empty if is_after else PERIOD) | {"by": ["day"], "compare": ["previous"]}

    found = rows(rejected, name, given)

    keys = {(row.get("reason", ""), row["currency"]) for row in found}
    wanted = oracle(is_by_campaign=False, has_reasons=name == "fraud")
    assert keys == {(reason, currency) for _, _, reason, currency, _ in wanted}
    assert len(found) == len(keys) * len(DAYS)


def test_these_are_the_reports_that_may_have_no_key() -> None:
    keys = {
        report.name: {measure.name for measure in report.measures if measure.kind == "key"}
        for report in catalogue().values()
    }
    found = {name for name, names in keys.items() if names and names <= {"currency", "reason"}}
    assert found == {*BY_REASON_OR_CURRENCY, "categories", "channels", "countries"}  # as campaigns


def test_a_month_is_compared_day_by_day_where_it_has_nothing(rejected: ClickHouse) -> None:
    """October has a day more than September, which has nothing to be compared with."""
    given = {"from": ["2026-10-01"], "to": ["2026-11-01"], "by": ["day"], "compare": ["previous"]}

    found = rows(rejected, "rewards", given)

    in_euros = [row["previous_rewards_rejected"] for row in found if row["currency"] == "EUR"]
    assert in_euros == [*[0] * 22, 1, *[0] * 7, None]
    assert len(found) == 2 * 31
