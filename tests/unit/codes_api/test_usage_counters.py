"""Counters from a warehouse that answers, is slow, is away, or says something else."""

import asyncio

import httpx
import pytest

from reftrail.codes_api import usage_counters
from reftrail.codes_api.usage_counters import Counters, CounterSource

AMY = {"as_of": "2026-09-21T00:00:00Z", "views": 3, "clicks": 2, "users_rewarded": 1}


class Reports:
    """Answers each request with `body`, and keeps what was asked."""

    def __init__(self) -> None:
        self.status, self.body, self.asked = 200, dict(AMY), list[httpx.URL]()
        self.delay = 0.0
        self.now = 0.0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url)
        await asyncio.sleep(self.delay)
        return httpx.Response(self.status, json=self.body)

    def source(self) -> CounterSource:
        http = httpx.AsyncClient(transport=httpx.MockTransport(self), base_url="http://reports")
        return CounterSource(http, lambda: self.now)


async def test_they_are_asked_for_once_in_a_few_seconds() -> None:
    reports = Reports()
    source = reports.source()
    assert await source.of("AMY") == Counters(
        as_of="2026-09-21T00:00:00Z", views=3, clicks=2, users_rewarded=1
    )
    reports.body = {"as_of": "2026-09-21T00:00:05Z", "views": 4}
    assert (await source.of("AMY")).views == 3
    reports.now += usage_counters.FRESH_SECONDS
    assert (await source.of("AMY")).views == 4
    assert len(reports.asked) == 2


async def test_a_code_cannot_lead_elsewhere() -> None:
    reports = Reports()
    await reports.source().of("../x?y=1")
    assert reports.asked[0].raw_path == b"/v1/codes/..%2Fx%3Fy%3D1/counters"


@pytest.mark.parametrize("status", [401, 404, 500])
async def test_without_an_answer_they_are_none_and_nobody_asks_for_a_while(status: int) -> None:
    reports = Reports()
    source = reports.source()
    reports.status = status
    assert await source.of("AMY") == Counters()
    assert await source.of("BOB") == Counters()
    assert len(reports.asked) == 1
    reports.status = 200
    reports.now += 60
    assert (await source.of("AMY")).views == 3


async def test_a_slow_warehouse_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage_counters, "PATIENCE_SECONDS", 0.05)
    reports = Reports()
    reports.delay = 60
    async with asyncio.timeout(30):
        assert await reports.source().of("AMY") == Counters()


async def test_without_a_warehouse_there_are_none() -> None:
    assert await CounterSource(None, lambda: 0.0).of("AMY") == Counters()
