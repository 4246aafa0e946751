"""Each report against numbers worked out by hand, on the real engine."""

from typing import Any

import msgspec
import pytest
from support.clickhouse import ClickHouse
from support.programme import (
    T0,
    attributed,
    campaign,
    click,
    code,
    entry,
    form_started,
    purchase,
    refund,
    signup,
    view,
)

from reftrail.contracts.record import DAY, HOUR
from reftrail.contracts.topics import ATTRIBUTIONS, CAMPAIGNS, CODES, EVENTS, REWARDS
from reftrail.reports.catalogue import ask, find
from reftrail.reports.code_counters import code_counters
from reftrail.reports.questions import question


def report(
    clickhouse: ClickHouse, name: str, *by: str, since: str | None = None, until: str | None = None
) -> list[dict[str, Any]]:
    return ask(clickhouse.reading, find(name), question(by, since, until), None).rows


@pytest.fixture
async def programme(clickhouse: ClickHouse) -> ClickHouse:
    """Two campaigns, three codes; Uma came by AMY, Vic typed BOB, Wes came by himself."""
    await clickhouse.load(CAMPAIGNS, [campaign("spring", category="books"), campaign("trial")])
    await clickhouse.load(
        CODES,
        [
            code("AMY", "spring", channel="mail"),
            code("BOB", "spring", category="toys"),
            code("CAT", "trial"),
        ],
    )
    await clickhouse.load(
        EVENTS,
        [
            view("v1", "AMY"),
            view("v1", "AMY", is_bot=True),
            click("v1", "AMY", campaign_id="spring", category="games", channel="web"),
            click("v1", "AMY"),
            click("v2", "BOB", event_time=T0 + DAY),
            click("v3", None, campaign_id="trial"),
            click("v4", "NONE"),
            form_started("v1", "AMY"),
            signup("uma", "v1"),
            signup("vic", None, code="BOB", event_time=T0 + DAY),
            signup("wes", None),
            purchase("uma", event_time=T0 + DAY),
            purchase("uma", event_time=T0 + DAY),
            purchase("wes"),
            refund("uma"),
        ],
    )
    await clickhouse.load(
        ATTRIBUTIONS,
        [
            attributed("uma", "AMY", touch_time=T0 - 4 * HOUR, campaign_id="spring"),
            attributed("uma", "CAT", decisive=False, basis="late_touch"),
            attributed("vic", "BOB", basis="typed_code", event_time=T0 + DAY),
        ],
    )
    await clickhouse.load(
        REWARDS,
        [
            entry("r1", "AMY", "uma", value=5_000_000, beneficiary="amy", category="books"),
            entry("r2", "AMY", "uma", value=2_500_000, beneficiary="uma", category="books"),
            entry("r2", "AMY", "uma", value=2_500_000, status="reversed", event_time=T0 + 9 * DAY),
            entry("r3", "BOB", "vic", value=1_230_000, currency="EUR", beneficiary="bob"),
            entry("r4", "BOB", "vic", value=1, status="rejected", event_time=T0 + DAY),
        ],
    )
    return clickhouse


def test_funnel_by_code(programme: ClickHouse) -> None:
    assert report(programme, "funnel", "code") == [
        _funnel(
            code="AMY",
            views=1,
            clicks=2,
            forms_started=1,
            visitors=1,
            signups=1,
            purchases=2,
            first_purchases=1,
            signups_bought=1,
            click_rate=1.0,
            purchase_rate=1.0,
            attributed=1,
            rewards_granted=2,
            reward_value="5.00",
            currency="USD",
            visitors_clicked=1,
            visitors_signed_up=1,
            conversion_rate=1.0,
        ),
        _funnel(
            code="BOB",
            clicks=1,
            visitors=1,
            signups=1,
            attributed=1,
            click_rate=1.0,
            purchase_rate=0.0,
            rewards_granted=1,
            reward_value="1.23",
            currency="EUR",
            visitors_clicked=1,
            typed_signups=1,
            conversion_rate=0.0,
        ),
        _funnel(
            code="NONE",
            clicks=1,
            visitors=1,
            visitors_clicked=1,
            click_rate=1.0,
            conversion_rate=0.0,
        ),
        _funnel(
            code=None,
            clicks=1,
            visitors=1,
            signups=1,
            purchases=1,
            first_purchases=1,
            signups_bought=1,
            visitors_clicked=1,
            click_rate=1.0,
            conversion_rate=0.0,
            purchase_rate=1.0,
        ),
    ]


