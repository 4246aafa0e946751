"""Lookups of a user's page: to plan a query takes ClickHouse longer than to find its rows."""

import pytest
from clickhouse_connect.driver.client import Client
from support.clickhouse import ClickHouse
from support.programme import attributed, code
from support.user_ledger import view

from reftrail.contracts.topics import ATTRIBUTIONS, CODES
from reftrail.reports.user_view.history import HistoryPage
from reftrail.reports.user_view.lookups import FoundRows, look_up
from reftrail.reports.user_view.view import user_view


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The names of the lookups of each query that is made."""
    queries: list[tuple[str, ...]] = []

    def noted(client: Client, *names: str, **parameters: object) -> FoundRows:
        if names:
            queries.append(names)
        return look_up(client, *names, **parameters)

    for module in ("gathered", "attributed"):
        monkeypatch.setattr(f"reftrail.reports.user_view.{module}.look_up", noted)
    return queries


def test_a_stranger_s_page_takes_one_query_of_two_tables(
    clickhouse: ClickHouse, asked: list[tuple[str, ...]]
) -> None:
    user_view(clickhouse.reading, "stranger", HistoryPage())

    assert asked == [("entries", "page")]


async def test_an_owner_s_page_takes_two_queries(
    ledger: ClickHouse, asked: list[tuple[str, ...]]
) -> None:
    await ledger.load(CODES, [code("AMY", "spring", owner_user_id="amy")])
    await ledger.load(ATTRIBUTIONS, [attributed("uma", "AMY")])

    assert view(ledger)["codes"][0]["attributed"] == 1

    assert asked == [("entries", "page"), ("code_page", "fulfilments")]


async def test_only_of_a_code_that_is_another_s_by_now_it_is_asked_again(
    ledger: ClickHouse, asked: list[tuple[str, ...]]
) -> None:
    for revision, owner in enumerate(("amy", "bob")):
        await ledger.load(CODES, [code("AMY", "autumn", owner_user_id=owner, revision=revision)])

    found = view(ledger)

    assert (found["codes"], found["codes_in_all"]) == ([], 0)
    assert [campaign["campaign_id"] for campaign in found["standing"]] == ["spring"]
    assert asked[1:] == [("code_page", "fulfilments"), ("page", "fulfilments")]
    assert [code["code"] for code in view(ledger, "bob")["codes"]] == ["AMY"]
