"""Rewards that wait for a review, on the real engine."""

from typing import Any

import pytest
from support.clickhouse import ClickHouse
from support.programme import T0, entry
from support.reports_http import WITH_KEY, reports_http

from reftrail.contracts.record import DAY
from reftrail.contracts.topics import CODES, REWARDS
from reftrail.reports.code_spelling import registered_spelling
from reftrail.reports.explain.journey import journey
from reftrail.reports.held import Wanted, held_rewards
from reftrail.testing import code

EVIDENCE = '[{"figures":{"device":"ab"},"reason":"owner_device","weight":60}]'


def held(reward_id: str, code: str, user: str, **given: Any) -> Any:
    actual = {"reasons": ["owner_device"], "score": 60, "evidence": EVIDENCE} | given
    return entry(reward_id, code, user, value=5_000_000, status="held", **actual)


@pytest.fixture
async def rewards(clickhouse: ClickHouse) -> ClickHouse:
    await clickhouse.load(
        REWARDS,
        [
            held("r1", "AMY", "uma", due_at=T0 + 2 * DAY, beneficiary="amy"),
            held("r2", "AMY", "vic", due_at=T0 + DAY, campaign_id="autumn"),
            held("r3", "BOB", "wes", due_at=None, evidence=None),
            held("r4", "BOB", "xia", due_at=T0 + DAY),
            entry("r4", "BOB", "xia", value=5_000_000, status="granted"),
            held("r5", "BOB", "yan", due_at=T0 + DAY),
            entry("r5", "BOB", "yan", value=5_000_000, status="rejected"),
            entry("r6", "BOB", "zoe", value=5_000_000, status="granted"),
        ],
    )
    return clickhouse


async def test_a_code_is_asked_for_in_any_case(rewards: ClickHouse) -> None:
    await rewards.load(CODES, [code("AMY"), code("Eve")])
    await rewards.load(REWARDS, [held("r7", "Eve", "uma")])
    for typed, reward_ids in ((" amy ", ["r2", "r1"]), ("EVE", ["r7"]), ("Eve", ["r7"])):
        found = held_rewards(rewards.reading, Wanted(code=typed))
        assert [reward["reward_id"] for reward in found] == reward_ids
    assert registered_spelling(rewards.reading, " nobody ") == "nobody"
    known = journey(rewards.reading, "eVE", "uma")
    assert known["code"]["code"] == "Eve"
    assert {reward["reward_id"] for reward in known["rewards"]} == {"r7"}


async def test_the_most_urgent_comes_first(rewards: ClickHouse) -> None:
    found = held_rewards(rewards.reading, Wanted())
    assert [reward["reward_id"] for reward in found] == ["r2", "r1", "r3"]
    assert found[1] == {
        "reward_id": "r1",
        "code": "AMY",
        "user_id": "uma",
        "role": "referrer",
        "beneficiary": "amy",
        "action": "signup",
        "value_micros": 5_000_000,
        "currency": "USD",
        "kind": "credit",
        "item": None,
        "campaign_id": "spring",
        "campaign_version": None,
        "reasons": ["owner_device"],
        "score": 60,
        "evidence": [{"reason": "owner_device", "weight": 60, "figures": {"device": "ab"}}],
        "held_at": "2026-09-21T14:13:20Z",
        "due_at": "2026-09-23T14:13:20Z",
    }
    assert (found[2]["due_at"], found[2]["evidence"]) == (None, [])


async def test_a_reward_that_is_held_several_times_is_listed_once(clickhouse: ClickHouse) -> None:
    suspected = held("r1", "AMY", "uma", due_at=T0 + DAY)
    approved = held(
        "r1", "AMY", "uma", due_at=T0 + 9 * DAY, reasons=["approved"], supersedes=suspected.event_id
    )
    at_once = held("r2", "AMY", "vic", due_at=T0 + DAY, event_id="z")
    disputed = held(
        "r2",
        "AMY",
        "vic",
        due_at=None,
        reasons=["disputed"],
        supersedes="z",
        event_id="a",
        cause_offset=at_once.cause_offset,
    )
    await clickhouse.load(REWARDS, [suspected, approved, at_once, disputed])
    found = held_rewards(clickhouse.reading, Wanted())
    assert [(row["reward_id"], row["reasons"], row["due_at"]) for row in found] == [
        ("r1", ["approved"], "2026-09-30T14:13:20Z"),
        ("r2", ["disputed"], None),
    ]


async def test_a_reward_that_a_dispute_holds_again_is_listed(clickhouse: ClickHouse) -> None:
    granted = entry("r1", "AMY", "uma", value=5_000_000, status="granted")
    reversed_ = entry(
        "r1",
        "AMY",
        "uma",
        value=5_000_000,
        status="reversed",
        reasons=["disputed"],
        supersedes=granted.event_id,
    )
    again = held("r1", "AMY", "uma", reasons=["disputed"], supersedes=granted.event_id)
    await clickhouse.load(REWARDS, [granted, reversed_, again])
    found = held_rewards(clickhouse.reading, Wanted(user="uma"))
    assert [(row["reward_id"], row["reasons"]) for row in found] == [("r1", ["disputed"])]
    won = entry("r1", "AMY", "uma", value=5_000_000, status="granted", reasons=["dispute_ended"])
    await clickhouse.load(REWARDS, [won])
    assert held_rewards(clickhouse.reading, Wanted(user="uma")) == []


async def test_one_may_ask_for_some(rewards: ClickHouse) -> None:
    def ids(**wanted: Any) -> list[str]:
        return [reward["reward_id"] for reward in held_rewards(rewards.reading, Wanted(**wanted))]

    assert ids(code="AMY") == ["r2", "r1"]
    assert ids(user="uma") == ["r1"]
    assert ids(campaign="autumn") == ["r2"]
    assert ids(code="AMY", user="wes") == []
    assert ids(most=1) == ["r2"]


async def test_over_http(rewards: ClickHouse) -> None:
    async with reports_http(rewards) as client:
        assert (await client.get("/v1/reviews")).status_code == 401
        client.headers.update(WITH_KEY)
        found = (await client.get("/v1/reviews?code=AMY&limit=1")).json()
        assert found["as_of"] is None
        assert [reward["reward_id"] for reward in found["held"]] == ["r2"]
        for wrong in ("0", "1001", "x", "-1", "\uff11"):
            answer = await client.get("/v1/reviews", params={"limit": wrong})
            assert answer.status_code == 422
            assert "a number from 1 to 1000" in answer.json()["detail"]