def test_currencies_are_not_added_up(programme: ClickHouse) -> None:
    rows = report(programme, "funnel", "campaign")

    assert [
        (row["campaign_id"], row["clicks"], row["rewards_granted"], row["reward_value"])
        for row in rows
    ] == [("spring", 3, 3, None), ("trial", 1, 0, "0.00"), (None, 1, 0, "0.00")]


def test_a_missing_dimension_is_that_of_the_code_then_of_the_campaign(
    programme: ClickHouse,
) -> None:
    by_category = {row["category"]: row for row in report(programme, "funnel", "category")}
    by_channel = {row["channel"]: row["clicks"] for row in report(programme, "funnel", "channel")}

    assert {name: row["clicks"] for name, row in by_category.items()} == {
        "games": 1,
        "books": 1,
        "toys": 1,
        None: 2,
    }
    assert by_category["books"]["signups"] == 1
    assert by_category["toys"]["signups"] == 1
    assert by_channel == {"web": 1, "mail": 1, None: 3}


def test_funnel_by_day(programme: ClickHouse) -> None:
    rows = report(programme, "funnel", "day")

    assert [
        (row["day"], row["clicks"], row["signups"], row["purchases"], row["rewards_granted"])
        for row in rows
    ] == [("2026-09-21", 4, 2, 1, 3), ("2026-09-22", 1, 1, 2, 0)]


def test_from_is_included_and_to_is_not(programme: ClickHouse) -> None:
    (row,) = report(
        programme, "funnel", "day", since="2026-09-22T14:13:20Z", until="2026-09-22T14:13:20.001Z"
    )
    assert (row["clicks"], row["purchases"]) == (1, 2)

    rows = report(programme, "funnel", "day", since="2026-09-22", until="2026-09-22T14:13:20Z")
    assert [(row["day"], row["clicks"], row["purchases"]) for row in rows] == [("2026-09-22", 0, 0)]


def test_several_dimensions_stand_in_the_order_asked_for(programme: ClickHouse) -> None:
    rows = report(programme, "rewards", "code,campaign")

    assert [list(row)[:2] for row in rows] == [["code", "campaign_id"]] * 3


def test_attribution_by_code(programme: ClickHouse) -> None:
    amy, bob, cat, nobody = report(programme, "attribution", "code")

    assert amy == {
        "code": "AMY",
        "attributed": 1,
        "by_first_touch": 1,
        "by_typed_code": 0,
        "by_late_touch": 0,
        "by_identified": 0,
        "by_identified_by_page": 0,
        "merged": 0,
        "late_touches": 0,
        "signups": 1,
        "purchases": 2,
        "median_hours": 4.0,
    }
    assert (bob["by_typed_code"], bob["median_hours"]) == (1, 0.0)
    assert (cat["late_touches"], cat["attributed"], cat["median_hours"]) == (1, 0, None)
    assert (nobody["code"], nobody["signups"], nobody["attributed"]) == (None, 1, 0)


def test_rewards_as_they_stand_now(programme: ClickHouse) -> None:
    assert report(programme, "rewards", "code") == [
        {
            "code": "AMY",
            "currency": "USD",
            "rewards_granted": 2,
            "rewards_reversed": 1,
            "rewards_fulfilled": 0,
            "rewards_failed": 0,
            "rewards_expired": 0,
            "rewards_rejected": 0,
            "rewards_held": 0,
            "reward_value": "5.00",
            "liability": "5.00",
            "reversed_value": "2.50",
            "lapsed_value": "0.00",
            "clawback_value": "0.00",
            "adjustments": 0,
            "adjusted_value": "0.00",
            "beneficiaries": 1,
        },
        {
            "code": "BOB",
            "currency": "EUR",
            "rewards_granted": 1,
            "rewards_reversed": 0,
            "rewards_fulfilled": 0,
            "rewards_failed": 0,
            "rewards_expired": 0,
            "rewards_rejected": 0,
            "rewards_held": 0,
            "reward_value": "1.23",
            "liability": "1.23",
            "reversed_value": "0.00",
            "lapsed_value": "0.00",
            "clawback_value": "0.00",
            "adjustments": 0,
            "adjusted_value": "0.00",
            "beneficiaries": 1,
        },
        {
            "code": "BOB",
            "currency": "USD",
            "rewards_granted": 0,
            "rewards_reversed": 0,
            "rewards_fulfilled": 0,
            "rewards_failed": 0,
            "rewards_expired": 0,
            "rewards_rejected": 1,
            "rewards_held": 0,
            "reward_value": "0.00",
            "liability": "0.00",
            "reversed_value": "0.00",
            "lapsed_value": "0.00",
            "clawback_value": "0.00",
            "adjustments": 0,
            "adjusted_value": "0.00",
            "beneficiaries": 0,
        },
    ]


