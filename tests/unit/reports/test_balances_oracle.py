"""What rewards are worth, wherever it is said, against purses that were filled while they happened.

The purses (`support.wallets`) know their worth from what was done, not from the ledger's entries:
nothing here repeats how entries are added up.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from support.clickhouse import ClickHouse
from support.programme import T0, entry
from support.wallets import Purse, purses

from reftrail.contracts.decisions import RewardDecided, RewardStatus
from reftrail.contracts.money import amount_text
from reftrail.contracts.topics import REWARDS
from reftrail.reports.catalogue import ask, find
from reftrail.reports.leaderboard import Board, leaderboard
from reftrail.reports.questions import question
from reftrail.reports.user_view.history import HistoryPage
from reftrail.reports.user_view.view import user_view
from reftrail.rules.reward.transitions import effect
from reftrail.warehouse.tables import ddl_files

NOW = datetime.fromtimestamp(T0 / 1000, UTC)


@pytest.fixture(params=range(4))
async def town(
    request: pytest.FixtureRequest, clickhouse: ClickHouse
) -> tuple[ClickHouse, list[Purse]]:
    """90 rewards, their entries mixed, some of them loaded twice."""
    chance = Random(request.param)
    filled = purses(chance, 90)
    ledger = [one for purse in filled for one in purse.entries]
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

    assert dict(found) == {one.reward_id: one.worth for one in filled if one.entries}
    assert len({one.worth for one in filled}) > 10


async def test_the_view_of_balances_has_what_is_to_be_collected(
    town: tuple[ClickHouse, list[Purse]],
) -> None:
    clickhouse, filled = town

    found = clickhouse.rows("SELECT reward_id, clawback_micros FROM reward_balances")

    assert dict(found) == {one.reward_id: one.owed for one in filled if one.entries}
    assert len({one.owed for one in filled}) > 3


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
        these = [one for one in filled if (one.code, one.currency) == (code, currency)]
        assert row["rewards_granted"] == sum(one.was_granted for one in these)
        assert row["rewards_rejected"] == sum(one.is_rejected for one in these)
        assert row["rewards_reversed"] == sum(one.was_granted and one.is_over for one in these)
        assert row["reversed_value"] == amount_text(_taken(these), currency)
        assert row["clawback_value"] == amount_text(sum(one.owed for one in these), currency)
        assert row["beneficiaries"] == any(one.is_good for one in these)


async def test_the_funnel_adds_up_what_is_left(town: tuple[ClickHouse, list[Purse]]) -> None:
    clickhouse, filled = town
    in_dollars = [one for one in filled if one.currency == "USD"]
    clickhouse.empty()
    await clickhouse.load(REWARDS, [one for purse in in_dollars for one in purse.entries])

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
        mine = [one for one in filled if one.beneficiary == user and one.entries]
        worth: dict[str, int] = defaultdict(int)
        owed: dict[str, int] = defaultdict(int)
        for purse in mine:
            worth[purse.currency] += purse.worth
            owed[purse.currency] += purse.owed
        assert {one["currency"]: one["to_collect"] for one in found["balance"]} == {
            currency: amount_text(sum_, currency) for currency, sum_ in owed.items()
        }
        assert {one["currency"]: one["balance"] for one in found["balance"]} == {
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

    assert {one["user_id"]: one["rewards"] for one in found} == {
        user: rewards for user, rewards in counted.items() if rewards
    }


async def test_the_warehouse_and_the_rules_mean_the_same_by_an_entry(
    clickhouse: ClickHouse,
) -> None:
    ledger = [entry(f"r{status}", "A", "u", value=7, status=status) for status in RewardStatus]
    await clickhouse.load(REWARDS, ledger)

    found = dict(clickhouse.rows("SELECT event_id, effect_micros FROM rewards"))

    assert found == {one.event_id: effect(one) for one in ledger}
    assert set(found.values()) == {7, 0, -7}


async def test_a_warehouse_made_before_has_the_effect_of_its_entries(
    clickhouse: ClickHouse,
) -> None:
    (file,) = [file for file in ddl_files() if file.name == "019_balances.sql"]
    clickhouse.writing.command("ALTER TABLE rewards DROP COLUMN effect_micros")
    await clickhouse.load(REWARDS, [entry("r1", "A", "u", value=7, beneficiary="amy")])

    for _ in range(2):
        for statement in file.statements():
            clickhouse.writing.command(statement)

    await clickhouse.load(REWARDS, [entry("r1", "A", "u", value=7, status="failed")])
    assert clickhouse.rows("SELECT effect_micros FROM rewards ORDER BY 1") == [(-7,), (7,)]
    found = user_view(clickhouse.reading, "amy", HistoryPage(), NOW)
    assert [one["balance"] for one in found["balance"]] == [amount_text(7, "USD")]


def _acts(*acts: tuple[str, int] | tuple[str, int, str]) -> list[RewardDecided]:
    return [
        entry("r", "AMY", "uma", value=value * 1_000_000, status=status, reasons=list(reasons))
        for status, value, *reasons in acts
    ]


async def test_a_delivery_that_grants_an_expired_reward_again_is_last(
    clickhouse: ClickHouse,
) -> None:
    """Both entries follow from the same report, whatever order their ids have."""
    ledger = [
        entry("r", "AMY", "uma", value=9, status=status, cause_offset=7, event_id=its_id)
        for status, its_id in (("granted", "2"), ("fulfilled", "1"))
    ]
    await clickhouse.load(REWARDS, ledger)

    found = clickhouse.rows("SELECT reward_id, status FROM reward_balances")
    assert found == [("r", "fulfilled")]


@pytest.mark.parametrize(
    ("ledger", "left", "lapsed", "status"),
    [
        (_acts(("granted", 10)), 10, 0, "granted"),
        (_acts(("granted", 10), ("fulfilled", 10)), 10, 0, "fulfilled"),
        (_acts(("granted", 10), ("reversed", 5, "partly_refunded")), 5, 0, "granted"),
        (
            _acts(
                ("granted", 10),
                ("fulfilled", 10),
                ("reversed", 4, "partly_refunded"),
                ("reversed", 6, "refunded"),
            ),
            0,
            0,
            "reversed",
        ),
        (_acts(("granted", 10), ("failed", 10)), 0, 10, "failed"),
        (
            _acts(("granted", 10), ("reversed", 3, "partly_refunded"), ("expired", 7)),
            0,
            7,
            "expired",
        ),
        (_acts(("granted", 10), ("failed", 10), ("granted", 10, "tried_again")), 10, 0, "granted"),
        (
            _acts(("granted", 9), ("expired", 9), ("granted", 9, "delivered_in_time")),
            9,
            0,
            "granted",
        ),
        (_acts(("held", 10)), 0, 0, "held"),
        (_acts(("held", 10), ("rejected", 10)), 0, 0, "rejected"),
        # The refund came in before the delivery, and waited while that was read.
        (_acts(("granted", 10), ("reversed", 10), ("fulfilled", 10)), 0, 0, "reversed"),
        (_acts(("held", 10), ("rejected", 10), ("held", 10)), 0, 0, "rejected"),
    ],
)
async def test_what_is_left_of_one_reward(
    clickhouse: ClickHouse, ledger: list[RewardDecided], left: int, lapsed: int, status: str
) -> None:
    await clickhouse.load(REWARDS, ledger)

    assert clickhouse.rows("SELECT balance_micros, lapsed_micros, status FROM reward_balances") == [
        (left * 1_000_000, lapsed * 1_000_000, status)
    ]


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
    return sum(one.given_back for one in filled)
