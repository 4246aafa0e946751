"""Earnings of one user, on the real engine, and through the warehouse's own way of loading."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
import pytest
from support.authorizing import authorizing
from support.clickhouse import ClickHouse, nowhere, part_of
from support.programme import T0, attributed, campaign, code, entry, milestone, users_merged

from reftrail.contracts.codec import encode
from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.external_inputs import FulfilmentReported
from reftrail.contracts.policy import Milestone, MilestoneKind, Policy, policy_text
from reftrail.contracts.record import DAY
from reftrail.contracts.topics import (
    ATTRIBUTIONS,
    CAMPAIGNS,
    CODES,
    CONVERSIONS,
    FULFILMENTS,
    MILESTONES,
    REWARDS,
)
from reftrail.reports.questions import BadQuestion
from reftrail.reports.user_view.history import HistoryPage, page
from reftrail.reports.user_view.view import MOST_SHOWN, user_view
from reftrail.rules.reward.transitions import effect
from reftrail.warehouse.clickhouse import connect_for_reading
from reftrail.warehouse.http import application
from reftrail.warehouse.ledger import Counts, Ledger, Load
from reftrail.warehouse.loader import Loader, Work
from reftrail.warehouse.metrics import WarehouseMetrics
from reftrail.warehouse.progress import LoadedPositions

NOW = datetime.fromtimestamp(T0 / 1000, UTC)
FIVE = 5_000_000


def amys(reward_id: str, user: str, status: str, value: int = FIVE, **given: Any) -> RewardDecided:
    return entry(reward_id, "AMY", user, value=value, status=status, beneficiary="amy", **given)


LEDGER = [
    amys("r1", "uma", "granted", event_time=T0 + 1),
    amys("r1", "uma", "fulfilled", event_time=T0 + 5),
    amys("r2", "vic", "granted", event_time=T0 + 2),
    amys("r2", "vic", "reversed", 2_000_000, reasons=["partly_refunded"], event_time=T0 + 6),
    amys("r3", "wes", "granted", event_time=T0 + 3),
    amys("r3", "wes", "reversed", reasons=["refunded"], event_time=T0 + 7),
    amys("r4", "xia", "held", reasons=["owner_ip"], event_time=T0 + 4),
    amys("r5", "yan", "rejected", reasons=["ring"], event_time=T0 + 4),
    amys("r6", "zoe", "held", event_time=T0 + 4),
    amys("r6", "zoe", "granted", event_time=T0 + 8),
    amys("r6", "zoe", "failed", event_time=T0 + 9),
    amys("r6", "zoe", "granted", reasons=["tried_again"], event_time=T0 + 10),
    amys("r7", "abe", "granted", 1, kind="shipment", item="mug", event_time=T0 + 11),
    amys("r7", "abe", "fulfilled", 1, kind="shipment", item="mug", event_time=T0 + 12),
    amys("r8", "bea", "granted", FIVE, currency="EUR", event_time=T0 - 9),
    amys("r8", "bea", "expired", FIVE, currency="EUR", event_time=T0 - 8),
    entry("r9", "AMY", "uma", value=FIVE, role="referee", beneficiary="uma"),
    entry("r10", "BOB", "cat", value=FIVE, beneficiary=None, status="rejected"),
]


@pytest.fixture
async def ledger(clickhouse: ClickHouse) -> ClickHouse:
    await clickhouse.load(REWARDS, LEDGER)
    return clickhouse


FIRST = HistoryPage()


def view(ledger: ClickHouse, user: str = "amy", asked: HistoryPage = FIRST) -> dict[str, Any]:
    return user_view(ledger.reading, user, asked, NOW)


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


async def test_the_history_is_paged_without_gaps(ledger: ClickHouse) -> None:
    found, asked = [], HistoryPage(5)
    while True:
        shown = view(ledger, asked=asked)
        assert len(shown["history"]) <= 5
        found += shown["history"]
        if shown["next"] is None:
            break
        asked = page("5", shown["next"])

    mine = [entry for entry in LEDGER if entry.beneficiary == "amy"]
    latest = sorted(mine, key=lambda entry: (entry.event_time, entry.event_id), reverse=True)
    assert [shown["event_id"] for shown in found] == [entry.event_id for entry in latest]
    taken = next(entry for entry in found if entry["reasons"] == ["partly_refunded"])
    assert (taken["value"], taken["effect"], taken["status"]) == ("2.00", "-2.00", "reversed")


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


async def test_text_comes_through_as_it_was(clickhouse: ClickHouse) -> None:
    text = 'a "b"\\c\td\ne/é\u2028'
    await clickhouse.load(REWARDS, [amys("r1", text, "granted", item=text, reasons=[text, ""])])

    (entry,) = view(clickhouse)["history"]

    assert (entry["user_id"], entry["item"], entry["reasons"]) == (text, text, [text, ""])


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


async def test_the_user_s_codes_have_their_counters(ledger: ClickHouse) -> None:
    await ledger.load(
        CODES,
        [
            code("AMY", "spring", owner_user_id="amy"),
            code("NEW", "autumn", owner_user_id="amy", revision=1),
            code("GONE", "spring", owner_user_id="amy", revision=1),
            code("GONE", "spring", owner_user_id="bob", revision=2),
        ],
    )
    await ledger.load(
        ATTRIBUTIONS,
        [
            attributed("uma", "AMY"),
            attributed("vic", "AMY"),
            attributed("vic", "NEW", campaign_id="autumn"),
            attributed("wes", "AMY", decisive=False),
        ],
    )

    found = view(ledger)

    assert found["codes_in_all"] == 2
    assert {code["code"]: code["attributed"] for code in found["codes"]} == {"AMY": 2, "NEW": 1}
    amy = next(code for code in found["codes"] if code["code"] == "AMY")
    assert amy | {"created_at": None} == {
        "code": "AMY",
        "campaign_id": "spring",
        "status": "active",
        "created_at": None,
        "expires_at": None,
        "max_uses": None,
        "attributed": 2,
        "users_rewarded": 6,
        "rewards_granted": 6,
        "rewards_held": 1,
        "rewards_rejected": 1,
    }


async def test_a_decision_that_was_corrected_does_not_count(clickhouse: ClickHouse) -> None:
    await clickhouse.load(CODES, [code(name, "spring", owner_user_id="amy") for name in ("A", "B")])
    first = attributed("uma", "A")
    corrected = attributed("uma", "B", basis="late_touch", corrects=first.event_id)
    clickhouse.stop_merges()
    await clickhouse.load(ATTRIBUTIONS, [first, attributed("vic", "A")])
    assert {code["code"]: code["attributed"] for code in view(clickhouse)["codes"]} == {
        "A": 2,
        "B": 0,
    }

    for _ in range(2):
        await clickhouse.load(ATTRIBUTIONS, [corrected])

        found = {code["code"]: code["attributed"] for code in view(clickhouse)["codes"]}
        assert found == {"A": 1, "B": 1}


async def test_of_many_codes_the_latest_are_shown_and_all_count(clickhouse: ClickHouse) -> None:
    many = [
        code(f"C{number}", f"campaign-{number % 2}", owner_user_id="amy", created_at=T0 + number)
        for number in range(MOST_SHOWN + 2)
    ]
    await clickhouse.load(CODES, [code("FIRST", "early", owner_user_id="amy", created_at=1), *many])

    found = view(clickhouse)

    assert [code["code"] for code in found["codes"]] == [
        change.code for change in many[: -MOST_SHOWN - 1 : -1]
    ]
    assert found["codes_in_all"] == MOST_SHOWN + 3
    standing = [campaign["campaign_id"] for campaign in found["standing"]]
    assert standing == ["campaign-0", "campaign-1", "early"]


MILESTONES_OF_SPRING = [
    Milestone(name="bronze", kind=MilestoneKind.TIER, grants=2),
    Milestone(name="silver", kind=MilestoneKind.TIER, grants=6),
    Milestone(name="starter", kind=MilestoneKind.BADGE, grants=1),
    Milestone(
        name="ten", kind=MilestoneKind.BONUS, grants=10, value_micros=FIVE, currency="points"
    ),
]


async def test_tier_badges_and_what_is_next(ledger: ClickHouse) -> None:
    text = policy_text(Policy(milestones=MILESTONES_OF_SPRING))
    none = campaign("spring", version=2, effective_from=T0 + DAY, policy=None)
    await ledger.load(CAMPAIGNS, [campaign("spring", policy=text), none])
    actual = [
        milestone("silver", "tier", 9, grants=6, reached=False),
        milestone("starter", "badge", 1, grants=1),
        milestone("bronze", "tier", 2, grants=2),
        milestone("silver", "tier", 5, grants=6),
    ]
    ledger.stop_merges()
    for _ in range(2):
        await ledger.load(MILESTONES, actual)

    (found,) = view(ledger)["standing"]

    assert found == {
        "campaign_id": "spring",
        "grants": 5,
        "tier": "bronze",
        "badges": ["starter"],
        "next": {
            "name": "silver",
            "kind": "tier",
            "grants": 6,
            "missing": 1,
            "value": None,
            "currency": None,
            "item": None,
        },
    }
    later = user_view(
        ledger.reading, "amy", HistoryPage(), datetime.fromtimestamp(T0 / 1000 + 1e6, UTC)
    )
    assert later["standing"][0]["next"] is None


async def test_shipments_say_where_they_are(ledger: ClickHouse) -> None:
    report = FulfilmentReported(
        event_id="f1",
        event_time=T0 + 12,
        received_at=T0 + 12,
        code="AMY",
        user_id="abe",
        reward_id="r7",
        role="referrer",
        outcome="delivered",
        kind="shipment",
        attempts=2,
        carrier="owl",
        tracking_number="OWL-1",
    )
    failed = msgspec.structs.replace(
        report, event_id="f0", outcome="failed", carrier=None, event_time=T0 + 99
    )
    ledger.stop_merges()
    for _ in range(2):
        await ledger.load(FULFILMENTS, [failed, report])

    (found,) = view(ledger)["shipments"]

    assert found == {
        "reward_id": "r7",
        "status": "fulfilled",
        "item": "mug",
        "code": "AMY",
        "user_id": "abe",
        "campaign_id": "spring",
        "ordered_at": "2026-09-21T14:13:20.011Z",
        "since": "2026-09-21T14:13:20.012Z",
        "carrier": "owl",
        "tracking_number": "OWL-1",
        "reference": None,
        "detail": None,
    }


@pytest.mark.parametrize(
    ("limit", "before"), [("0", None), ("1001", None), ("x", None), (None, "x"), (None, "x.y")]
)
def test_what_is_no_page_is_refused(limit: str | None, before: str | None) -> None:
    with pytest.raises(BadQuestion, match="give"):
        page(limit, before)


async def test_over_http(ledger: ClickHouse) -> None:
    await ledger.load(REWARDS, [entry("r11", "X", "dan", value=FIVE, beneficiary="a/b c")])
    app = application(
        ledger.reading, ledger.reading, authorizing("sk"), LoadedPositions(), WarehouseMetrics()
    )
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://reports"
    ) as client:
        assert (await client.get("/v1/users/amy/rewards")).status_code == 401
        client.headers["authorization"] = "Bearer sk"
        found = (await client.get("/v1/users/amy/rewards?limit=1")).json()
        assert found["as_of"] is None
        assert len(found["history"]) == 1
        again = (await client.get("/v1/users/amy/rewards", params={"before": found["next"]})).json()
        assert again["history"][0] != found["history"][0]
        slashed = (await client.get("/v1/users/a%2Fb%20c/rewards")).json()
        assert (slashed["user_id"], len(slashed["history"])) == ("a/b c", 1)
        assert (await client.get("/v1/users/amy/rewards?limit=0")).status_code == 422


async def test_a_report_that_takes_long_does_not_hold_the_view_up(ledger: ClickHouse) -> None:
    quick = connect_for_reading(ledger.path, None)
    app = application(
        ledger.reading, quick, authorizing("sk"), LoadedPositions(), WarehouseMetrics()
    )
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url="http://reports",
        headers={"authorization": "Bearer sk"},
    ) as client:
        report = asyncio.create_task(asyncio.to_thread(ledger.reading.command, "SELECT sleep(3)"))
        await asyncio.sleep(0.1)
        found = await client.get("/v1/users/amy/rewards")
        assert (found.status_code, report.done()) == (200, False)
        await report
    quick.close()


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
