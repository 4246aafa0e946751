"""Local days, rows of zeros, and the period before: without ClickHouse, and with it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from support.clickhouse import ClickHouse
from support.placing import placed_facts
from support.programme import T0, attributed, click, signup

from reftrail.contracts.record import DAY
from reftrail.contracts.topics import ATTRIBUTIONS, EVENTS
from reftrail.reports.catalogue import ask, find
from reftrail.reports.parameters import asked
from reftrail.reports.periods import Granularity, before, names_between
from reftrail.reports.placed_facts import PlacedFacts
from reftrail.reports.questions import BadQuestion

BERLIN = ZoneInfo("Europe/Berlin")


def report(
    clickhouse: ClickHouse, placed: PlacedFacts | None = None, /, **given: Any
) -> list[dict[str, Any]]:
    """Rows of the funnel; parameters with `_` behind a word of Python's."""
    lists = {
        key.rstrip("_"): value if isinstance(value, list) else [value]
        for key, value in given.items()
    }
    found = find("funnel")
    return ask(clickhouse.reading, found, asked(found, lists), None, placed).rows


def hours_of(day: str, zone: ZoneInfo) -> int:
    begin = datetime.fromisoformat(day).replace(tzinfo=zone)
    last = (begin + timedelta(days=1)).astimezone(UTC) - timedelta(milliseconds=1)
    return len(names_between(Granularity.HOUR, begin, last, zone))


def test_days_on_which_clocks_change_have_23_and_25_hours() -> None:
    days = ("2026-03-28", "2026-03-29", "2026-10-25")
    assert [hours_of(day, BERLIN) for day in days] == [24, 23, 25]
    assert hours_of("2026-10-25", ZoneInfo("Asia/Kathmandu")) == 24


def test_an_hour_that_comes_twice_has_two_names() -> None:
    first = datetime(2026, 10, 25, tzinfo=UTC)
    names = names_between(Granularity.HOUR, first, first + timedelta(hours=1), BERLIN)
    assert names == ["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"]


def test_a_day_that_a_zone_skipped_is_none() -> None:
    apia = ZoneInfo("Pacific/Apia")
    first = datetime(2011, 12, 29, 12, tzinfo=apia)
    names = names_between(Granularity.DAY, first, datetime(2011, 12, 31, 12, tzinfo=apia), apia)
    assert names == ["2011-12-29", "2011-12-31"]


@pytest.mark.parametrize(
    ("since", "until", "then"),
    [
        ("2026-10-25T00:00", "2026-10-26T00:00", "2026-10-24T00:00"),
        ("2026-03-01T00:00", "2026-04-01T00:00", "2026-02-01T00:00"),
        ("2026-01-01T00:00", "2026-04-01T00:00", "2025-10-01T00:00"),
        ("2026-03-30T00:00", "2026-04-02T00:00", "2026-03-27T00:00"),
        ("2026-03-30T10:00", "2026-03-30T12:00", "2026-03-30T08:00"),
    ],
)
def test_the_period_before_is_as_long_on_the_wall(since: str, until: str, then: str) -> None:
    first, last, expected = (
        datetime.fromisoformat(at).replace(tzinfo=BERLIN) for at in (since, until, then)
    )
    assert before(first, last, BERLIN) == (expected.astimezone(UTC), first)


@pytest.mark.parametrize("period", [("2000-10-28", "2000-10-29"), ("2000-10-29", "2000-10-30")])
async def test_no_click_is_lost_where_clocks_are_set_back_over_midnight(
    clickhouse: ClickHouse, period: tuple[str, str]
) -> None:
    """In St. John's, October 29 had begun for a minute when it was 23:01 again.

    ClickHouse counts that minute for the 28th. It stands for a time zone of which ClickHouse knows
    newer rules than Python, too.
    """
    first = datetime(2000, 10, 29, 2, 20, tzinfo=UTC)
    times = [int((first + timedelta(seconds=30 * nth)).timestamp() * 1000) for nth in range(200)]
    await clickhouse.load(EVENTS, [click(f"v{at}", "AMY", event_time=at) for at in times])
    given = {"from_": period[0], "to": period[1], "time_zone": "America/St_Johns"}
    [whole] = report(clickhouse, **given, by="all")
    by_day = report(clickhouse, **given, by="day")
    assert sum(row["clicks"] for row in by_day) == whole["clicks"] > 0
    assert [row["day"] for row in by_day] == sorted(row["day"] for row in by_day)


async def test_days_are_those_of_the_time_zone(clickhouse: ClickHouse) -> None:
    """A click at 23:30 in Berlin on the 24th and one at 00:30 on the 25th are an hour apart."""
    times = [datetime(2026, 10, 24, hour, 30, tzinfo=UTC) for hour in (21, 22)]
    seen = [click("v", "AMY", event_time=int(at.timestamp() * 1000)) for at in times]
    await clickhouse.load(EVENTS, seen)
    period = {"from_": "2026-10-24", "to": "2026-10-27", "granularity": "day"}

    in_berlin = report(clickhouse, **period, time_zone="Europe/Berlin")
    in_utc = report(clickhouse, **period)

    found = [
        [(row["day"], row["clicks"], row["visitors"]) for row in f] for f in (in_berlin, in_utc)
    ]
    assert found == [
        [("2026-10-24", 1, 1), ("2026-10-25", 1, 1), ("2026-10-26", 0, 0)],
        [("2026-10-24", 2, 1), ("2026-10-25", 0, 0), ("2026-10-26", 0, 0)],
    ]


