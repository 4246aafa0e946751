"""Lookups of a user's page: to plan a query takes ClickHouse longer than to find its rows."""

from itertools import chain

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

    for module in ("view", "attributed"):
        monkeypatch.setattr(f"reftrail.reports.user_view.{module}.look_up", noted)
    return queries


def test_of_a_stranger_no_milestones_and_changes_are_asked(
    clickhouse: ClickHouse, asked: list[tuple[str, ...]]
) -> None:
    user_view(clickhouse.reading, "stranger", HistoryPage())

    assert asked == [("merges", "entries", "codes", "statements")]


async def test_an_owner_s_page_takes_two_queries(
    ledger: ClickHouse, asked: list[tuple[str, ...]]
) -> None:
    await ledger.load(CODES, [code("AMY", "spring", owner_user_id="amy")])
    await ledger.load(ATTRIBUTIONS, [attributed("uma", "AMY")])

    assert view(ledger)["codes"][0]["attributed"] == 1

    assert len(asked) == 2
    assert {"decisions", "corrections", "milestones"} <= {*chain(*asked)}
    assert "statement_changes" not in {*chain(*asked)}
