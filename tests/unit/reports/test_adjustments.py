"""Adjustments by hand in the warehouse: what the rules decided, in every view and report."""

from datetime import UTC, datetime
from typing import Any, Self

import pytest
from support.clickhouse import ClickHouse
from support.reports_http import WITH_KEY, reports_http
from typer.testing import CliRunner

from reftrail.cli import rewards
from reftrail.cli.main import command_line
from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.policy import Adjustments, Policy, policy_text
from reftrail.contracts.record import MICROS_PER_UNIT
from reftrail.contracts.topics import (
    ADJUSTMENTS,
    CAMPAIGNS,
    CODES,
    EVENTS,
    FULFILMENTS,
    REVIEWS,
    REWARDS,
)
from reftrail.reports.catalogue import ask, find
from reftrail.reports.code_review import code_activity
from reftrail.reports.held import Wanted, held_rewards, waiting_adjustments
from reftrail.reports.questions import question
from reftrail.reports.user_view.history import HistoryPage
from reftrail.reports.user_view.view import user_view
from reftrail.rules.reward.transitions import effect
from reftrail.testing import (
    MemoryHost,
    adjustment,
    adjustment_decided,
    campaign,
    code,
    reported,
    reviewed,
    signup,
)
from reftrail.testing.times import moment

NOW = datetime.fromtimestamp(moment("30d 10:00") / 1000, UTC)
ABOVE_100 = Policy(adjustments=Adjustments(approval_above_micros=100 * MICROS_PER_UNIT))


@pytest.fixture
def host() -> MemoryHost:
    """Two signups; a credit and a debit, one that was approved, one declined, one that waits."""
    host = MemoryHost()
    host.publish(CAMPAIGNS, campaign(policy=policy_text(ABOVE_100)))
    host.publish(CODES, code("AMY", owner="amy"))
    for user in ("uma", "vic"):
        host.publish(
            EVENTS,
            signup("10:00", typed="AMY", user_id=user, visitor_id=user, event_id=f"signup {user}"),
        )
        host.run()
    host.publish(REVIEWS, reviewed("reverse", "11:00", user_id="vic"))
    host.run()
    for record in (
        adjustment(5, "12:00", of="A1", user_id="uma", order_id="O1", note="as promised"),
        adjustment(-2, "12:01", of="A2", user_id="uma", role="referee"),
        adjustment(500, "12:02", of="A3", user_id="vic"),
        adjustment_decided("approve", "12:03", of="A3", user_id="vic"),
        adjustment(600, "12:04", of="A4", user_id="vic"),
        adjustment_decided("decline", "12:05", of="A4", user_id="vic"),
        adjustment(-700, "12:06", of="A5", user_id="uma", reason="error"),
    ):
        host.publish(ADJUSTMENTS, record)
        host.run()
    return host


@pytest.fixture
async def warehouse(clickhouse: ClickHouse, host: MemoryHost) -> ClickHouse:
    await clickhouse.load(CODES, [code("AMY", owner="amy")])
    for topic in (REWARDS, ADJUSTMENTS):
        await clickhouse.load(topic, [*host.log(topic)])
    return clickhouse


def worth(host: MemoryHost, *beneficiaries: str) -> int:
    return sum(
        effect(entry)
        for entry in host.log(REWARDS)
        if isinstance(entry, RewardDecided) and entry.beneficiary in beneficiaries
    )


async def test_the_report_rewards_adds_them_up_beside_the_rewards(
    warehouse: ClickHouse, host: MemoryHost
) -> None:
    (row,) = ask(warehouse.reading, find("rewards"), question(["code"], None, None), None).rows
    assert (row["rewards_granted"], row["rewards_reversed"], row["rewards_rejected"]) == (4, 2, 0)
    assert (row["reward_value"], row["adjustments"], row["adjusted_value"]) == (
        "20.00",
        3,
        "503.00",
    )
    assert worth(host, "amy", "uma", "vic") == 523 * MICROS_PER_UNIT
    (funnel,) = ask(warehouse.reading, find("funnel"), question(["code"], None, None), None).rows
    assert (funnel["rewards_granted"], funnel["reward_value"]) == (4, "20.00")


async def test_the_balances_contain_them(warehouse: ClickHouse, host: MemoryHost) -> None:
    found = dict(
        warehouse.rows(
            "SELECT beneficiary, sum(balance_micros) FROM reward_balances GROUP BY beneficiary"
        )
    )
    assert found == {user: worth(host, user) for user in ("amy", "uma", "vic")}
    states = warehouse.rows(
        "SELECT action, status, is_granted FROM reward_balances "
        "WHERE startsWith(action, 'adjustment:') ORDER BY action"
    )
    assert states == [
        ("adjustment:A1", "adjusted", False),
        ("adjustment:A2", "adjusted", False),
        ("adjustment:A3", "adjusted", False),
        ("adjustment:A4", "rejected", False),
        ("adjustment:A5", "held", False),
    ]


