"""Pages about rewards, codes and users, and for watching, on the real engine."""

import re
from html import unescape
from urllib.parse import quote

import httpx
import pytest
from support.clickhouse import ClickHouse
from support.dashboard import KEY, dashboard_app, parts

from reftrail.contracts.errors import ExpectedError
from reftrail.dashboard.view import ZONE_COOKIE
from reftrail.reports.explain.explanation import Explanation
from reftrail.warehouse.placing.placer import Placer

PERIOD = "from=2026-09-01&to=2026-10-01"


async def test_rewards_are_listed_by_status_user_and_code(http: httpx.AsyncClient) -> None:
    for query, rewards in {
        "": {"r1", "r2", "r3"},
        "&status=held": {"r1"},
        "&user=amy": {"r1", "r3"},
        "&user=vic": {"r2"},
        "&code=amy&status=granted": {"r3"},
        "&campaign=autumn": set(),
    }.items():
        page = (await http.get(f"/rewards?{PERIOD}{query}")).text
        assert set(re.findall(r'href="/rewards/(r\d)"', page)) == rewards, query
    answer = await http.get("/rewards?status=nope")
    assert (answer.status_code, "there is no status" in answer.text) == (422, True)


async def test_a_reward_shows_its_entries_evidence_decisions_and_what_led_to_it(
    http: httpx.AsyncClient,
) -> None:
    page = (await http.get("/rewards/r2?time_zone=Europe/Berlin")).text
    assert page.index("<b>held</b>") < page.index("<b>rejected</b>")
    assert "owner device" in page
    assert "<ab>" not in page
    assert "&lt;ab&gt;, seen at 2026-09-21 16:13:20 +0200" in page
    assert "<b>decline</b> by ann" in page
    assert "&lt;i&gt;seen&lt;/i&gt;" in page
    page = (await http.get("/rewards/r1")).text
    assert "User uma is attributed to AMY by first touch" in page
    assert "<b>attributed</b> to AMY" in page
    assert (await http.get("/rewards/nope")).status_code == 404


async def test_a_code_and_a_user_have_pages(http: httpx.AsyncClient) -> None:
    page = (await http.get(f"/codes/amy?{PERIOD}")).text
    assert "Code AMY" in page
    assert 'href="/users/amy"' in page
    assert "<h3>Clicks</h3>" in page
    assert "Nobody has registered" in (await http.get("/codes/NOPE")).text
    page = (await http.get("/users/amy")).text
    assert "9.00 <small>USD" in page
    assert 'href="/rewards/r3"' in page
    assert "Has earned nothing" in (await http.get("/users/a%2Fb")).text


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
async def test_every_reward_of_a_user_is_found_in_each_time_zone(
    http: httpx.AsyncClient, zone: str
) -> None:
    """And from there the pages with a comparison, about the same period."""
    http.cookies[ZONE_COOKIE] = quote(zone, safe="")
    page = (await http.get("/users/amy")).text
    [every] = re.findall(r'<a href="([^"]*)">Every reward', page)
    answer = await http.get(unescape(every))
    assert (answer.status_code, 'href="/rewards/r3"' in answer.text) == (200, True)
    [quality] = re.findall(r'<a href="([^"]*)">Data quality', answer.text)
    assert (await http.get(unescape(quality))).status_code == 200


@pytest.mark.parametrize(
    "path", ["/fraud", "/reconciliation", "/quality", "/forecast", "/live", "/live/rows"]
)
async def test_pages_for_watching(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(f"{path}?{PERIOD}")
    assert answer.status_code == 200
    says = {
        "/fraud": "owner_device", "/reconciliation": "Checks", "/quality": "p95 lag seconds",
        "/forecast": "No forecast: ",
    }  # fmt: skip
    assert says.get(path, "sign") in answer.text
    await http.post("/signin", data={"key": "sk_reports"})
    allowed = path not in ("/live", "/live/rows")
    assert (await http.get(f"{path}?{PERIOD}")).status_code == (200 if allowed else 403)


async def test_an_explanation_without_kafka_says_that_it_is_away(
    shared_clickhouse: ClickHouse, placer: Placer
) -> None:
    def explain(*_: object) -> Explanation:
        raise ExpectedError("Kafka at broker:9092 does not answer")

    made = dashboard_app(shared_clickhouse, parts(explain=explain), placed=placer)
    app = httpx.ASGITransport(app=made)
    keys = {"authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(transport=app, base_url="http://r", headers=keys) as client:
        answer = await client.get("/rewards/r1/explanation", headers={"accept": "text/html"})
    assert answer.status_code == 503
    assert "Kafka at broker:9092 does not answer" in answer.text
