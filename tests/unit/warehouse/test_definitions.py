"""The views that analysts query: their names and columns, and that reports agree with them."""

from typing import Any

import pytest
from support.clickhouse import ClickHouse
from support.programme import T0, attributed, campaign, click, code, entry, purchase, signup, view

from reftrail.contracts.money import amount_text
from reftrail.contracts.record import DAY
from reftrail.contracts.topics import ATTRIBUTIONS, CAMPAIGNS, CODES, EVENTS, REWARDS
from reftrail.reports.catalogue import ask, find
from reftrail.reports.questions import question
from reftrail.warehouse.definitions import VIEWS, define_views, views

PROMISED = {
    "v_events": {"event_id", "type", "event_time", "received_at", "code", "campaign_id", "is_bot"},
    "v_events_hourly": {"campaign_id", "hour", "code", "country", "type", "is_bot", "events"},
    "v_gathered_people": {"people"},
    "v_people": {"user_id", "person_id"},
    "v_signups_and_orders": {"type", "user_id", "order_id", "event_time", "amount_micros"},
    "v_orders": {"person_id", "order_id", "amount_micros", "refunded_micros", "is_first"},
    "v_statement_lines": {"at", "code", "campaign_id", "status", "amount_micros", "currency"},
    "v_suspicions": {"reward_id", "reason", "at", "first_status", "status", "was_declined"},
    "v_touch_credits": {"at", "person_id", "code", "nth", "touches", "linear_part"},
    "v_reconciliation": {"check", "at", "id", "expected", "found"},
    "v_event_receipts": {"kind", "at", "happened_at", "lag_ms", "skew_ms", "code", "campaign_id"},
    "v_other_receipts": {"kind", "at", "lag_ms", "skew_ms", "stage", "reason", "code"},
    "v_code_visitors": {"code", "visitors"},
    "v_code_owners": {"code", "owner"},
    "v_weeks_after_signup": {"at", "person_id", "is_order", "week", "currency", "kept_micros"},
    "v_receipts": {"kind", "at", "lag_ms", "skew_ms", "stage", "reason", "code", "campaign_id"},
    "v_current_attributions": {"user_id", "code", "campaign_id", "basis", "touch_time", "arm"},
    "v_referred_users": {"user_id", "person_id", "code", "campaign_id", "basis", "touch_time"},
    "v_rewards": {"event_id", "reward_id", "status", "value_micros", "effect_micros", "currency"},
    "v_reward_balances": {"reward_id", "status", "balance_micros", "clawback_micros", "currency"},
    "v_leaders": {"campaign_id", "referrer", "users", "rewards", "place"},
    "v_codes": {"code", "campaign_id", "owner_user_id", "status", "category", "channel"},
    "v_campaigns": {"campaign_id", "version", "name", "category"},
    "v_visits": {"kind", "at", "code", "campaign_id", "category", "channel", "visitor_id"},
    "v_visitors_signed_up": {"visitor_id", "codes", "signed_up_at"},
    "v_activity_visits": {"kind", "at", "code", "campaign_id", "visitor_id", "signed_up"},
    "v_activity_conversions": {"kind", "at", "code", "campaign_id", "person_id", "is_first"},
    "v_activity_decisions": {"kind", "at", "code", "campaign_id", "person_id", "status"},
    "v_activity": {"kind", "at", "code", "campaign_id", "category", "channel", "visitor_id"},
    "v_funnel_daily": {"day", "code", "campaign_id", "views", "clicks", "signups", "attributed"},
}
"""Columns that are documented; a view may have more."""


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_has_the_columns_that_are_promised(clickhouse: ClickHouse, name: str) -> None:
    found = {column for column, *_ in clickhouse.rows(f"DESCRIBE TABLE {name}")}

    assert found >= PROMISED[name]
    in_one_row = name == "v_gathered_people"
    assert clickhouse.rows(f"SELECT count() FROM {name}") == [(int(in_one_row),)]