async def test_values_have_the_places_of_their_currency(clickhouse: ClickHouse) -> None:
    granted = [
        entry("r1", "AMY", "uma", value=100_000_000, currency="JPY", beneficiary="amy"),
        entry("r2", "BOB", "vic", value=1_500_000, currency="KWD", beneficiary="bob"),
    ]
    await clickhouse.load(REWARDS, granted)
    rows = [*report(clickhouse, "rewards", "code"), *report(clickhouse, "funnel", "code")]
    assert [(row["code"], row["reward_value"], row["currency"]) for row in rows] == [
        ("AMY", "100", "JPY"),
        ("BOB", "1.500", "KWD"),
    ] * 2


def test_a_reversal_counts_when_the_reward_was_decided(programme: ClickHouse) -> None:
    (row,) = report(programme, "rewards", "day", since="2026-09-21", until="2026-09-22")[1:]

    assert (row["currency"], row["rewards_reversed"]) == ("USD", 1)
    assert report(programme, "rewards", "day", since="2026-09-25") == []


def test_the_counters_of_a_code_are_those_of_the_funnel(programme: ClickHouse) -> None:
    counters = {
        row["code"]: code_counters(programme.reading, row["code"])
        for row in report(programme, "funnel", "code")
        if row["code"] is not None
    }

    same = ("views", "clicks", "signups", "purchases", "attributed", "rewards_granted")
    for row in report(programme, "funnel", "code")[:-1]:
        assert {name: counters[row["code"]][name] for name in same} == {
            name: row[name] for name in same
        }
    assert {code: found["users_rewarded"] for code, found in counters.items()} == {
        "AMY": 1,
        "BOB": 1,
        "NONE": 0,
    }
    assert set(code_counters(programme.reading, "NEVER SEEN").values()) == {0}


async def test_counters_count_once_what_was_loaded_twice(clickhouse: ClickHouse) -> None:
    """And by the event that came first, where two have one id."""
    clickhouse.stop_merges()
    first, later = click("v1", "AMY", event_id="same"), click("v1", "BOB", event_id="same")
    later = msgspec.structs.replace(later, received_at=first.received_at + 1)
    decided = [attributed("uma", "AMY"), attributed("uma", "BOB")]
    decided[1] = msgspec.structs.replace(decided[1], received_at=decided[0].received_at + 1)
    for partition in (0, 1):
        await clickhouse.load(EVENTS, [later, first, signup("uma", "v1", event_id="up")], partition)
        await clickhouse.load(ATTRIBUTIONS, decided, partition)
        await clickhouse.load(REWARDS, [entry("r1", "AMY", "uma", value=1)], partition)

    amy, bob = (code_counters(clickhouse.reading, code) for code in ("AMY", "BOB"))

    assert [amy[name] for name in ("clicks", "signups", "attributed", "rewards_granted")] == [1] * 4
    assert set(bob.values()) == {0}


async def test_what_was_loaded_twice_counts_once(clickhouse: ClickHouse) -> None:
    twice = click("v1", "AMY")
    grant = entry("r1", "AMY", "uma", value=1_000_000)
    for partition in (0, 1):
        await clickhouse.load(EVENTS, [twice, twice], partition)
        await clickhouse.load(REWARDS, [grant, grant], partition)

    (row,) = report(clickhouse, "funnel", "code")

    assert (row["clicks"], row["rewards_granted"], row["reward_value"]) == (1, 1, "1.00")


def test_an_empty_warehouse_has_no_rows(clickhouse: ClickHouse) -> None:
    for name in ("funnel", "attribution", "rewards"):
        assert report(clickhouse, name, "campaign", "category", "channel", "code", "day") == []


def _funnel(**given: Any) -> dict[str, Any]:
    nothing = dict.fromkeys(
        ("views", "clicks", "forms_started", "signups", "purchases", "attributed"), 0
    ) | dict.fromkeys(("visitors", "first_purchases", "signups_bought"), 0)
    row = (
        {"code": None}
        | nothing
        | {
            "rewards_granted": 0,
            "reward_value": "0.00",
            "currency": None,
            "visitors_clicked": 0,
            "visitors_signed_up": 0,
            "typed_signups": 0,
            "click_rate": None,
            "conversion_rate": None,
            "purchase_rate": None,
        }
    )
    return row | given
