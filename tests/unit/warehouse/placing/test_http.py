"""Reports over HTTP read placed facts, and views where these are missing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from clickhouse_connect.driver.client import Client
from support.authorizing import authorizing
from support.clickhouse import ClickHouse, over_http
from support.placed_programme import come_late, erase, forget_the_month, pseudonymise
from support.placing import AS_OF, Clock

from reftrail.warehouse.http import application
from reftrail.warehouse.metrics import WarehouseMetrics
from reftrail.warehouse.placing.placer import Placer
from reftrail.warehouse.progress import LoadedPositions

KEY = {"authorization": "Bearer sk_one"}


def asking(clickhouse: ClickHouse, placer: Placer, progress: LoadedPositions) -> httpx.AsyncClient:
    app = application(
        clickhouse.reading,
        clickhouse.reading,
        authorizing("sk_one"),
        progress,
        WarehouseMetrics(),
        placed=placer,
    )
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://reports", headers=KEY)


@pytest.fixture
async def http(programme: ClickHouse, placer: Placer) -> AsyncIterator[httpx.AsyncClient]:
    async with asking(programme, placer, LoadedPositions()) as client:
        yield client


async def clicks(http: httpx.AsyncClient, query: str = "") -> tuple[str | None, int]:
    answer = (await http.get(f"/v1/reports/funnel?by=all{query}")).raise_for_status().json()
    return answer["as_of"], answer["rows"][0]["clicks"]


async def test_over_http_an_answer_is_of_now_unless_it_may_be_older(
    programme: ClickHouse, http: httpx.AsyncClient, clock: Clock
) -> None:
    assert await clicks(http) == (AS_OF, 4)

    await come_late(programme)
    clock.now += 30
    assert await clicks(http, "&max_age=60") == (AS_OF, 4)
    assert await clicks(http, "&max_age=10") == (None, 5)
    assert await clicks(http, "&max_age=0") == (None, 5), "of now, as without it"
    for query in ("max_age=x", "max_age=5&max_age=60", "format=csv&format=json"):
        assert (await http.get(f"/v1/reports/funnel?{query}")).status_code == 422, query


async def test_after_an_answer_of_now_an_older_one_is_given_to_nobody(
    programme: ClickHouse, http: httpx.AsyncClient, placer: Placer, clock: Clock
) -> None:
    assert await clicks(http, "&max_age=900") == (AS_OF, 4)
    await come_late(programme)
    clock.now += 30
    assert await clicks(http) == (None, 5)
    assert await clicks(http, "&max_age=900") == (None, 5)
    assert await clicks(http, "&campaign=spring&max_age=900") == (AS_OF, 1)
    clock.now += 30
    placer.place()
    for _ in range(1_000):
        if await clicks(http, "&max_age=900") != (None, 5):
            break
        await asyncio.sleep(0.01)
    assert await clicks(http, "&max_age=900") == (AS_OF, 5)


@over_http
async def test_facts_whose_database_was_dropped_are_placed_again_and_views_answer_meanwhile(
    programme: ClickHouse, http: httpx.AsyncClient, placer: Placer
) -> None:
    programme.writing.command("DROP DATABASE default_placed_0")

    assert await clicks(http) == (None, 4)
    assert await clicks(http, "&max_age=60") == (None, 4)
    assert placer.place()
    assert await clicks(http) == (AS_OF, 4)


@pytest.mark.parametrize(
    "dropped", ["DATABASE default_placed_visits", "TABLE default_placed_visits.visits"]
)
async def test_what_was_dropped_leaves_no_kept_answer_behind(
    programme: ClickHouse, http: httpx.AsyncClient, placer: Placer, dropped: str
) -> None:
    assert await clicks(http) == (AS_OF, 4)
    for what in (dropped, "DATABASE default_placed_0"):
        programme.writing.command(f"DROP {what}")
    assert await clicks(http, "&code=A") == (None, 1)

    await come_late(programme)
    assert placer.place()
    assert await clicks(http) == (AS_OF, 5)


async def test_what_is_erased_changes_the_tag_of_an_answer(programme: ClickHouse) -> None:
    progress = LoadedPositions()
    progress.observed(0.0, {})
    placer = Placer(programme.writing, progress.as_of_text)
    placer.place()
    async with asking(programme, placer, progress) as http:
        path = "/v1/reports/funnel?by=all"
        answers = [(await http.get(path)).raise_for_status()]
        known = {"if-none-match": answers[0].headers["etag"]}
        assert (await http.get(path, headers=known)).status_code == 304

        await erase(programme)
        answers.append((await http.get(path, headers=known)).raise_for_status())
        placer.place()
        answers.append((await http.get(path, headers=known)).raise_for_status())
    assert [answer.json()["rows"][0]["clicks"] for answer in answers] == [4, 3, 3]
    assert len({answer.headers["x-as-of"] for answer in answers}) == 1
    assert answers[1].headers["etag"] == answers[2].headers["etag"] != known["if-none-match"]


@pytest.mark.parametrize("is_placed", [True, False])
async def test_a_tag_holds_while_only_time_passes(programme: ClickHouse, is_placed: bool) -> None:
    progress = LoadedPositions()
    progress.observed(0.0, {})
    placer = Placer(programme.writing, progress.as_of_text)
    if is_placed:
        placer.place()
    async with asking(programme, placer, progress) as http:
        path = "/v1/reports/funnel?by=all"
        known = {"if-none-match": (await http.get(path)).headers["etag"]}
        progress.observed(30.0, {})
        again = await http.get(path, headers=known)
        assert (again.status_code, again.headers["x-as-of"]) == (304, "1970-01-01T00:00:30.000Z")

        await come_late(programme)
        assert (await http.get(path, headers=known)).status_code == 200


async def test_a_kept_answer_is_of_the_same_facts(
    programme: ClickHouse, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    query = Client.query

    def noted(client: Client, text: str, *given: Any, **named: Any) -> Any:
        asked.append(text)
        return query(client, text, *given, **named)

    monkeypatch.setattr(type(programme.reading), "query", noted)
    first = await http.get("/v1/reports/funnel?by=all&campaign=spring")
    second = await http.get("/v1/reports/funnel?by=all&campaign=spring")
    other = await http.get("/v1/reports/funnel?by=all&campaign=autumn")

    assert second.json() == first.json() != other.json()
    assert len([text for text in asked if "signed_up" in text]) == 2


async def test_an_answer_that_may_be_older_comes_at_once_and_then_of_newer_facts(
    programme: ClickHouse, http: httpx.AsyncClient, placer: Placer, clock: Clock
) -> None:
    assert await clicks(http, "&max_age=60") == (AS_OF, 4)
    await come_late(programme)
    clock.now += 30
    placer.place()
    path = "/v1/reports/funnel?by=all&max_age=60"
    first = (await http.get(path)).raise_for_status()
    assert first.json()["rows"][0]["clicks"] == 4
    for _ in range(1_000):
        if await clicks(http, "&max_age=60") != (AS_OF, 4):
            break
        await asyncio.sleep(0.01)
    assert await clicks(http, "&max_age=60") == await clicks(http) == (AS_OF, 5)


@pytest.mark.parametrize("changed", [erase, pseudonymise, forget_the_month])
async def test_once_facts_are_placed_anew_no_kept_answer_has_what_was_erased(
    programme: ClickHouse,
    http: httpx.AsyncClient,
    placer: Placer,
    clock: Clock,
    changed: Callable[[ClickHouse], Awaitable[None]],
) -> None:
    query = "/v1/reports/funnel?by=country&max_age=900"
    before = (await http.get(query)).raise_for_status().json()["rows"]
    await changed(programme)
    clock.now += 30
    placer.place()
    after = (await http.get(query)).raise_for_status().json()["rows"]
    assert before != after == (await http.get(query)).raise_for_status().json()["rows"]
    await come_late(programme)
    clock.now += 30
    placer.place()
    assert (await http.get(query)).raise_for_status().json()["rows"] == after
