"""Earnings of one user, on the real engine, and through the warehouse's own way of loading."""

from collections.abc import Mapping

import pytest
from support.clickhouse import ClickHouse, nowhere, part_of
from support.programme import T0, attributed, code, entry, users_merged
from support.user_ledger import FIVE, LEDGER, NOW, amys, view

from reftrail.contracts.codec import encode
from reftrail.contracts.topics import ATTRIBUTIONS, CODES, CONVERSIONS, REWARDS
from reftrail.reports.user_view.history import HistoryPage
from reftrail.reports.user_view.view import user_view
from reftrail.rules.reward.transitions import effect
from reftrail.warehouse.ledger import Counts, Ledger, Load
from reftrail.warehouse.loader import Loader, Work
from reftrail.warehouse.metrics import WarehouseMetrics


async def test_the_balance_is_what_the_entries_add_up_to(ledger: ClickHouse) -> None:
    found = view(ledger)

    assert found["balance"] == [
        {
            "currency": "EUR",
            "kind": "credit",
            "balance": "0.00",
            "to_collect": "0.00",
            "pending": "0.00",
            "rewards_held": 0,
        },
        {
            "currency": "USD",
            "kind": "credit",
            "balance": "13.00",
            "to_collect": "0.00",
            "pending": "5.00",
            "rewards_held": 1,
        },
        {
            "currency": "USD",
            "kind": "shipment",
            "balance": "0.000001",
            "to_collect": "0.00",
            "pending": "0.00",
            "rewards_held": 0,
        },
    ]
    mine = [entry for entry in LEDGER if entry.beneficiary == "amy" and entry.kind == "credit"]
    assert sum(map(effect, mine)) == 13_000_000
    assert [balance["balance"] for balance in view(ledger, "uma")["balance"]] == ["5.00"]


async def test_more_may_be_taken_back_than_was_left(clickhouse: ClickHouse) -> None:
    """Not within one reward: but a balance has no lower bound, whatever comes in first."""
    await clickhouse.load(REWARDS, [amys("r1", "uma", "reversed")])

    assert view(clickhouse)["balance"][0]["balance"] == "-5.00"


async def test_nobody_has_nothing(ledger: ClickHouse) -> None:
    assert view(ledger, "nobody") == {
        "user_id": "nobody",
        "merged_users": [],
        "balance": [],
        "last_earned": None,
        "standing": [],
        "codes": [],
        "codes_in_all": 0,
        "shipments": [],
        "statements": [],
        "history": [],
        "next": None,
    }
    assert view(ledger, "")["history"] == []


@pytest.mark.parametrize("asked", ["account", "guest", "older"])
async def test_a_merged_user_is_the_account_with_what_both_have(
    clickhouse: ClickHouse, asked: str
) -> None:
    await clickhouse.load(
        CONVERSIONS, [users_merged("older", "guest"), users_merged("guest", "account")]
    )
    await clickhouse.load(CODES, [code("GUY", "spring", owner_user_id="guest")])
    await clickhouse.load(
        REWARDS,
        [
            entry("r1", "AMY", "guest", value=FIVE, role="referee", beneficiary="guest"),
            entry("r2", "AMY", "uma", value=FIVE, beneficiary="account"),
            entry("r3", "AMY", "uma", value=FIVE, beneficiary="older"),
            entry("r4", "AMY", "uma", value=FIVE, beneficiary="guest of another"),
            entry("r5", "AMY", "uma", value=FIVE, beneficiary="stranger"),
        ],
    )

    shown = user_view(clickhouse.reading, asked, HistoryPage(), NOW)

    assert (shown["user_id"], shown["merged_users"]) == ("account", ["guest", "older"])
    assert [balance["balance"] for balance in shown["balance"]] == ["15.00"]
    assert {entry["reward_id"] for entry in shown["history"]} == {"r1", "r2", "r3"}
    assert [code["code"] for code in shown["codes"]] == ["GUY"]
    other = user_view(clickhouse.reading, "stranger", HistoryPage(), NOW)
    assert (other["user_id"], other["merged_users"]) == ("stranger", [])
    assert {entry["reward_id"] for entry in other["history"]} == {"r5"}


