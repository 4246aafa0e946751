"""The funnel and the attributions against numbers worked out by hand, on the real engine."""

from typing import Any

from support.asked_reports import report
from support.clickhouse import ClickHouse


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
