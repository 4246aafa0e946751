"""The person that a user is, found by that person's merges, is the one in the view of all users."""

import asyncio

import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.clickhouse import ClickHouse
from support.programme import users_merged

from reftrail.contracts.topics import CONVERSIONS
from reftrail.reports.sql import names, sql
from reftrail.reports.user_view.history import HistoryPage
from reftrail.reports.user_view.lookups import FoundRows, look_up
from reftrail.reports.user_view.view import user_view

USERS = [f"u{nth}" for nth in range(7)]
users = st.sampled_from(USERS)


@settings(
    max_examples=20,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(st.tuples(users, users), max_size=9))
def test_a_user_s_page_is_of_the_person_of_the_view(
    clickhouse: ClickHouse, merges: list[tuple[str, str]]
) -> None:
    clickhouse.empty()
    merged = [users_merged(user, account) for user, account in merges]
    asyncio.run(clickhouse.load(CONVERSIONS, merged))
    rows = clickhouse.rows("SELECT user_id, person_id FROM v_people")
    people = {user: user for user in USERS} | {str(row[0]): str(row[1]) for row in rows}

    for user, person in people.items():
        shown = user_view(clickhouse.reading, user, HistoryPage())
        others = sorted(other for other, its in people.items() if its == person != other)
        assert (shown["user_id"], shown["merged_users"]) == (person, others)


@pytest.mark.parametrize("name", names("user"))
def test_a_user_s_page_asks_tables_since_views_take_long_to_plan(name: str) -> None:
    assert " v_" not in sql(f"user/{name}")


async def test_a_user_who_was_never_merged_is_looked_up_at_once(
    clickhouse: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    await clickhouse.load(CONVERSIONS, [users_merged("guest", "account")])
    asked: list[tuple[str, ...]] = []

    def noted(client: Client, *names: str, **parameters: object) -> FoundRows:
        asked.append(names)
        return look_up(client, *names, **parameters)

    monkeypatch.setattr("reftrail.reports.user_view.gathered.look_up", noted)
    user_view(clickhouse.reading, "stranger", HistoryPage())

    assert len([names for names in asked if names]) == 1
