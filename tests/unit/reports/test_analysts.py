"""Queries and exports of analysts: what they give, and what they never do."""

import asyncio
import csv
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import httpx
import polars as pl
import pytest
from clickhouse_connect.driver.client import Client
from starlette.requests import Request
from support.authorizing import authorizing
from support.clickhouse import ClickHouse
from support.programme import T0, click, entry

from reftrail.contracts.record import DAY
from reftrail.contracts.topics import EVENTS, REWARDS
from reftrail.reports.analysts import routes as analyst_routes
from reftrail.reports.analysts.export import Exported
from reftrail.reports.analysts.routes import Analysts
from reftrail.reports.analysts.sql_query import LONGEST, answer
from reftrail.reports.formula_safety import LEADING, formula_safe, formula_safe_sql
from reftrail.reports.questions import BadQuestion
from reftrail.warehouse.clickhouse import connect_for_analysts
from reftrail.warehouse.definitions import VIEWS
from reftrail.warehouse.http import application
from reftrail.warehouse.metrics import WarehouseMetrics
from reftrail.warehouse.progress import LoadedPositions

KEY = {"authorization": "Bearer sk"}
FORMULA = "=HYPERLINK(1)"


@pytest.fixture
def sql(shared_clickhouse: ClickHouse) -> Iterator[Client]:
    client = connect_for_analysts(shared_clickhouse.path, None)
    yield client
    client.close()


