"""Answers of the HTTP server, without Kafka: keys, health, positions, reports."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from io import BytesIO

import httpx
import polars as pl
import pytest
from support.authorizing import authorizing
from support.clickhouse import ClickHouse
from support.programme import code

from reftrail.contracts.events import Click
from reftrail.contracts.topics import CODES, EVENTS
from reftrail.reports import api
from reftrail.reports.catalogue import find
from reftrail.warehouse.http import application
from reftrail.warehouse.metrics import WarehouseMetrics
from reftrail.warehouse.progress import LoadedPositions

KEY = {"authorization": "Bearer sk_two"}


@pytest.fixture
def progress() -> LoadedPositions:
    return LoadedPositions()


@pytest.fixture
async def http(
    clickhouse: ClickHouse, progress: LoadedPositions
) -> AsyncIterator[httpx.AsyncClient]:
    app = application(
        clickhouse.reading,
        clickhouse.reading,
        authorizing("sk_one", "sk_two"),
        progress,
        WarehouseMetrics(),
    )
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://reports") as client:
        yield client


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer wrong", "Basic sk_one", "sk_one"])
@pytest.mark.parametrize("path", ["/v1/reports", "/v1/reports/funnel", "/v1/positions"])
async def test_without_a_key_nothing_is_given_out(
    http: httpx.AsyncClient, path: str, header: str | None
) -> None:
    answer = await http.get(path, headers={"authorization": header} if header else {})

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_any_of_the_keys_will_do(http: httpx.AsyncClient) -> None:
    for key in ("sk_one", "sk_two"):
        answer = await http.get("/v1/reports", headers={"authorization": f"Bearer {key}"})
        assert answer.status_code == 200


async def test_it_is_ready_while_the_broker_answers(
    http: httpx.AsyncClient, progress: LoadedPositions
) -> None:
    assert (await http.get("/healthz")).status_code == 200
    assert "not connected to Kafka" in (await http.get("/readyz")).json()["reason"]

    progress.observed(time.time(), {("events", 0): 0})
    assert (await http.get("/readyz")).json() == {"ready": True}

    progress.observed(time.time() - 60, {("events", 0): 0})
    assert "has not answered for 60 s" in (await http.get("/readyz")).json()["reason"]

    progress.waits_for("other")
    assert (await http.get("/readyz")).json()["reason"] == "waits as a standby: other loads"
    progress.waits_for(None)


async def test_positions_are_by_topic_and_partition(
    http: httpx.AsyncClient, progress: LoadedPositions
) -> None:
    progress.positions.update({("events", 1): 7, ("events", 0): 3, ("codes", 0): 0})

    answer = await http.get("/v1/positions", headers=KEY)

    assert answer.json() == {"codes": {"0": 0}, "events": {"0": 3, "1": 7}}


async def test_a_report_comes_in_three_formats(
    http: httpx.AsyncClient, clickhouse: ClickHouse, progress: LoadedPositions
) -> None:
    progress.observed(0.0, {})
    click = Click(event_id="e", event_time=1, received_at=1, visitor_id="v", code="AMY")
    await clickhouse.load(EVENTS, [click])

    as_json = await http.get("/v1/reports/funnel?by=code,day&by=campaign", headers=KEY)
    as_csv = await http.get("/v1/reports/funnel?by=code&format=csv", headers=KEY)
    as_table = await http.get("/v1/reports/funnel?by=code&format=table", headers=KEY)

    (row,) = as_json.json()["rows"]
    assert as_json.json()["as_of"] == "1970-01-01T00:00:00.000Z"
    assert list(row)[:4] == ["code", "day", "campaign_id", "views"]
    assert (row["code"], row["day"], row["campaign_id"]) == ("AMY", "1970-01-01", None)
    assert as_csv.text.splitlines()[1].startswith("AMY,0,1,0,")
    assert "AMY" in as_table.text
    assert as_table.headers["content-type"].startswith("text/plain")


async def test_a_list_that_is_cut_short_says_so(
    http: httpx.AsyncClient, clickhouse: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    await clickhouse.load(CODES, [code("A", "spring"), code("B", "spring")])
    short = replace(find("codes"), most=1, sql=find("codes").sql.replace("10000", "1"))
    monkeypatch.setattr(api, "find", lambda _: short)

    for path, cut in (("/v1/reports/codes", 1), ("/v1/reports/codes?campaign=autumn", None)):
        mark = "&" if "?" in path else "?"
        assert (await http.get(path, headers=KEY)).json()["only_first"] == cut
        answer = await http.get(f"{path}{mark}format=csv", headers=KEY)
        assert answer.headers.get("reftrail-only-first") == (None if cut is None else str(cut))


async def test_a_report_comes_as_parquet_and_arrow(
    http: httpx.AsyncClient, clickhouse: ClickHouse, progress: LoadedPositions
) -> None:
    progress.observed(0.0, {})
    click = Click(event_id="e", event_time=1, received_at=1, visitor_id="v", code="AMY")
    await clickhouse.load(EVENTS, [click])
    path = "/v1/reports/funnel?by=code"
    [row] = (await http.get(path, headers=KEY)).json()["rows"]
    for name, read in (("parquet", pl.read_parquet), ("arrow", pl.read_ipc)):
        answer = await http.get(f"{path}&format={name}", headers=KEY)
        frame = read(BytesIO(answer.content))
        assert frame.to_dicts() == [row]
        types = [frame.schema[column] for column in ("clicks", "click_rate", "reward_value")]
        assert types == [pl.Int64(), pl.Float64(), pl.String()]
        assert answer.headers["x-as-of"] == "1970-01-01T00:00:00.000Z"
        empty = await http.get(f"{path}&code=BOB&format={name}", headers=KEY)
        assert read(BytesIO(empty.content)).schema == frame.schema


async def test_an_answer_has_a_tag_that_changes_with_what_is_loaded(
    http: httpx.AsyncClient, progress: LoadedPositions
) -> None:
    path = "/v1/reports/funnel?by=all"
    assert "etag" not in (await http.get(path, headers=KEY)).headers
    progress.observed(0.0, {})
    tag = (await http.get(path, headers=KEY)).headers["etag"]
    asking = {**KEY, "if-none-match": tag}
    again = await http.get(path, headers=asking)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    whatever = await http.get(path, headers={**KEY, "if-none-match": "*"})
    assert whatever.status_code == 304
    assert (await http.get(f"{path}&format=csv", headers=asking)).status_code == 200
    progress.observed(1.0, {})
    assert (await http.get(path, headers=asking)).status_code == 200


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ("nope", 404, "there are attribution, campaigns, categories,"),
        ("funnel?by=planet", 422, "choose of campaign, category, channel, source, code, country"),
        ("funnel?by=code'--", 422, "choose of campaign"),
        ("funnel?from=yesterday", 422, "give a date like 2026-01-31"),
        ("funnel?from=2026-02-01&to=2026-02-01", 422, "must be before"),
        ("funnel?format=xml", 422, "choose of table, json, csv, parquet, arrow"),
    ],
)
async def test_what_cannot_be_answered_is_explained(
    http: httpx.AsyncClient, query: str, status: int, says: str
) -> None:
    answer = await http.get(f"/v1/reports/{query}", headers=KEY)

    assert answer.status_code == status
    assert says in answer.json()["detail"]


async def test_a_failing_query_is_an_error_and_no_more(
    http: httpx.AsyncClient, clickhouse: ClickHouse
) -> None:
    clickhouse.writing.command("RENAME TABLE events TO elsewhere")
    try:
        answer = await http.get("/v1/reports/funnel", headers=KEY)
    finally:
        clickhouse.writing.command("RENAME TABLE elsewhere TO events")

    assert answer.status_code == 500
    assert (await http.get("/v1/reports/funnel", headers=KEY)).status_code == 200


async def test_figures_are_for_prometheus(http: httpx.AsyncClient) -> None:
    assert "reftrail_warehouse_load_seconds_bucket" in (await http.get("/metrics")).text
