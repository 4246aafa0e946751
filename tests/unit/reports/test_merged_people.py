"""Reports count a person once, under all users that were merged into one."""

import asyncio
from collections import defaultdict

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.clickhouse import ClickHouse
from support.programme import T0, attributed, click, entry, purchase, signup, users_merged

from reftrail.contracts.record import HOUR
from reftrail.contracts.topics import ATTRIBUTIONS, CONVERSIONS, EVENTS, REWARDS
from reftrail.reports.catalogue import ask, find
from reftrail.reports.code_counters import code_counters
from reftrail.reports.questions import question

USERS = [f"u{nth}" for nth in range(6)]
users = st.sampled_from(USERS)
relaxed = settings(
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def person(user: str, merges: dict[str, str]) -> str:
    """Follow the first merge of each user to the account; in a circle take the lowest id."""
    seen = [user]
    while seen[-1] in merges:
        account = merges[seen[-1]]
        if account in seen:
            return min(seen[seen.index(account) :])
        seen.append(account)
    return seen[-1]


@relaxed
@given(
    st.lists(st.tuples(users, users), max_size=8),
    st.lists(st.tuples(users, st.sampled_from(["o1", "o2", "o3"])), max_size=10),
    st.dictionaries(users, st.integers(0, 5), max_size=5),
)
def test_chains_and_circles_are_one_person(
    clickhouse: ClickHouse,
    given_merges: list[tuple[str, str]],
    orders: list[tuple[str, str]],
    signups: dict[str, int],
) -> None:
    clickhouse.empty()
    merged = [users_merged(user, account) for user, account in given_merges]
    merges: dict[str, str] = {}
    for user, account in given_merges:
        if user != account:
            merges.setdefault(user, account)
    bought = [purchase(user, order_id=order) for user, order in orders]
    joined = [signup(user, None, event_time=T0 + at * HOUR) for user, at in signups.items()]

    async def load() -> None:
        await clickhouse.load(CONVERSIONS, merged)
        await clickhouse.load(EVENTS, [*bought, *joined])

    asyncio.run(load())

    found = clickhouse.rows("SELECT user_id, person_id FROM v_people")
    counted = clickhouse.rows("SELECT type, person_id, order_id FROM v_signups_and_orders")
    first = clickhouse.rows(
        "SELECT person_id, event_time FROM v_signups_and_orders WHERE type = 'signup'"
    )

    assert dict(found) == {user: person(user, merges) for user in merges}
    expected: set[tuple[str, str, str | None]]
    expected = {("purchase", person(user, merges), order) for user, order in orders}
    expected |= {("signup", person(user, merges), None) for user in signups}
    assert sorted(map(str, counted)) == sorted(map(str, expected))
    earliest: dict[str, list[int]] = defaultdict(list)
    for user, at in signups.items():
        earliest[person(user, merges)].append(at)
    assert {who: at.timestamp() * 1000 for who, at in first} == {
        who: T0 + min(ats) * HOUR for who, ats in earliest.items()
    }


async def _merged_pair(clickhouse: ClickHouse) -> None:
    """A guest by AMY, who is attributed, and an account by BOB, whose attribution has ended."""
    await clickhouse.load(
        EVENTS,
        [
            click("phone", "AMY", event_time=T0 - 2 * HOUR),
            click("laptop", "BOB", event_time=T0),
            signup("guest", "phone", event_time=T0 - HOUR),
            signup("account", "laptop", event_time=T0 + HOUR),
            purchase("guest", order_id="o1"),
            purchase("account", order_id="o1"),
            purchase("account", order_id="o2"),
        ],
    )
    await clickhouse.load(CONVERSIONS, [users_merged("guest", "account")])
    await clickhouse.load(
        ATTRIBUTIONS,
        [
            attributed("guest", "AMY", campaign_id="spring"),
            attributed("account", "BOB", campaign_id="spring", event_id="ended"),
            attributed(
                "account",
                "BOB",
                campaign_id="spring",
                basis="merged",
                decisive=False,
                corrects="ended",
            ),
        ],
    )
    await clickhouse.load(
        REWARDS,
        [
            entry("r1", "AMY", "guest", value=5, role="referee", beneficiary="guest"),
            entry("r2", "AMY", "other", value=5, beneficiary="account"),
        ],
    )


async def test_a_merged_user_signs_up_and_buys_once_under_the_code_that_is_left(
    clickhouse: ClickHouse,
) -> None:
    await _merged_pair(clickhouse)

    rows = ask(clickhouse.reading, find("funnel"), question(["code"], None, None), None).rows

    counts = ("signups", "purchases", "attributed", "visitors_signed_up")
    assert {row["code"]: [row[name] for name in counts] for row in rows} == {
        "AMY": [1, 2, 1, 1],
        "BOB": [0, 0, 0, 0],
    }
    assert all(
        code_counters(clickhouse.reading, "AMY")[name] == n
        for name, n in zip(counts[:3], (1, 2, 1), strict=True)
    )


async def test_a_merged_user_is_one_beneficiary(clickhouse: ClickHouse) -> None:
    await _merged_pair(clickhouse)

    (row,) = ask(clickhouse.reading, find("rewards"), question([], None, None), None).rows

    assert (row["rewards_granted"], row["beneficiaries"]) == (2, 1)


async def test_an_ended_attribution_is_no_late_touch(clickhouse: ClickHouse) -> None:
    await _merged_pair(clickhouse)

    rows = ask(clickhouse.reading, find("attribution"), question(["code"], None, None), None).rows

    found = {row["code"]: (row["attributed"], row["merged"], row["late_touches"]) for row in rows}
    assert found == {"AMY": (1, 0, 0), "BOB": (0, 1, 0)}


async def test_people_are_known_by_the_merges_alone(clickhouse: ClickHouse) -> None:
    """Conversions, which are a thousand times as many, aren't read for each report."""
    merges = [users_merged("u1", "u2"), users_merged("u2", "u3")]
    await clickhouse.load(CONVERSIONS, [*merges, merges[0]])
    clickhouse.writing.command("TRUNCATE TABLE conversions")
    people = [("u1", "u3"), ("u2", "u3")]
    assert clickhouse.rows("SELECT user_id, person_id FROM v_people ORDER BY user_id") == people
    assert clickhouse.rows("SELECT count() FROM merges FINAL") == [(2,)]
