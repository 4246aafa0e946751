"""Worth of rewards in every report, against purses that were filled while they happened."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from support.clickhouse import ClickHouse
from support.programme import T0, entry
from support.wallets import Purse, purses

from reftrail.contracts.decisions import RewardStatus
from reftrail.contracts.money import amount_text
from reftrail.contracts.topics import REWARDS
from reftrail.reports.catalogue import ask, find
from reftrail.reports.leaderboard import Board, leaderboard
from reftrail.reports.questions import question
from reftrail.reports.user_view.history import HistoryPage
from reftrail.reports.user_view.view import user_view
from reftrail.rules.reward.transitions import effect
from reftrail.warehouse.ddl_files import ddl_files

NOW = datetime.fromtimestamp(T0 / 1000, UTC)


@pytest.fixture(params=range(4))
async def town(
    request: pytest.FixtureRequest, clickhouse: ClickHouse
) -> tuple[ClickHouse, list[Purse]]:
    """90 rewards, their entries mixed, some of them loaded twice."""
    chance = Random(request.param)
    filled = purses(chance, 90)
    ledger = [entry for purse in filled for entry in purse.entries]
    clickhouse.stop_merges()
    mixed = chance.sample(ledger, len(ledger))
    half = len(mixed) // 2
    for load in (mixed[:half], mixed[half:], mixed[half // 2 : half]):
        await clickhouse.load(REWARDS, load)
    return clickhouse, filled


async def test_the_view_of_balances_has_the_worth_of_each_reward(
    town: tuple[ClickHouse, list[Purse]],
) -> None:
    clickhouse, filled = town

    found = clickhouse.rows("SELECT reward_id, balance_micros FROM reward_balances")

    assert dict(found) == {purse.reward_id: purse.worth for purse in filled if purse.entries}
    assert len({purse.worth for purse in filled}) > 10


async def test_the_view_of_balances_has_what_is_to_be_collected(
    town: tuple[ClickHouse, list[Purse]],
) -> None:
    clickhouse, filled = town

    found = clickhouse.rows("SELECT reward_id, clawback_micros FROM reward_balances")

    assert dict(found) == {purse.reward_id: purse.owed for purse in filled if purse.entries}
    assert len({purse.owed for purse in filled}) > 3


async def test_the_report_rewards_adds_up_what_is_left(
    town: tuple[ClickHouse, list[Purse]],
) -> None:
    clickhouse, filled = town

    rows = _report(clickhouse, "rewards")

    assert {(row["code"], row["currency"]): row["reward_value"] for row in rows} == {
        (code, currency): amount_text(worth, currency)
        for (code, currency), worth in _worth(filled, "code", "currency").items()
    }
    for (code, currency), row in {(row["code"], row["currency"]): row for row in rows}.items():
        these = [purse for purse in filled if (purse.code, purse.currency) == (code, currency)]
        assert row["rewards_granted"] == sum(purse.was_granted for purse in these)
        assert row["rewards_rejected"] == sum(purse.is_rejected for purse in these)
        assert row["rewards_reversed"] == sum(
            purse.was_granted and purse.is_over for purse in these
        )
        assert row["reversed_value"] == amount_text(_taken(these), currency)
        assert row["clawback_value"] == amount_text(sum(purse.owed for purse in these), currency)
        assert row["beneficiaries"] == any(purse.is_good for purse in these)


async def test_the_funnel_adds_up_what_is_left(town: tuple[ClickHouse, list[Purse]]) -> None:
    clickhouse, filled = town
    in_dollars = [purse for purse in filled if purse.currency == "USD"]
    clickhouse.empty()
    await clickhouse.load(REWARDS, [entry for purse in in_dollars for entry in purse.entries])

    rows = _report(clickhouse, "funnel")

    worth = _worth(in_dollars, "code")
    assert {(row["code"],): row["reward_value"] for row in rows} == {
        key: amount_text(micros, "USD") for key, micros in worth.items()
    }


async def test_the_user_s_view_adds_up_what_is_left(town: tuple[ClickHouse, list[Purse]]) -> None:
    clickhouse, filled = town

    for code in "ABC":
        user = f"owner of {code}"
        found = user_view(clickhouse.reading, user, HistoryPage(1000), NOW)
        mine = [purse for purse in filled if purse.beneficiary == user and purse.entries]
        worth: dict[str, int] = defaultdict(int)
        owed: dict[str, int] = defaultdict(int)
        for purse in mine:
            worth[purse.currency] += purse.worth
            owed[purse.currency] += purse.owed
        assert {balance["currency"]: balance["to_collect"] for balance in found["balance"]} == {
            currency: amount_text(sum_, currency) for currency, sum_ in owed.items()
        }
        assert {balance["currency"]: balance["balance"] for balance in found["balance"]} == {
            currency: amount_text(sum_, currency) for currency, sum_ in worth.items()
        }


async def test_the_leaderboard_counts_rewards_that_were_not_taken_back_in_whole(
    town: tuple[ClickHouse, list[Purse]],
) -> None:
    clickhouse, filled = town
    counted: dict[str, int] = defaultdict(int)
    for purse in filled:
        counted[purse.beneficiary] += purse.was_granted and not purse.is_over

    found = leaderboard(clickhouse.reading, Board())

    assert {row["user_id"]: row["rewards"] for row in found} == {
        user: rewards for user, rewards in counted.items() if rewards
    }


async def test_the_warehouse_and_the_rules_mean_the_same_by_an_entry(
    clickhouse: ClickHouse,
) -> None:
    ledger = [entry(f"r{status}", "A", "u", value=7, status=status) for status in RewardStatus]
    await clickhouse.load(REWARDS, ledger)

    found = dict(clickhouse.rows("SELECT event_id, effect_micros FROM rewards"))

    assert found == {entry.event_id: effect(entry) for entry in ledger}
    assert set(found.values()) == {7, 0, -7}


async def test_a_warehouse_made_before_has_the_effect_of_its_entries(
    remade: ClickHouse,
) -> None:
    names = ("019_balances.sql", "034_adjustments.sql", "045_user_page.sql")
    found_files = [file for file in ddl_files() if file.name in names]
    remade.writing.command("ALTER TABLE rewards MODIFY COLUMN entry String DEFAULT ''")
    for column in ("line", "effect_micros"):
        remade.writing.command(f"ALTER TABLE rewards DROP COLUMN {column}")
    before = [
        entry("r1", "A", "u", value=7, beneficiary="amy"),
        entry("r2", "A", "u", value=3, beneficiary="amy", status="adjusted"),
    ]
    await remade.load(REWARDS, before)

    for _ in range(2):
        for statement in (
            statement_text for file in found_files for statement_text in file.statements()
        ):
            remade.writing.command(statement)

    await remade.load(REWARDS, [entry("r1", "A", "u", value=7, status="failed")])
    assert remade.rows("SELECT effect_micros FROM rewards ORDER BY 1") == [(-7,), (3,), (7,)]
    found = user_view(remade.reading, "amy", HistoryPage(), NOW)
    assert [balance["balance"] for balance in found["balance"]] == [amount_text(10, "USD")]


def _report(clickhouse: ClickHouse, name: str) -> list[dict[str, Any]]:
    return ask(clickhouse.reading, find(name), question(["code"], None, None), None).rows


def _worth(filled: Iterable[Purse], *by: str) -> dict[tuple[str, ...], int]:
    """Of rewards that a report shows: those that were granted or rejected."""
    found: dict[tuple[str, ...], int] = defaultdict(int)
    for purse in filled:
        if purse.was_granted or (purse.is_rejected and "currency" in by):
            found[tuple(getattr(purse, name) for name in by)] += purse.worth
    return found


def _taken(filled: Sequence[Purse]) -> int:
    return sum(purse.given_back for purse in filled)
