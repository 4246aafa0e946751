"""Referrers who brought the most users, on the real engine."""

from datetime import UTC, datetime
from typing import Any

import pytest
from support.clickhouse import ClickHouse
from support.programme import T0, entry, milestone, users_merged
from support.reports_http import WITH_KEY, reports_http

from reftrail.contracts.record import DAY
from reftrail.contracts.topics import CONVERSIONS, MILESTONES, REWARDS
from reftrail.reports.leaderboard import Board, leaderboard


def earned(reward_id: str, who: str, user: str, status: str = "granted", **given: Any) -> Any:
    return entry(reward_id, who.upper(), user, value=5, status=status, beneficiary=who, **given)


@pytest.fixture
async def programme(clickhouse: ClickHouse) -> ClickHouse:
    await clickhouse.load(
        REWARDS,
        [
            earned("a1", "amy", "uma"),
            earned("a2", "amy", "vic", campaign_id="autumn"),
            earned("a3", "amy", "vic", action="purchase:2"),
            earned("b1", "bob", "wes"),
            earned("b1", "bob", "wes", "reversed", reasons=["partly_refunded"]),
            earned("b2", "bob", "xia"),
            earned("b2", "bob", "xia", "reversed", reasons=["refunded"]),
            earned("c1", "cyd", "yan", event_time=T0 + 2 * DAY, action_time=T0 + DAY),
            earned("c2", "cyd", "zoe", "held"),
            earned("d1", "dee", "ann", "rejected"),
            earned("r1", "uma", "uma", role="referee"),
        ],
    )
    await clickhouse.load(
        MILESTONES,
        [
            milestone("gold", "tier", 5),
            milestone("first", "badge", 5),
            milestone("first", "badge", 9, reached=False),
            milestone("fall", "badge", 5, campaign_id="autumn"),
            milestone("tenth", "bonus", 5),
            milestone("gold", "tier", 5, beneficiary="eve"),
        ],
    )
    return clickhouse


def ranks(clickhouse: ClickHouse, **asked: Any) -> list[tuple[int, str, int, int]]:
    found = leaderboard(clickhouse.reading, Board(**asked))
    return [
        (leader["rank"], leader["user_id"], leader["users"], leader["rewards"]) for leader in found
    ]


async def test_who_brought_most_comes_first_and_equals_share_a_rank(programme: ClickHouse) -> None:
    assert ranks(programme) == [(1, "amy", 2, 3), (2, "bob", 1, 1), (2, "cyd", 1, 1)]
    assert ranks(programme, most=1) == [(1, "amy", 2, 3)]


async def test_a_reward_taken_back_or_not_yet_granted_does_not_count(
    programme: ClickHouse,
) -> None:
    await programme.load(REWARDS, [earned("c1", "cyd", "yan", "reversed", event_time=T0 + DAY)])
    assert ranks(programme) == [(1, "amy", 2, 3), (2, "bob", 1, 1)]


async def test_one_may_ask_for_a_campaign_and_a_time(programme: ClickHouse) -> None:
    next_day = datetime.fromtimestamp((T0 + DAY) / 1000, UTC)
    assert ranks(programme, campaign="autumn") == [(1, "amy", 1, 1)]
    assert ranks(programme, since=next_day) == [(1, "cyd", 1, 1)]
    assert ranks(programme, until=next_day) == [(1, "amy", 2, 3), (2, "bob", 1, 1)]


async def test_what_was_reached_and_not_lost_again_is_told(programme: ClickHouse) -> None:
    (amy, bob, _) = leaderboard(programme.reading, Board())
    assert (amy["milestones"], bob["milestones"]) == (["fall", "gold"], [])
    (amy, *_) = leaderboard(programme.reading, Board(campaign="spring"))
    assert (amy["milestones"], amy["last_at"]) == (["gold"], "2026-09-21T14:13:20Z")


async def test_who_was_merged_into_an_account_is_one_with_it(programme: ClickHouse) -> None:
    """A referrer as well as those whom a referrer brought; the milestones are those of both."""
    await programme.load(
        CONVERSIONS,
        [
            users_merged("cyd", "bob"),
            users_merged("eve", "bob"),
            users_merged("uma", "vic", event_id="m2"),
        ],
    )
    assert ranks(programme) == [(1, "bob", 2, 2), (2, "amy", 1, 3)]
    (bob, amy) = leaderboard(programme.reading, Board())
    assert (bob["milestones"], amy["milestones"]) == (["gold"], ["fall", "gold"])


async def test_entries_that_come_twice_count_once(programme: ClickHouse) -> None:
    before = ranks(programme)
    await programme.load(REWARDS, [earned("a1", "amy", "uma"), earned("b1", "bob", "wes")])
    assert ranks(programme) == before


async def test_over_http(programme: ClickHouse) -> None:
    async with reports_http(programme) as client:
        client.headers.update(WITH_KEY)
        found = await client.get("/v1/leaderboard", params={"campaign": "spring", "limit": "1"})
        assert [leader["user_id"] for leader in found.json()["leaders"]] == ["amy"]
        refused = await client.get("/v1/leaderboard", params={"limit": "0"})
        assert (refused.status_code, "limit" in refused.json()["detail"]) == (422, True)
        assert (await client.get("/v1/leaderboard", params={"from": "soon"})).status_code == 422


async def test_the_view_of_places_says_the_same(programme: ClickHouse) -> None:
    for campaign in ("spring", "autumn"):
        found = programme.rows(
            "SELECT place, referrer, users, rewards FROM v_leaders "
            f"WHERE campaign_id = '{campaign}' ORDER BY place, referrer"
        )
        assert [tuple(row) for row in found] == ranks(programme, campaign=campaign) != []


async def test_so_it_does_of_merged_people(programme: ClickHouse) -> None:
    merges = [users_merged("cyd", "bob"), users_merged("uma", "vic")]
    await programme.load(CONVERSIONS, merges)
    await test_the_view_of_places_says_the_same(programme)
    assert ranks(programme, campaign="spring")[0] == (1, "bob", 2, 2)
