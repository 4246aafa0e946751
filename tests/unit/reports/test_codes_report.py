"""The report `codes` when it is narrowed: codes and what is under them are those registered so."""

from datetime import UTC, datetime
from typing import Any, Final

import pytest
from support.clickhouse import ClickHouse
from support.programme import attributed, click, code, entry, purchase, signup

from reftrail.contracts.times import millis
from reftrail.contracts.topics import ATTRIBUTIONS, CODES, EVENTS, REWARDS
from reftrail.reports.catalogue import ask, find
from reftrail.reports.parameters import asked
from reftrail.warehouse.placing.placer import Placer

COUNTS: Final = ("clicks", "visitors_clicked", "referrals", "customers", "rewards_granted")


def codes(clickhouse: ClickHouse, **given: str) -> list[tuple[Any, ...]]:
    report = find("codes")
    question = asked(report, {name: [value] for name, value in given.items()})
    rows = ask(clickhouse.reading, report, question, None).rows
    return [(row["code"], row["clicks"], row["attention"]) for row in rows]


async def test_clicks_that_name_another_channel_are_still_the_codes(clickhouse: ClickHouse) -> None:
    registered = [code("AMY", "spring", channel="mail"), code("BOB", "spring", category="toys")]
    await clickhouse.load(CODES, registered)
    elsewhere = {"campaign_id": "summer", "category": "books", "channel": "web"}
    await clickhouse.load(
        EVENTS, [click("v1", "AMY", **elsewhere), click("v2", "BOB", **elsewhere)]
    )

    assert codes(clickhouse, channel="mail") == [("AMY", 1, None)]
    assert codes(clickhouse, category="toys") == [("BOB", 1, None)]
    assert codes(clickhouse, campaign="spring") == [("AMY", 1, None), ("BOB", 1, None)]
    assert codes(clickhouse, code="amy") == [("AMY", 1, None)]
    assert codes(clickhouse, channel="web") == []


@pytest.mark.parametrize("is_placed", [False, True])
async def test_a_source_or_country_narrows_what_is_under_codes(
    clickhouse: ClickHouse, is_placed: bool
) -> None:
    await clickhouse.load(CODES, [code(name, "spring") for name in ("AMY", "BOB", "CAT")])
    news = {"utm_source": "news", "country": "DE"}
    visits = [click("v1", "AMY", **news), click("v2", "AMY", country="US"), click("v3", "AMY")]
    visits += [click("v4", "BOB", utm_source="blog", country="US")]
    users = [signup("uma", "v1", country="DE"), signup("wes", "v4", country="US")]
    await clickhouse.load(EVENTS, [*visits, *users, purchase("uma", country="FR")])
    await clickhouse.load(
        ATTRIBUTIONS,
        [attributed("uma", "AMY", utm_source="news"), attributed("wes", "BOB", utm_source="blog")],
    )
    await clickhouse.load(REWARDS, [entry("r1", "AMY", "uma", value=5, utm_source="news")])
    placer = Placer(clickhouse.writing, lambda: "now")
    placed = placer.facts(clickhouse.reading, 0) if is_placed and placer.place() else None
    assert (placed is not None) == is_placed

    def found(**given: str) -> dict[str, list[Any]]:
        report = find("codes")
        question = asked(report, {name: [value] for name, value in given.items()})
        rows = ask(clickhouse.reading, report, question, None, placed).rows
        return {row["code"]: [row[name] for name in COUNTS] for row in rows}

    assert found(source="news") == {"AMY": [1, 1, 1, 1, 1]}
    assert found(source="blog") == {"BOB": [1, 1, 1, 0, 0]}
    assert found(source="blog", code="amy") == {}
    assert found(country="US") == {"AMY": [1, 1, 0, 0, 0], "BOB": [1, 1, 1, 0, 0]}
    assert found(source="news", country="DE", campaign="spring") == {"AMY": [1, 1, 1, 0, 1]}
    assert len(found()) == 3


@pytest.mark.parametrize("day", ["2026-10-01", "2149-06-07", "2199-12-31"])
async def test_a_code_expires_on_its_day_however_far_that_is(
    clickhouse: ClickHouse, day: str
) -> None:
    at = datetime.fromisoformat(day).replace(hour=23, tzinfo=UTC)
    await clickhouse.load(CODES, [code("AMY", "spring", expires_at=millis(at))])
    [row] = ask(clickhouse.reading, find("codes"), asked(find("codes"), {}), None).rows
    assert row["expires"] == day