def test_a_view_of_activity_names_the_merges_once(clickhouse: ClickHouse) -> None:
    """Following merges takes ClickHouse 10 to 20 ms to plan, and many parts of it name people."""
    plan = "\n".join(str(row[0]) for row in clickhouse.rows("EXPLAIN SELECT * FROM v_activity"))

    assert "merges" not in plan
    assert "RecursiveCTE" not in plan


def test_weeks_after_signup_plan_conversions_once(clickhouse: ClickHouse) -> None:
    """Each mention of v_activity_conversions takes ClickHouse about 0.1 s to plan."""

    def mentions(view: str) -> int:
        """How often its plan takes the first attribution of a person, or the newest campaign."""
        plan = "\n".join(str(row[0]) for row in clickhouse.rows(f"EXPLAIN SELECT * FROM {view}"))
        return plan.count("LimitBy")

    assert mentions("v_weeks_after_signup") == mentions("v_activity_conversions") > 0


@pytest.mark.parametrize("view", views(), ids=lambda view: view.name)
def test_a_view_says_what_its_rows_are(view: Any) -> None:
    assert view.meaning
    assert view.meaning[-1].endswith((".", "version."))


def test_a_view_of_another_version_is_replaced(clickhouse: ClickHouse) -> None:
    clickhouse.writing.command("CREATE OR REPLACE VIEW v_codes AS SELECT 'nothing' AS code")

    define_views(clickhouse.writing)

    columns = {column for column, *_ in clickhouse.rows("DESCRIBE TABLE v_codes")}
    assert "owner_user_id" in columns


async def test_a_day_s_funnel_is_that_of_the_report(clickhouse: ClickHouse) -> None:
    await clickhouse.load(CAMPAIGNS, [campaign("spring", category="books")])
    await clickhouse.load(CODES, [code("AMY", "spring", channel="mail"), code("BOB", "spring")])
    seen = [view("v1", "AMY"), view("v1", "BOB", event_time=T0 + DAY), view("v4", None)]
    clicks = [
        click("v1", "AMY"),
        click("v1", "AMY", event_time=T0 + DAY),
        click("v2", "BOB", utm_source="news"),
    ]
    users = [signup("uma", "v1", event_time=T0 + 2 * DAY), signup("wes", None), purchase("uma")]
    await clickhouse.load(EVENTS, [*seen, *clicks, *clicks[:1], *users])
    await clickhouse.load(
        ATTRIBUTIONS, [attributed("uma", "AMY", utm_source="news"), attributed("wes", "BOB")]
    )
    rewards = [
        entry("r1", "AMY", "uma", value=5_000_000),
        entry("r1", "AMY", "uma", value=2_000_000, status="reversed", reasons=["partly_refunded"]),
        entry("r2", "AMY", "uma", value=7_000_000, currency="EUR", role="referee"),
        entry("r3", "BOB", "wes", value=3_000_000),
    ]
    await clickhouse.load(REWARDS, rewards)

    dimensions = ["day", "campaign", "category", "channel", "source", "code"]
    report = ask(clickhouse.reading, find("funnel"), question(dimensions, None, None), None)

    daily = clickhouse.reading.query("SELECT * FROM v_funnel_daily").named_results()
    figures = [measure.name for measure in find("funnel").measures if measure.kind == "count"]
    with_anything = [row for row in report.rows if any(row[name] for name in figures)]
    assert sorted(map(_of_the_view, daily)) == sorted(map(_of_the_report, with_anything))
    assert len(report.rows) >= 5


def _of_the_view(row: dict[str, Any]) -> str:
    worth = row.pop("reward_value_micros")
    value = None if worth is None else amount_text(worth, row["currency"])
    return _spelled({**row, "day": row["day"].isoformat(), "reward_value": value})


def _of_the_report(row: dict[str, Any]) -> str:
    return _spelled({name: value for name, value in row.items() if name not in _ONLY_IN_REPORT})


_ONLY_IN_REPORT = {
    "visitors",
    "first_purchases",
    "signups_bought",
    "click_rate",
    "conversion_rate",
    "purchase_rate",
}


def _spelled(row: dict[str, Any]) -> str:
    return str(sorted(row.items()))
