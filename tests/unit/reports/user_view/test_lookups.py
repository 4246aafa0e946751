"""Lookups of a user's page: to plan a query takes ClickHouse longer than to find its rows."""

from typing import Any

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


async def test_an_owner_of_thousands_of_codes_has_a_page_of_short_queries(
    clickhouse: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server takes a URL of 1 MiB, and ClickHouse 80 s for a query that names 60,000 codes."""
    names = [f"CODE{number:04}" for number in range(2_000)]
    given = [code(name, "spring", owner_user_id="amy", revision=1) for name in names]
    gone = code(names[-1], "spring", owner_user_id="bob", revision=2)
    await clickhouse.load(CODES, given)
    await clickhouse.load(CODES, [gone])
    sizes: list[int] = []
    ask = clickhouse.reading.raw_query

    def seen(query: str, parameters: Any = None, **given: Any) -> bytes:
        sizes.append(len(str(parameters)))
        return ask(query, parameters, **given)

    monkeypatch.setattr(clickhouse.reading, "raw_query", seen)

    page = view(clickhouse)

    assert page["codes_in_all"] == len(names) - 1
    assert len(page["codes"]) == 100
    assert names[-1] not in {shown["code"] for shown in page["codes"]}
    assert max(sizes) < 10_000
