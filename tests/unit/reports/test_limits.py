"""Reports of many rows, and many reports at once."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Final

import httpx
import pytest
from support.authorizing import authorizing
from support.clickhouse import ClickHouse
from support.http_server import served
from support.metrics import wait_until
from support.programme import T0, click, code

from reftrail.contracts.record import DAY
from reftrail.contracts.topics import CODES, EVENTS
from reftrail.reports import catalogue
from reftrail.reports.catalogue import ask, find
from reftrail.reports.parameters import asked
from reftrail.reports.questions import BadQuestion, question
from reftrail.reports.rendering import as_table
from reftrail.warehouse.http import application
from reftrail.warehouse.metrics import WarehouseMetrics
from reftrail.warehouse.progress import LoadedPositions


class SlowClickHouse:
    """A connection on which each report takes until it is let go, and has no rows."""

    def __init__(self) -> None:
        self.is_let_go = threading.Event()

    def query(self, *_: object, **__: object) -> "SlowClickHouse":
        assert self.is_let_go.wait(60)
        return self

    def named_results(self) -> list[dict[str, Any]]:
        return []


class PromptClickHouse:
    """A connection on which every lookup finds nothing at once."""

    def raw_query(self, *_: object, **__: object) -> bytes:
        return b""


@pytest.fixture
def slow() -> Any:
    return SlowClickHouse()


@pytest.fixture
def http(slow: Any) -> Iterator[httpx.Client]:
    def app() -> object:
        prompt: Any = PromptClickHouse()
        return application(slow, prompt, authorizing("sk"), LoadedPositions(), WarehouseMetrics())

    headers = {"authorization": "Bearer sk"}
    with served(app) as url, httpx.Client(base_url=url, headers=headers, timeout=90) as client:
        yield client


def test_many_reports_at_once_hold_no_lookup_up(http: httpx.Client, slow: SlowClickHouse) -> None:
    with ThreadPoolExecutor(30) as threads:
        reports = [threads.submit(http.get, "/v1/reports/funnel") for _ in range(30)]
        wait_until(lambda: any(report.done() for report in reports), seconds=180)
        http.get("/v1/users/amy/rewards")
        assert not all(report.done() for report in reports)
        slow.is_let_go.set()
    statuses = [report.result().status_code for report in reports]
    assert set(statuses) == {200, 503}
    assert statuses.count(200) >= 16
    crowded = next(report.result() for report in reports if report.result().status_code == 503)
    assert crowded.headers["retry-after"] == "5"


async def test_a_report_of_too_many_rows_says_what_to_do(
    clickhouse: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    await clickhouse.load(EVENTS, [click("v", f"C{n}") for n in range(30)])
    monkeypatch.setitem(catalogue._LIMITS, "max_result_rows", 20)
    with pytest.raises(BadQuestion, match="rows; ask for a shorter period"):
        ask(clickhouse.reading, find("funnel"), question(["code"], None, None), None)
    assert len(ask(clickhouse.reading, find("funnel"), question([], None, None), None).rows) == 1


DAYS: Final = {"from": ["2026-09-21"], "to": ["2026-09-22"], "compare": ["previous"]}


async def test_a_list_that_is_cut_short_is_not_compared(clickhouse: ClickHouse) -> None:
    """A code that one side has left out would have zeros there."""
    await clickhouse.load(CODES, [code(name, "spring") for name in ("A", "B", "C")])
    found = find("codes")
    short = replace(found, most=2, sql=found.sql.replace("LIMIT 10000", "LIMIT 2"))
    assert short.sql != found.sql
    period = {name: DAYS[name] for name in ("from", "to")}
    listed = ask(clickhouse.reading, short, asked(short, period), None)
    assert (len(listed.rows), listed.only_first) == (2, 2)
    assert "Only the first 2 are listed" in as_table(short, listed)
    narrowed = asked(short, period | {"code": ["C"]})
    assert ask(clickhouse.reading, short, narrowed, None).only_first is None
    with pytest.raises(BadQuestion, match="only the first 2, which can't be compared"):
        ask(clickhouse.reading, short, asked(short, DAYS), None)
    whole = ask(clickhouse.reading, find("codes"), asked(find("codes"), DAYS), None).rows
    assert [row["previous_clicks"] for row in whole] == [0, 0, 0]


async def test_both_periods_together_keep_to_the_limit(
    clickhouse: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = [click("v", name, event_time=T0 - DAY) for name in ("C", "D")]
    await clickhouse.load(EVENTS, [click("v", "A"), click("v", "B"), *earlier])
    wanted = asked(find("funnel"), {**DAYS, "by": ["code"]})
    assert len(ask(clickhouse.reading, find("funnel"), wanted, None).rows) == 4
    monkeypatch.setattr(catalogue, "MOST_ROWS", 3)
    with pytest.raises(BadQuestion, match="rows; ask for a shorter period"):
        ask(clickhouse.reading, find("funnel"), wanted, None)
