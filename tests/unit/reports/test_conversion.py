"""Visitors, users and orders are counted once in the funnel, however often each was reported."""

from typing import Any

from support.clickhouse import ClickHouse
from support.programme import T0, attributed, click, purchase, signup, view

from reftrail.contracts.record import DAY, HOUR
from reftrail.contracts.topics import ATTRIBUTIONS, EVENTS
from reftrail.reports.catalogue import ask, find
from reftrail.reports.code_counters import code_counters
from reftrail.reports.questions import question


def funnel(clickhouse: ClickHouse, by: str = "code", **period: Any) -> dict[Any, dict[str, Any]]:
    asked = question([by], period.get("since"), period.get("until"))
    rows = ask(clickhouse.reading, find("funnel"), asked, None).rows
    return {next(iter(row.values())): row for row in rows}


def shown(row: dict[str, Any]) -> tuple[Any, ...]:
    names = ("visitors_clicked", "visitors_signed_up", "typed_signups", "conversion_rate")
    return tuple(row[name] for name in names)


async def test_a_visitor_who_clicks_five_times_and_signs_up_converts(
    clickhouse: ClickHouse,
) -> None:
    clicks = [click("v1", "AMY", event_time=T0 - nth * HOUR) for nth in range(5)]
    await clickhouse.load(EVENTS, [*clicks, signup("uma", "v1")])
    await clickhouse.load(ATTRIBUTIONS, [attributed("uma", "AMY")])

    row = funnel(clickhouse)["AMY"]

    assert (row["clicks"], row["signups"], *shown(row)) == (5, 1, 1, 1, 0, 1.0)


async def test_typed_codes_are_no_part_of_the_rate(clickhouse: ClickHouse) -> None:
    """A code on a poster: nine type it in, two click, one of these signs up."""
    typed = [f"typed{number}" for number in range(9)]
    events = [signup(user, f"{user}'s phone", code="AMY") for user in typed]
    clicked = [click("v1", "AMY"), click("v2", "AMY"), signup("uma", "v1")]
    await clickhouse.load(EVENTS, [*events, *clicked])
    decided = [attributed(user, "AMY", basis="typed_code") for user in typed]
    await clickhouse.load(ATTRIBUTIONS, [*decided, attributed("uma", "AMY")])

    row = funnel(clickhouse)["AMY"]

    assert (row["signups"], *shown(row)) == (10, 2, 1, 9, 0.5)


async def test_only_the_code_that_counts_converts(clickhouse: ClickHouse) -> None:
    """A visitor who clicked two codes is one of both, and signed up under the one."""
    events = [click("v1", "AMY"), click("v1", "BOB"), click("v2", "BOB"), signup("uma", "v1")]
    await clickhouse.load(EVENTS, events)
    await clickhouse.load(ATTRIBUTIONS, [attributed("uma", "AMY")])

    by_code = funnel(clickhouse)
    assert shown(by_code["AMY"]) == (1, 1, 0, 1.0)
    assert shown(by_code["BOB"]) == (2, 0, 0, 0.0)
    assert shown(funnel(clickhouse, "campaign")[None]) == (2, 1, 0, 0.5)


async def test_a_corrected_decision_takes_its_conversion_with_it(clickhouse: ClickHouse) -> None:
    events = [click("v1", "AMY"), click("v1", "BOB"), signup("uma", "v1")]
    first = attributed("uma", "AMY")
    await clickhouse.load(EVENTS, events)
    await clickhouse.load(ATTRIBUTIONS, [first])
    await clickhouse.load(
        ATTRIBUTIONS, [attributed("uma", "BOB", basis="late_touch", corrects=first.event_id)]
    )

    by_code = funnel(clickhouse)

    assert (by_code["AMY"]["conversion_rate"], by_code["BOB"]["conversion_rate"]) == (0.0, 1.0)


async def test_a_rate_is_of_those_who_clicked_in_the_period(clickhouse: ClickHouse) -> None:
    """A later signup belongs to the day of the click; a click after it converts nobody."""
    events = [
        click("v1", "AMY"),
        signup("uma", "v1", event_time=T0 + 2 * DAY),
        click("v1", "AMY", event_time=T0 + 3 * DAY),
    ]
    await clickhouse.load(EVENTS, events)
    await clickhouse.load(ATTRIBUTIONS, [attributed("uma", "AMY", event_time=T0 + 2 * DAY)])

    by_day = funnel(clickhouse, "day")

    assert {day: shown(row) for day, row in by_day.items()} == {
        "2026-09-21": (1, 1, 0, 1.0),
        "2026-09-22": (0, 0, 0, None),
        "2026-09-23": (0, 0, 0, None),
        "2026-09-24": (1, 0, 0, 0.0),
    }


async def test_views_and_bots_are_no_clicks(clickhouse: ClickHouse) -> None:
    events = [view("v1", "AMY"), click("v2", "AMY", is_bot=True), signup("uma", "v1")]
    await clickhouse.load(EVENTS, events)
    await clickhouse.load(ATTRIBUTIONS, [attributed("uma", "AMY")])

    row = funnel(clickhouse)["AMY"]

    assert (row["signups"], *shown(row)) == (1, 0, 0, 0, None)


async def test_an_order_under_two_event_ids_is_one_purchase(clickhouse: ClickHouse) -> None:
    """And that at the time of the report that was received first."""
    events = [
        signup("uma", "v1"),
        signup("uma", "v1", received_at=T0 + 5, event_time=T0 + DAY),
        purchase("uma", order_id="o1", received_at=T0 + 1, event_time=T0 + DAY),
        purchase("uma", order_id="o1", received_at=T0, event_time=T0),
        purchase("uma", order_id="o2"),
        purchase("vic", order_id="o1"),
    ]
    for partition, loaded in enumerate((events[:3], events[3:], events)):
        await clickhouse.load(EVENTS, loaded, partition)
    await clickhouse.load(ATTRIBUTIONS, [attributed("uma", "AMY")])

    by_code, by_day = funnel(clickhouse), funnel(clickhouse, "day")
    counters = code_counters(clickhouse.reading, "AMY")

    assert (by_code["AMY"]["purchases"], by_code["AMY"]["signups"]) == (2, 1)
    assert by_code[None]["purchases"] == 1
    assert {day: row["purchases"] for day, row in by_day.items()} == {"2026-09-21": 3}
    assert (counters["purchases"], counters["signups"]) == (2, 1)