async def test_a_credit_that_failed_has_lapsed_until_it_is_tried_again(
    clickhouse: ClickHouse, host: MemoryHost
) -> None:
    query = "SELECT status, balance_micros, lapsed_micros FROM reward_balances"
    of_a1 = {"action": "adjustment:A1", "its_action": "adjustment:A1", "user_id": "uma"}
    host.publish(FULFILMENTS, reported("referrer", "13:00", outcome="failed", **of_a1))
    failure = host.run().log(REWARDS)[-1]
    host.publish(ADJUSTMENTS, adjustment_decided("retry", "14:00", of="A1", user_id="uma"))
    *_, again = host.run().log(REWARDS)
    entries = [entry for entry in host.log(REWARDS) if entry.reward_id == again.reward_id]  # type: ignore[attr-defined]
    five = 5 * MICROS_PER_UNIT
    await clickhouse.load(REWARDS, entries[:-1])
    assert entries[-2] == failure
    assert clickhouse.rows(query) == [("failed", 0, five)]
    await clickhouse.load(REWARDS, entries[-1:])
    assert clickhouse.rows(query) == [("adjusted", five, 0)]


async def test_a_user_sees_them_in_balance_and_history(warehouse: ClickHouse) -> None:
    found = user_view(warehouse.reading, "amy", HistoryPage(100), NOW)
    (balance,) = found["balance"]
    assert (balance["balance"], balance["pending"], balance["rewards_held"]) == (
        "515.00",
        "0.00",
        0,
    )
    entries = {
        entry["action"]: entry for entry in found["history"] if entry["status"] == "adjusted"
    }
    assert entries.keys() == {"adjustment:A1", "adjustment:A3"}
    first = entries["adjustment:A1"]
    assert (first["effect"], first["reasons"], first["order_id"]) == ("5.00", ["goodwill"], "O1")
    (debit,) = (
        entry
        for entry in user_view(warehouse.reading, "uma", HistoryPage(100), NOW)["history"]
        if entry["status"] == "adjusted"
    )
    assert (debit["value"], debit["effect"]) == ("-2.00", "-2.00")


async def test_a_codes_counters_are_of_rewards_alone(warehouse: ClickHouse) -> None:
    (own,) = user_view(warehouse.reading, "amy", HistoryPage(1), NOW)["codes"]
    assert (own["rewards_granted"], own["rewards_held"], own["rewards_rejected"]) == (2, 0, 0)
    await warehouse.load(REWARDS, _declined_alone())
    found = {row["code"]: row["users_rejected"] for row in code_activity(warehouse.reading)}
    assert found.get("AMY") == 0


def _declined_alone() -> list[Any]:
    """The entries of a user of whom nothing but a declined adjustment is known."""
    host = MemoryHost()
    host.publish(CAMPAIGNS, campaign(policy=policy_text(ABOVE_100)))
    host.publish(CODES, code("AMY", owner="amy"))
    host.publish(ADJUSTMENTS, adjustment(500, "12:00", user_id="wes"))
    host.publish(ADJUSTMENTS, adjustment_decided("decline", "12:01", user_id="wes"))
    host.run()
    return [*host.log(REWARDS)]


async def test_what_waits_is_listed_for_a_second_person(warehouse: ClickHouse) -> None:
    assert held_rewards(warehouse.reading, Wanted()) == []
    (found,) = waiting_adjustments(warehouse.reading, Wanted())
    assert found == {
        "adjustment_id": "A5",
        "code": "AMY",
        "user_id": "uma",
        "role": "referrer",
        "beneficiary": "amy",
        "value_micros": -700 * MICROS_PER_UNIT,
        "currency": "USD",
        "kind": "credit",
        "campaign_id": "spring",
        "order_id": None,
        "about_reward_id": None,
        "adds_up": False,
        "reason": "error",
        "note": None,
        "actor": "ann",
        "asked_at": "2026-01-01T12:06:00Z",
    }
    for wanted in (Wanted(code="BOB"), Wanted(user="vic"), Wanted(campaign="autumn")):
        assert waiting_adjustments(warehouse.reading, wanted) == []
    assert len(waiting_adjustments(warehouse.reading, Wanted("amy", "uma", "spring"))) == 1


async def test_over_http_and_by_command(
    warehouse: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with reports_http(warehouse) as client:
        assert (await client.get("/v1/adjustments")).status_code == 401
        client.headers.update(WITH_KEY)
        found = (await client.get("/v1/adjustments?code=amy&limit=1")).json()
        assert [adjustment["adjustment_id"] for adjustment in found["waiting"]] == ["A5"]
        assert (await client.get("/v1/adjustments?limit=0")).status_code == 422

    class Reports:
        def __init__(self, *_: object) -> None:
            """There is no need to connect."""

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            """Nothing is open."""

        def waiting_adjustments(self, wanted: Wanted) -> list[dict[str, Any]]:
            assert wanted == Wanted(code="AMY")
            waiting: list[dict[str, Any]] = found["waiting"]
            return waiting

    monkeypatch.setattr(rewards, "ReportsClient", Reports)
    known = {"REFTRAIL_REPORTS_URL": "http://reports", "REFTRAIL_SECRET_KEY": "sk"}
    done = CliRunner().invoke(
        command_line(("rewards",)), ["rewards", "pending", "--code", "AMY"], env=known
    )
    assert done.stdout == (
        "AMY uma: -700.00 USD credit to referrer amy\n"
        "  error, asked for by ann 2026-01-01T12:06:00Z\n"
        "  adjustment A5\n"
        "1 waiting\n"
    ), done.output
    found["waiting"][0]["adds_up"] = True
    done = CliRunner().invoke(
        command_line(("rewards",)), ["rewards", "pending", "--code", "AMY"], env=known
    )
    assert "\n  needs approval together with others of the beneficiary\n" in done.stdout