async def test_periods_without_anything_are_rows_of_zeros(clickhouse: ClickHouse) -> None:
    await clickhouse.load(EVENTS, [click("v1", "AMY"), click("v2", "BOB", event_time=T0 + DAY)])
    period = {"from_": "2026-09-21", "to": "2026-09-23"}

    both = report(clickhouse, by="code,day", **period)
    empty = report(clickhouse, by="day", **period, code="CAT")
    total = report(clickhouse, by="all", from_="2025-01-01", to="2026-01-01")

    assert [(row["code"], row["day"], row["clicks"]) for row in both] == [
        ("AMY", "2026-09-21", 1),
        ("AMY", "2026-09-22", 0),
        ("BOB", "2026-09-21", 0),
        ("BOB", "2026-09-22", 1),
    ]
    assert [(row["day"], row["clicks"], row["conversion_rate"]) for row in empty] == [
        ("2026-09-21", 0, None),
        ("2026-09-22", 0, None),
    ]
    assert [(row["clicks"], row["reward_value"]) for row in total] == [(0, "0.00")]


async def test_a_visitor_of_two_days_is_one_of_the_range(clickhouse: ClickHouse) -> None:
    days = [click("v", "AMY", event_time=T0 + nth * DAY) for nth in range(2)]
    await clickhouse.load(EVENTS, days)

    assert [row["visitors"] for row in report(clickhouse, by="day")] == [1, 1]
    assert [row["visitors"] for row in report(clickhouse, by="all")] == [1]


async def test_a_report_is_narrowed_to_what_is_asked_for(clickhouse: ClickHouse) -> None:
    events = [
        click("v1", "AMY", campaign_id="spring", channel="mail", country="DE"),
        click("v2", "BOB", campaign_id="spring", channel="web", country="US"),
        click("v3", "CAT", campaign_id="autumn", category="toys", country="DE"),
        signup("uma", "v1", country="US"),
    ]
    await clickhouse.load(EVENTS, events)
    await clickhouse.load(ATTRIBUTIONS, [attributed("uma", "AMY", campaign_id="spring")])

    placed = placed_facts(clickhouse)  # which answer at a tenth of the cost

    def clicks(**given: Any) -> tuple[int, int]:
        (row,) = report(clickhouse, placed, by="all", **given)
        return row["clicks"], row["attributed"]

    assert clicks() == (3, 1)
    assert clicks(campaign="spring") == (2, 1)
    assert clicks(campaign=["spring", "autumn"]) == (3, 1)
    assert clicks(category="toys") == (1, 0)
    assert clicks(channel="web") == (1, 0)
    assert clicks(code="amy") == (0, 0)
    assert clicks(code="AMY") == (1, 1)
    assert clicks(country="DE") == (2, 0)
    assert clicks(country="US", campaign="spring") == (1, 1)
    by_country = {row["country"]: row["clicks"] for row in report(clickhouse, placed, by="country")}
    assert by_country == {"DE": 2, "US": 1}


async def test_figures_stand_beside_those_of_the_period_before(clickhouse: ClickHouse) -> None:
    before_it = [click("v1", "AMY"), click("v2", "AMY"), click("v2", "BOB")]
    now = [click("v3", "AMY", event_time=T0 + DAY), click("v3", "CAT", event_time=T0 + DAY)]
    await clickhouse.load(EVENTS, [*before_it, *now])

    rows = report(clickhouse, by="code", from_="2026-09-22", to="2026-09-23", compare="previous")

    assert [(row["code"], row["clicks"], row["previous_clicks"]) for row in rows] == [
        ("AMY", 1, 2),
        ("CAT", 1, 0),
        ("BOB", 0, 1),
    ]
    assert (rows[0]["visitors"], rows[0]["previous_visitors"]) == (1, 2)
    assert (rows[1]["conversion_rate"], rows[1]["previous_conversion_rate"]) == (0.0, None)


async def test_a_month_is_compared_day_by_day(clickhouse: ClickHouse) -> None:
    """March has three days more than February, which have nothing to be compared with."""
    at = int(datetime(2026, 2, 2, 12, tzinfo=UTC).timestamp() * 1000)
    await clickhouse.load(EVENTS, [click("v1", "AMY", event_time=at)])

    rows = report(
        clickhouse, granularity="day", from_="2026-03-01", to="2026-04-01", compare="previous"
    )

    assert [row["day"] for row in rows] == [f"2026-03-{day:02}" for day in range(1, 32)]
    assert [row["previous_clicks"] for row in rows] == [0, 1, *[0] * 26, None, None, None]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"granularity": "year"}, "choose of hour, day, week, month"),
        ({"by": "day", "granularity": "week"}, "choose one of day and week"),
        ({"time_zone": "Mars/Olympus"}, "like Europe/Berlin"),
        ({"compare": "last year"}, "choose previous"),
        ({"compare": "previous", "from_": "2026-01-01"}, "give both from and to"),
        ({"countri": "DE"}, "no parameter 'countri'"),
        ({"from_": ["2026-01-01", "2026-01-02"]}, "from is given 2 times"),
        (
            {"granularity": "hour", "from_": "2000-01-01", "to": "2026-01-01"},
            "more than 10000 rows",
        ),
    ],
)
def test_what_cannot_be_asked_is_said(
    clickhouse: ClickHouse, given: dict[str, Any], says: str
) -> None:
    with pytest.raises(BadQuestion, match=says):
        report(clickhouse, **given)
