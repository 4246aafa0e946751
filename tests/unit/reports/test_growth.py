"""Codes that need a look, and the k-factor, by hand."""

from typing import Any

from support.clickhouse import ClickHouse
from support.programme import T0, attributed, click, code, entry, signup

from reftrail.contracts.record import DAY
from reftrail.contracts.topics import ATTRIBUTIONS, CODES, EVENTS, REWARDS
from reftrail.reports.catalogue import ask, find
from reftrail.reports.parameters import asked


def rows(clickhouse: ClickHouse, name: str, **given: str) -> list[dict[str, Any]]:
    report = find(name)
    texts = {key.rstrip("_"): [value] for key, value in given.items()}
    return ask(clickhouse.reading, report, asked(report, texts), None).rows


async def test_users_who_bring_users(clickhouse: ClickHouse) -> None:
    """Amy brings Bob and Cat, Bob brings Dan; Eve owns a code that nobody uses."""
    owners = {"AMY": "amy", "BOB": "bob", "EVE": "eve"}
    await clickhouse.load(
        CODES, [code(name, "spring", owner_user_id=owner) for name, owner in owners.items()]
    )
    days = {"amy": 0, "bob": 2, "cat": 4, "dan": 3, "eve": 0}
    signups = [signup(user, None, event_time=T0 + day * DAY) for user, day in days.items()]
    clicks = [click("v1", "AMY"), click("v1", "AMY"), click("v2", "AMY"), click("v3", "BOB")]
    bots = [click("v4", "EVE", is_bot=True)]
    await clickhouse.load(EVENTS, [*signups, *clicks, *bots])
    came = {"bob": "AMY", "cat": "AMY", "dan": "BOB", "amy": "AMY"}
    decided = [
        attributed(user, name, event_time=T0 + days[user] * DAY) for user, name in came.items()
    ]
    await clickhouse.load(ATTRIBUTIONS, decided)

    (total,) = rows(clickhouse, "k_factor")
    first, *others = rows(clickhouse, "k_factor", by="day")

    assert total == {
        "users": 5,
        "sharers": 2,
        "visitors_invited": 3,
        "recruits": 3,
        "k_factor": 0.6,
        "invited_per_user": 0.6,
        "recruits_per_invited": 1.0,
        "cycle_days": 2.0,
    }
    assert (first["day"], first["users"], first["recruits"]) == ("2026-09-21", 2, 2)
    assert [(row["users"], row["recruits"]) for row in others] == [(0, 0), (1, 1), (1, 0), (1, 0)]


async def test_codes_that_need_a_look(clickhouse: ClickHouse) -> None:
    day = 24 * 3_600_000
    codes = [
        code("GOOD", "spring"),
        code("IDLE", "spring"),
        code("ENDS", "spring", expires_at=T0 + 20 * day),
        code("LATER", "spring", expires_at=T0 + 50 * day),
        code("BAD", "autumn"),
    ]
    await clickhouse.load(CODES, codes)
    names = ("GOOD", "ENDS", "LATER", "BAD")
    await clickhouse.load(EVENTS, [click("v", name) for name in names])
    statuses = {"GOOD": ["granted", "granted", "rejected"], "BAD": ["held", "rejected", "granted"]}
    entries = [
        entry(f"{name}{nth}", name, f"u{nth}", value=1_000_000, status=status)
        for name, given in statuses.items()
        for nth, status in enumerate(given)
    ]
    await clickhouse.load(REWARDS, entries)
    period = {"from_": "2026-09-01", "to": "2026-10-01"}

    found = {row["code"]: row["attention"] for row in rows(clickhouse, "codes", **period)}
    spring = rows(clickhouse, "codes", **period, campaign="spring")
    before = {row["code"]: row for row in rows(clickhouse, "codes", to="2026-09-01")}

    assert found == {
        "GOOD": None,
        "IDLE": "unused",
        "ENDS": "expiring",
        "LATER": None,
        "BAD": "suspicious",
    }
    assert [row["code"] for row in spring] == ["ENDS", "GOOD", "LATER", "IDLE"]
    assert {row["attention"] for row in before.values()} == {"unused"}
    assert before["GOOD"]["last_used"] is None
