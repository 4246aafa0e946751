"""Report on the quality of data, compared with figures worked out by hand."""

from support.clickhouse import ClickHouse
from support.programme import T0, campaign, click, code

from reftrail.contracts.decisions import DeadLettered
from reftrail.contracts.record import HOUR, SECOND
from reftrail.contracts.topics import CAMPAIGNS, CODES, DEAD_LETTERS, EVENTS
from reftrail.reports.catalogue import ask, find
from reftrail.reports.parameters import asked


async def test_late_doubled_and_unreadable(clickhouse: ClickHouse) -> None:
    """An event on time, one that came again a day later, a late one, and a broken message."""
    first = click("v1", "AMY", received_at=T0 + 2 * SECOND, code_known=True)
    late = click("v2", "NONE", received_at=T0 + 2 * HOUR, code_known=False, clock_skew_ms=-5000)
    await clickhouse.load(EVENTS, [first, late])
    await clickhouse.load(EVENTS, [first])
    broken = DeadLettered(
        event_id="d",
        event_time=T0,
        received_at=T0,
        stage="touch",
        reason="undecodable",
        detail="no such schema",
        topic="events",
        partition=0,
        offset=7,
    )
    await clickhouse.load(DEAD_LETTERS, [broken])

    report = find("data_quality")
    (row,) = ask(clickhouse.reading, report, asked(report, {}), None).rows
    codes = ask(clickhouse.reading, report, asked(report, {"by": ["code"]}), None).rows

    assert row == {
        "events": 2,
        "duplicates": 1,
        "duplicate_share": 0.3333,
        "dead_letters": 1,
        "late": 1,
        "late_share": 0.5,
        "clock_corrected": 1,
        "bots": 0,
        "unknown_codes": 1,
        "median_lag_seconds": 3601.0,
        "p95_lag_seconds": 6840.1,
        "p99_lag_seconds": 7128.02,
    }
    assert [(row["code"], row["duplicates"], row["dead_letters"]) for row in codes] == [
        ("AMY", 1, 0),
        ("NONE", 0, 0),
        (None, 0, 1),
    ]


async def test_a_missing_category_is_the_campaigns_as_in_other_reports(
    clickhouse: ClickHouse,
) -> None:
    await clickhouse.load(CAMPAIGNS, [campaign("spring", category="books")])
    await clickhouse.load(CODES, [code("AMY", "spring"), code("BOB", "spring", category="toys")])
    seen = [click("v1", "AMY"), click("v2", "BOB"), click("v3", None, campaign_id="spring")]
    await clickhouse.load(EVENTS, [*seen, click("v4", "AMY", category="games")])

    report = find("data_quality")
    rows = ask(clickhouse.reading, report, asked(report, {"by": ["category"]}), None).rows

    assert {row["category"]: row["events"] for row in rows} == {"books": 2, "toys": 1, "games": 1}
