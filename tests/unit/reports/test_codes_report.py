"""The report `codes` when it is narrowed: codes and what is under them are those registered so."""

from datetime import UTC, datetime
from typing import Any

import pytest
from support.clickhouse import ClickHouse
from support.programme import click, code

from reftrail.contracts.times import millis
from reftrail.contracts.topics import CODES, EVENTS
from reftrail.reports.catalogue import ask, find
from reftrail.reports.parameters import asked


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


@pytest.mark.parametrize("day", ["2026-10-01", "2149-06-07", "2199-12-31"])
async def test_a_code_expires_on_its_day_however_far_that_is(
    clickhouse: ClickHouse, day: str
) -> None:
    at = datetime.fromisoformat(day).replace(hour=23, tzinfo=UTC)
    await clickhouse.load(CODES, [code("AMY", "spring", expires_at=millis(at))])
    [row] = ask(clickhouse.reading, find("codes"), asked(find("codes"), {}), None).rows
    assert row["expires"] == day
