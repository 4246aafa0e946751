"""Counts of people that are the same in the row of each currency, also in rows of zeros."""

from typing import Any

import pytest
from support.clickhouse import ClickHouse
from support.programme import T0, attributed, click, code, purchase, signup

from reftrail.contracts.record import DAY
from reftrail.contracts.topics import ATTRIBUTIONS, CODES, EVENTS
from reftrail.reports.catalogue import ask, find
from reftrail.reports.parameters import asked


@pytest.fixture
async def two_days(clickhouse: ClickHouse) -> ClickHouse:
    """Uma signs up and pays dollars on the 21st; Vic, who pays euros, and Wes on the 22nd."""
    await clickhouse.load(CODES, [code("AMY", "spring", owner_user_id="amy")])
    later = {"event_time": T0 + DAY}
    people = {"uma": {}, "vic": later, "wes": later}
    sold = [purchase("uma"), purchase("vic", currency="EUR", **later)]
    seen = [click("v1", "AMY"), click("v2", "AMY", **later)]
    signups = [signup(user, None, **given) for user, given in people.items()]
    await clickhouse.load(EVENTS, [*signups, *seen, *sold])
    await clickhouse.load(ATTRIBUTIONS, [attributed(user, "AMY") for user in people])
    return clickhouse


def rows(clickhouse: ClickHouse, name: str, **given: str) -> list[dict[str, Any]]:
    report = find(name)
    question = asked(report, {key.rstrip("_"): [value] for key, value in given.items()})
    return ask(clickhouse.reading, report, question, None).rows


@pytest.mark.parametrize(
    ("name", "people"), [("campaigns", "referred_signups"), ("referrers", "referrals")]
)
async def test_a_currency_that_a_day_lacks_has_its_people(
    two_days: ClickHouse, name: str, people: str
) -> None:
    found = rows(two_days, name, by="day", from_="2026-09-21", to="2026-09-24")

    shown = sorted(
        (row["day"], row["currency"], row[people], row["customers"], row["revenue"])
        for row in found
    )
    assert shown == [
        ("2026-09-21", "EUR", 1, 1, "0.00"),
        ("2026-09-21", "USD", 1, 1, "20.00"),
        ("2026-09-22", "EUR", 2, 1, "20.00"),
        ("2026-09-22", "USD", 2, 1, "0.00"),
        ("2026-09-23", "EUR", 0, 0, "0.00"),
        ("2026-09-23", "USD", 0, 0, "0.00"),
    ]


async def test_a_part_of_nobody_is_null_in_a_row_of_zeros_too(two_days: ClickHouse) -> None:
    found = rows(two_days, "campaigns", by="day", from_="2026-09-21", to="2026-09-24")
    costs = {(row["day"], row["currency"]): row["cost_per_acquisition"] for row in found}
    assert costs["2026-09-22", "USD"] == "0.00"
    assert costs["2026-09-23", "USD"] is None


async def test_the_clicks_of_a_referrer_are_shared_too(two_days: ClickHouse) -> None:
    found = rows(two_days, "referrers", by="day", from_="2026-09-21", to="2026-09-23")
    shared = ("codes", "visitors_clicked", "visitors_signed_up", "conversion_rate")
    assert {tuple(row[name] for name in shared) for row in found} == {(1, 1, 0, 0.0)}


@pytest.mark.parametrize("by", ["all", "day"])
async def test_a_currency_that_one_period_lacks_has_its_people(
    two_days: ClickHouse, by: str
) -> None:
    period = {"from_": "2026-09-22", "to": "2026-09-23", "compare": "previous"}
    found = rows(two_days, "campaigns", by=by, **period)

    names = ("currency", "referred_signups", "previous_referred_signups", "revenue")
    assert sorted(tuple(row[name] for name in names) for row in found) == [
        ("EUR", 2, 1, "20.00"),
        ("USD", 2, 1, "0.00"),
    ]