@pytest.fixture
async def http(
    shared_clickhouse: ClickHouse, sql: Client, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    progress = LoadedPositions()
    reading = shared_clickhouse.reading
    analysts = Analysts(sql, reading, VIEWS, tmp_path, progress.as_of_text)
    app = application(
        reading, reading, authorizing("sk"), progress, WarehouseMetrics(), analysts=analysts
    )
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://r", headers=KEY) as client:
        yield client


@pytest.fixture(scope="module")
def loaded(shared_clickhouse: ClickHouse) -> ClickHouse:
    asyncio.run(load(shared_clickhouse))
    return shared_clickhouse


async def load(clickhouse: ClickHouse) -> None:
    clicks = [click(f"v{n}", FORMULA, event_time=T0 + n * DAY) for n in range(3)]
    await clickhouse.load(EVENTS, [*clicks, *clicks])
    ledger = [entry("r", "AMY", "uma", value=value, status="reversed") for value in (7, 2)]
    await clickhouse.load(REWARDS, ledger)


async def test_a_query_gives_columns_and_rows(http: httpx.AsyncClient, loaded: ClickHouse) -> None:
    query = "SELECT code, count() AS n -- of all\nFROM v_events GROUP BY code;"

    found = (await http.post("/v1/sql", json={"query": query})).json()

    assert [column["name"] for column in found["columns"]] == ["code", "n"]
    assert found["rows"] == [[FORMULA, 3]]


@pytest.mark.parametrize(
    "query",
    [
        "WITH x AS (SELECT 1 AS n) SELECT n FROM x",
        "(SELECT 1) UNION ALL SELECT 2",
        "SELECT 'file(' AS text, format('{}', 1)",
        "SELECT number FROM numbers(3)",
    ],
)
def test_selects_of_all_kinds_are_answered(sql: Client, query: str) -> None:
    assert answer(sql, query).rows


@pytest.mark.parametrize(
    "query",
    [
        "INSERT INTO events (event_id) VALUES ('x')",
        "DROP VIEW v_events",
        "ALTER TABLE events DELETE WHERE 1",
        "KILL QUERY WHERE 1",
        "SYSTEM STOP MERGES",
        "SET readonly = 0",
        "SELECT 1; DROP TABLE events",
        "SELECT 1) ; DROP TABLE events; SELECT * FROM (SELECT 1",
        "SELECT 1 SETTINGS readonly = 0",
        "SELECT * FROM events INTO OUTFILE '{path}'",
        "SELECT file('/etc/hostname')",
        "SELECT FILE('/etc/hostname')",
        "SELECT `\\x66ile`('/etc/hostname')",
        "SELECT fi/**/le('/etc/hostname')",
        "SELECT arrayMap(x -> file(x), ['/etc/hostname'])",
        "SELECT * APPLY(file) FROM (SELECT '/etc/hostname' AS a)",
        "SELECT * FROM file('/etc/hostname', 'LineAsString')",
        "SELECT * FROM '/etc/hostname'",
        "SELECT * FROM `/etc/hostname`",
        "SELECT 1 IN `/etc/hostname`",
        "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
        "SELECT * FROM s3('http://127.0.0.1:1/bucket/key', 'CSV', 'a String')",
        "SELECT 1 IN s3('http://127.0.0.1:1/bucket/key', 'CSV', 'a String')",
        "SELECT * FROM `s3` ('http://127.0.0.1:1/bucket/key', 'CSV', 'a String')",
        "SELECT * FROM remote('127.0.0.1', 'system', 'one')",
        "SELECT * FROM executable('id', 'LineAsString', 'x String')",
        "SELECT * FROM mysql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
        "SELECT * FROM numbers(1000000)",
        "SELECT nonsense",
        "",
        "SELECT" + " " * LONGEST,
    ],
)
async def test_everything_else_is_refused(
    http: httpx.AsyncClient, loaded: ClickHouse, tmp_path: Path, query: str
) -> None:
    target = tmp_path / "written"

    answered = await http.post("/v1/sql", json={"query": query.replace("{path}", str(target))})

    assert answered.status_code == 422, answered.text
    assert answered.json()["detail"]
    assert not target.exists()
    assert loaded.rows("SELECT count() FROM v_events") == [(3,)]


def test_the_connection_itself_writes_nothing(sql: Client) -> None:
    """Whatever the check of a query's text overlooks."""
    for command in ("DROP VIEW v_events", "TRUNCATE TABLE events", "SET readonly = 0"):
        with pytest.raises(Exception, match="readonly"):
            sql.command(command)


def test_the_error_says_what_can_be_asked(sql: Client) -> None:
    with pytest.raises(BadQuestion, match=r"only SELECT.*system\.tables"):
        answer(sql, "SHOW TABLES")
    with pytest.raises(BadQuestion, match="nonsense"):
        answer(sql, "SELECT nonsense")


async def test_a_body_without_a_query_is_refused(http: httpx.AsyncClient) -> None:
    answered = await http.post("/v1/sql", content=b"SELECT 1")

    assert (answered.status_code, "query" in answered.json()["detail"]) == (422, True)


async def exported(http: httpx.AsyncClient, view: str, **query: str) -> bytes:
    answered = await http.get(f"/v1/exports/{view}", params=query)
    assert answered.status_code == 200, answered.text
    assert len(answered.content) == int(answered.headers["content-length"])
    return answered.content


async def test_a_view_as_parquet_keeps_its_types(
    http: httpx.AsyncClient, loaded: ClickHouse, tmp_path: Path
) -> None:
    found = pl.read_parquet(BytesIO(await exported(http, "v_events")))

    assert found["code"].to_list() == [FORMULA] * 3
    assert found.schema["event_time"] == pl.Datetime("ms", "UTC")
    assert not any(tmp_path.iterdir())  # noqa: ASYNC240  (the directory of one test)


async def test_csv_is_safe_against_formulas(http: httpx.AsyncClient, loaded: ClickHouse) -> None:
    events = _rows(await exported(http, "v_events", format="csv"))
    rewards = _rows(await exported(http, "v_rewards", format="csv"))

    assert {event["code"] for event in events} == {f"'{FORMULA}"}
    assert sorted(reward["effect_micros"] for reward in rewards) == ["-2", "-7"]


@pytest.mark.parametrize("leading", [*LEADING, "a", " ", "1", "é", "\uff1c", ""])
def test_exports_and_reports_take_the_same_texts_for_formulas(sql: Client, leading: str) -> None:
    text = f"{leading}HYPERLINK(1)"

    (found,) = answer(sql, f"SELECT {formula_safe_sql(f'unhex({text.encode().hex()!r})')}").rows

    assert found == [formula_safe(text)]
    assert (found[0] == text) is (leading not in LEADING)


async def test_what_is_null_is_an_empty_cell_of_csv(
    http: httpx.AsyncClient, loaded: ClickHouse
) -> None:
    """As in reports: a spreadsheet takes a mark of null for text, and the column for no numbers."""
    content = await exported(http, "v_events", format="csv")

    assert b"\\N" not in content
    frame = pl.read_csv(BytesIO(content))
    assert frame["amount_micros"].null_count() == frame.height == 3


async def test_an_export_of_a_period(http: httpx.AsyncClient, loaded: ClickHouse) -> None:
    period = {"from": "2026-09-22", "to": "2026-09-23"}

    found = pl.read_parquet(BytesIO(await exported(http, "v_events", **period)))

    assert found["visitor_id"].to_list() == ["v1"]


@pytest.mark.parametrize("view", VIEWS)
async def test_every_view_can_be_exported(
    http: httpx.AsyncClient, loaded: ClickHouse, view: str
) -> None:
    parquet = await exported(http, view, format="parquet")
    rows = _rows(await exported(http, view, format="csv"))

    assert pl.read_parquet(BytesIO(parquet)).height == len(rows)
    assert [(len(rows),)] == loaded.rows(f"SELECT count() FROM {view}")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/v1/exports/events", "there are v_events"),
        ("/v1/exports/v_events?format=xls", "choose of parquet, csv"),
        ("/v1/exports/v_events?form=csv", "there are format, from, to"),
        ("/v1/exports/v_events?format=csv&format=csv", "give it once"),
        ("/v1/exports/v_codes?from=2026-01-01", "v_codes has no period"),
    ],
)
async def test_what_can_t_be_exported_is_said(
    http: httpx.AsyncClient, path: str, said: str
) -> None:
    answered = await http.get(path)

    assert answered.status_code == 422
    assert said in answered.json()["detail"]


def _rows(content: bytes) -> list[dict[str, Any]]:
    return list(csv.DictReader(StringIO(content.decode())))


async def test_exports_that_wait_for_each_other_hold_up_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The loop's own threads load, and say whether the host is ready."""
    goes_on = threading.Event()

    @contextmanager
    def waiting(*_: Any) -> Iterator[Exported]:
        goes_on.wait(60)
        yield Exported(0, iter([]))

    monkeypatch.setattr(analyst_routes, "exported", waiting)
    analysts = Analysts(Mock(Client), Mock(Client), ["v_events"], None, lambda: None)
    scope = {
        "type": "http",
        "path_params": {"view": "v_events"},
        "query_string": b"",
        "headers": [],
    }
    exports = [asyncio.create_task(analysts.exported(Request(scope))) for _ in range(40)]
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        assert await asyncio.to_thread(int, "7") == 7
    goes_on.set()
    assert {answer.status_code for answer in await asyncio.gather(*exports)} == {200}