async def test_last_earned_is_the_latest_grant(ledger: ClickHouse) -> None:
    assert view(ledger)["last_earned"] == {
        "value": "0.000001",
        "at": "2026-09-21T14:13:20.011Z",
        "currency": "USD",
        "kind": "shipment",
        "code": "AMY",
        "campaign_id": "spring",
    }


async def test_an_entry_that_came_twice_counts_once(ledger: ClickHouse) -> None:
    before = view(ledger)
    ledger.stop_merges()
    await ledger.load(REWARDS, LEDGER)
    assert ledger.rows("SELECT count() FROM rewards") == [(2 * len(LEDGER),)]

    assert view(ledger) == before


class NeverClosed(Ledger):
    """A crash comes before each load is closed."""

    def close(self, loads: Mapping[Load, Counts]) -> None:
        """See `Ledger`."""


async def test_a_load_that_is_finished_after_a_crash_counts_once(clickhouse: ClickHouse) -> None:
    """The looked-up token is in the row itself: if it lets one in once, it lets both in."""
    work = Work(REWARDS, (part_of([encode(entry) for entry in LEDGER]),))
    ledger = NeverClosed(clickhouse.writing)
    loader = Loader(clickhouse.writing, ledger, nowhere, WarehouseMetrics())
    clickhouse.stop_merges()
    await loader.load([work])
    before = view(clickhouse)

    await loader.recover(work)

    assert clickhouse.rows("SELECT count() FROM rewards") == [(len(LEDGER),)]
    assert view(clickhouse) == before
    clickhouse.writing.command("TRUNCATE TABLE rewards")
    await loader.recover(work)
    assert view(clickhouse) == before


async def test_of_entries_under_one_id_the_one_received_first_counts(
    clickhouse: ClickHouse,
) -> None:
    """As it does with FINAL in the other reports, in whichever order they come."""
    first = amys("r1", "uma", "granted", event_id="e", received_at=T0 + 1)
    later = amys("r1", "uma", "granted", 2 * FIVE, event_id="e", received_at=T0 + 2)
    clickhouse.stop_merges()
    for record in (later, first, later):
        await clickhouse.load(REWARDS, [record])

    found = view(clickhouse)

    assert clickhouse.rows("SELECT value_micros FROM rewards FINAL") == [(FIVE,)]
    assert [balance["balance"] for balance in found["balance"]] == ["5.00"]
    assert [entry["value"] for entry in found["history"]] == ["5.00"]


async def test_merging_keeps_what_is_looked_up(ledger: ClickHouse) -> None:
    codes = [code("AMY", "spring", owner_user_id="amy"), code("BOB", "spring")]
    decisions = [attributed("uma", "BOB"), attributed("vic", "AMY")]
    decisions.append(attributed("uma", "AMY", corrects=decisions[0].event_id))
    await ledger.load(CODES, codes)
    await ledger.load(ATTRIBUTIONS, decisions)
    before = view(ledger)
    await ledger.load(REWARDS, LEDGER)
    await ledger.load(CODES, codes)
    await ledger.load(ATTRIBUTIONS, decisions)
    assert view(ledger) == before
    for table in ("rewards", "codes", "attributions"):
        ledger.writing.command(f"OPTIMIZE TABLE {table} FINAL")

    assert view(ledger) == before
    assert ledger.rows(
        "SELECT name, sum(rows) FROM system.projection_parts "
        "WHERE active AND database = currentDatabase() AND rows > 0 GROUP BY name ORDER BY name"
    ) == [("by_code", 3), ("by_corrected", 3), ("by_owner", 2)]


async def test_amounts_have_the_places_of_their_currency(ledger: ClickHouse) -> None:
    hundred = 100_000_000
    await ledger.load(
        REWARDS,
        [
            entry("j1", "KAI", "ren", value=hundred, currency="JPY", beneficiary="kai"),
            entry("p1", "KAI", "sou", value=hundred, currency="points", beneficiary="kai"),
        ],
    )
    found = view(ledger, "kai")
    assert [(balance["balance"], balance["currency"]) for balance in found["balance"]] == [
        ("100", "JPY"),
        ("100", "points"),
    ]
    assert {(entry["value"], entry["effect"]) for entry in found["history"]} == {("100", "100")}
    assert found["last_earned"]["value"] == "100"
