"""A small programme whose facts are placed, what may change in it, and answers that show it."""

from collections.abc import Iterable
from typing import Any, Final

from reftrail.contracts.record import DAY, HOUR
from reftrail.contracts.topics import (
    ATTRIBUTIONS,
    CAMPAIGNS,
    CODES,
    CONVERSIONS,
    EVENTS,
    REWARDS,
)
from reftrail.reports.analysts.sql_query import of_placed
from reftrail.reports.catalogue import ask, find
from reftrail.reports.placed_facts import PlacedFacts
from reftrail.reports.questions import Question, question
from support.clickhouse import ClickHouse
from support.programme import (
    T0,
    attributed,
    campaign,
    click,
    code,
    entry,
    purchase,
    refund,
    signup,
    users_merged,
    view,
)

ADD = """
INSERT INTO events SETTINGS insert_deduplicate = 0
SELECT e.* REPLACE ('more' AS event_id) FROM events AS e WHERE e.event_id = 'e2'
"""
ALL = question(["all"], None, None)
BY_EVERYTHING = question(
    ["campaign", "category", "channel", "source", "code", "country"], None, None
)
BY_DAY = question(
    ["day"],
    "2026-09-20",
    "2026-09-30",
    time_zone="Asia/Kolkata",
    filters={"campaign": ["spring"]},
)
BY_CODE = question(["campaign", "category", "channel", "source", "code"], None, None)
OF_A_SOURCE = question(["source", "day"], None, None, filters={"source": ["newsletter"]})
BY_UTC_DAY = question(["day", "code"], "2026-09-20", "2026-09-30")
WITHIN_DAYS = question(["code"], "2026-09-21T13:30:00.001Z", "2026-09-23T14:13:20.001Z")
BY_CAMPAIGN = question(["campaign"], None, None)
BY_CHANNEL = question(["category", "channel"], "2026-09-20", "2026-09-30")
CHANGING = (
    ("funnel", BY_EVERYTHING),
    ("funnel", BY_CAMPAIGN),
    ("funnel", BY_CHANNEL),
    ("campaigns", BY_CHANNEL),
    ("cohorts", BY_CAMPAIGN),
    ("data_quality", ALL),
    ("funnel", WITHIN_DAYS),
    ("funnel", OF_A_SOURCE),
    ("codes", ALL),
    ("campaigns", BY_EVERYTHING),
    ("data_quality", BY_CODE),
    ("data_quality", OF_A_SOURCE),
)
"""Questions whose answers have something of all kinds of placed facts."""
FEW: Final = (
    ("funnel", BY_EVERYTHING),
    ("funnel", BY_CAMPAIGN),
    ("data_quality", ALL),
    ("codes", ALL),
    ("campaigns", BY_EVERYTHING),
    ("data_quality", BY_CODE),
)
"""Questions of which one at least sees any change of facts.

To plan a question of the views takes 0.3 s of processor time, so the others, which read the same
facts by other days, filters and views, are asked where nothing has changed.
"""


async def load_programme(clickhouse: ClickHouse) -> None:
    """Two referred users of three, one of whom bought and earned."""
    await clickhouse.load(CAMPAIGNS, [campaign("spring", category="books")])
    await clickhouse.load(CODES, [code("A", "spring", owner_user_id="amy"), code("B", "autumn")])
    visits = [
        view("v1", "A", event_id="e1", campaign_id="spring", utm_source="poster"),
        view("v1", "A", event_id="e6", campaign_id="spring", utm_source="newsletter"),
        click(
            "v1", "A", event_id="e2", event_time=T0 + HOUR, country="DE", utm_source="newsletter"
        ),
        click(
            "v2",
            "B",
            event_id="e3",
            event_time=T0 + DAY,
            category="toys",
            channel="mail",
            utm_source="newsletter",
        ),
        click("v3", None, event_id="e4", event_time=T0 + 2 * DAY),
        click("v4", "LATER", event_id="e5", event_time=T0 + 2 * DAY),
    ]
    deeds = [
        signup("bob", "v1", event_id="s1", event_time=T0 + 2 * HOUR),
        signup("cleo", "v2", event_id="s2", event_time=T0 + DAY + HOUR),
        signup("dan", "v3", event_id="s3", event_time=T0 + 3 * DAY),
        purchase("bob", event_id="p1", order_id="o1", event_time=T0 + 3 * HOUR),
    ]
    await clickhouse.load(EVENTS, [*visits, *deeds])
    await clickhouse.load(
        ATTRIBUTIONS,
        [attributed("bob", "A", campaign_id="spring"), attributed("cleo", "B", event_id="d2")],
    )
    await clickhouse.load(REWARDS, [entry("r1", "A", "bob", value=5_000_000, beneficiary="amy")])


