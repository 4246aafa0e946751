"""The balance, the status and what lapsed of one reward, after each history of its entries."""

import pytest
from support.clickhouse import ClickHouse
from support.programme import entry

from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.topics import REWARDS
from reftrail.reports.user_view.earnings import each_once
from reftrail.reports.user_view.rows import EntryRow


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


def _life(*acts: tuple[str, str | None, int, str]) -> list[RewardDecided]:
    """Entries by status, what each supersedes, its place and its reason, of 5 dollars each."""
    return [
        entry(
            "r",
            "AMY",
            "uma",
            value=5,
            status=status,
            event_id=f"{nth}",
            supersedes=supersedes,
            cause_offset=offset,
            reasons=[reason],
        )
        for nth, (status, supersedes, offset, reason) in enumerate(acts)
    ]


@pytest.mark.parametrize(
    ("ledger", "status"),
    [
        ([("rejected", None, 1, "ring"), ("granted", None, 9, "reinstated")], "granted"),
        (
            [
                ("granted", None, 1, ""),
                ("reversed", "0", 5, "taken_back"),
                ("granted", "0", 9, "reinstated"),
                ("reversed", "0", 10, "delivered_anyway"),
            ],
            "granted",
        ),
        (
            [
                ("granted", None, 1, ""),
                ("fulfilled", "0", 2, ""),
                ("reversed", "0", 5, "taken_back"),
                ("granted", "0", 9, "reinstated"),
                ("fulfilled", "3", 9, ""),
            ],
            "fulfilled",
        ),
        (
            [
                ("granted", None, 1, ""),
                ("reversed", "0", 5, "taken_back"),
                ("granted", "0", 9, "reinstated"),
                ("reversed", "2", 12, "refunded"),
                ("fulfilled", "2", 13, ""),
            ],
            "reversed",
        ),
    ],
)
async def test_a_reinstated_reward_is_what_its_last_grant_came_to(
    clickhouse: ClickHouse, ledger: list[tuple[str, str | None, int, str]], status: str
) -> None:
    entries = _life(*ledger)
    await clickhouse.load(REWARDS, entries)
    assert clickhouse.rows("SELECT status FROM reward_balances") == [(status,)]
    assert [entry.status for entry in each_once(_rows(clickhouse))][-1] == status


def _rows(clickhouse: ClickHouse) -> list[EntryRow]:
    found = clickhouse.rows(
        "SELECT event_id, cause_offset, status, supersedes, reasons FROM rewards"
    )
    return [
        EntryRow(
            event_id,
            0,
            offset,
            0,
            "r",
            status,
            0,
            "USD",
            "credit",
            "referrer",
            "signup",
            "AMY",
            "u",
            None,
            None,
            None,
            tuple(reasons),
            supersedes,
            None,
            0,
            0,
        )
        for event_id, offset, status, supersedes, reasons in found
    ]