def answers(
    clickhouse: ClickHouse,
    placed: PlacedFacts | None = None,
    questions: Iterable[tuple[str, Question]] = FEW,
) -> list[tuple[str, list[Any]]]:
    """The rows of reports: of views, or of what is placed."""
    return [
        (
            f"{name} by {', '.join(asked.by)}",
            ask(clickhouse.reading, find(name), asked, None, placed).rows,
        )
        for name, asked in questions
    ]


def differ(
    clickhouse: ClickHouse, placed: PlacedFacts, of_views: Iterable[tuple[str, list[Any]]]
) -> bool:
    """Whether what is placed answers any of the few questions otherwise than the views did."""
    return any(
        answers(clickhouse, placed, [asked]) != [answer]
        for asked, answer in zip(FEW, of_views, strict=True)
    )


def daily_funnel(clickhouse: ClickHouse, placed: PlacedFacts | None = None) -> list[Any]:
    """The rows of the view of days."""
    sql = "SELECT * FROM v_funnel_daily ORDER BY ALL"
    return clickhouse.rows(sql if placed is None else of_placed(sql, placed.database))


def funnel(clickhouse: ClickHouse, placed: PlacedFacts) -> list[dict[str, Any]]:
    asked = question(["campaign", "category", "code"], None, None)
    return ask(clickhouse.reading, find("funnel"), asked, None, placed).rows


async def correct(clickhouse: ClickHouse) -> None:
    later = attributed("cleo", "A", corrects="d2", campaign_id="spring", received_at=T0 + 1)
    await clickhouse.load(ATTRIBUTIONS, [later])


async def merge(clickhouse: ClickHouse) -> None:
    await clickhouse.load(CONVERSIONS, [users_merged("cleo", "bob")])


async def register_what_was_used_before(clickhouse: ClickHouse) -> None:
    await clickhouse.load(CODES, [code("LATER", "spring", channel="print")])


async def register_otherwise(clickhouse: ClickHouse) -> None:
    await clickhouse.load(CODES, [code("A", "autumn", revision=2, category="games")])


async def name_the_category_otherwise(clickhouse: ClickHouse) -> None:
    await clickhouse.load(CAMPAIGNS, [campaign("spring", version=2, category="music")])


async def pay_back(clickhouse: ClickHouse) -> None:
    await clickhouse.load(EVENTS, [refund("bob", order_id="o1", event_time=T0 + DAY)])


async def reverse(clickhouse: ClickHouse) -> None:
    reversal = entry("r1", "A", "bob", value=5_000_000, status="reversed", beneficiary="amy")
    await clickhouse.load(REWARDS, [reversal])


async def come_late(clickhouse: ClickHouse) -> None:
    await clickhouse.load(EVENTS, [click("v9", "A", event_id="late", event_time=T0)])


async def come_in_a_far_year(clickhouse: ClickHouse) -> None:
    far = {"in 2150": 5_700_000_000_000, "at the end of 9999": 253_402_300_799_000}
    clicks = [click("v9", "A", event_id=when, event_time=at) for when, at in far.items()]
    await clickhouse.load(EVENTS, clicks)


async def pseudonymise(clickhouse: ClickHouse) -> None:
    clickhouse.writing.command(
        "ALTER TABLE events UPDATE visitor_id = 'x', country = '' WHERE visitor_id IN ('v1', 'v2')",
        settings={"mutations_sync": 1},
    )


async def erase(clickhouse: ClickHouse) -> None:
    clickhouse.writing.command("DELETE FROM events WHERE visitor_id = 'v1'")


async def erase_and_load_as_many(clickhouse: ClickHouse) -> None:
    clickhouse.writing.command("DELETE FROM events WHERE event_id = 'e2'")
    await clickhouse.load(EVENTS, [click("v9", "A", event_id="instead", event_time=T0)])


async def forget_the_month(clickhouse: ClickHouse) -> None:
    clickhouse.writing.command("ALTER TABLE events DROP PARTITION 202609")


async def register_as_before(clickhouse: ClickHouse) -> None:
    await clickhouse.load(CODES, [code("A", "spring", revision=3, owner_user_id="amy")])


async def erase_what_came_late(clickhouse: ClickHouse) -> None:
    clickhouse.writing.command("DELETE FROM events WHERE event_id = 'late'")
