"""Overview, reports and facts, on the real engine."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from html import unescape
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from support.clickhouse import ClickHouse
from support.dashboard import KEY, dashboard_app
from support.programme import T0, attributed, campaign, click, code, signup, view

from reftrail.contracts.record import DAY
from reftrail.contracts.topics import ATTRIBUTIONS, CAMPAIGNS, CODES, EVENTS
from reftrail.dashboard import dashboard
from reftrail.reports.catalogue import find
from reftrail.warehouse.placing.placer import Placer

HEADERS = {"authorization": f"Bearer {KEY}", "accept": "text/html"}
PERIOD = "from=2026-09-20&to=2026-09-23"


async def load(clickhouse: ClickHouse) -> None:
    await clickhouse.load(CAMPAIGNS, [campaign("spring"), campaign("<b>autumn</b>")])
    await clickhouse.load(CODES, [code("AMY", "spring"), code("BOB", "<b>autumn</b>")])
    events: list[Any] = [
        view("v1", "AMY"),
        click("v1", "AMY"),
        click("v2", "AMY"),
        click("v3", "BOB"),
        click("v4", "AMY", event_time=T0 - 3 * DAY),
        signup("uma", "v1", event_time=T0 + 60_000),
    ]
    await clickhouse.load(EVENTS, events)
    await clickhouse.load(
        ATTRIBUTIONS, [attributed("uma", "AMY", event_time=T0 + 60_000, campaign_id="spring")]
    )


@pytest.fixture(scope="module")
def app(clickhouse_engine: ClickHouse) -> Starlette:
    """The pages read placed facts, as those of a warehouse do once all is loaded."""
    clickhouse_engine.empty()
    asyncio.run(load(clickhouse_engine))
    placer = Placer(clickhouse_engine.writing, lambda: "2027-01-15T08:00:00.000Z")
    placer.place()
    return dashboard_app(clickhouse_engine, placed=placer)


@pytest.fixture
async def http(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://reports", headers=HEADERS
    ) as client:
        yield client


def figure(page: str, name: str) -> tuple[str, str]:
    """The text of a key figure, and what is said of the period before."""
    found = re.search(
        rf"<h3>{name}</h3>\s*<p class=\"value\">(.*?)</p>\s*<p class=\"change.*?\">(.*?)</p>",
        page,
        re.DOTALL,
    )
    assert found, name
    value, change = (re.sub(r"<.*?>", "", part).strip() for part in found.groups())
    return unescape(value), unescape(change)


async def test_figures_are_those_of_the_reports(http: httpx.AsyncClient) -> None:
    page = (await http.get(f"/?{PERIOD}")).text
    query = f"/v1/reports/funnel?by=all&compare=previous&{PERIOD}"
    [row] = (await http.get(query)).json()["rows"]
    assert (row["clicks"], row["previous_clicks"]) == (3, 1)
    assert figure(page, "Clicks") == ("3", "▲ +200.0%, before: 1")
    assert figure(page, "Sign-ups") == ("1", "▲ none before")
    assert figure(page, "Click to sign-up")[0] == "33.3%"


async def test_a_campaign_filter_narrows_everything(http: httpx.AsyncClient) -> None:
    for path in (f"/?{PERIOD}&campaign=spring", f"/campaigns/spring?{PERIOD}"):
        page = (await http.get(path)).text
        assert figure(page, "Clicks")[0] == "2"
        assert "campaign=spring" in page
    other = (await http.get(f"/campaigns/%3Cb%3Eautumn%3C%2Fb%3E?{PERIOD}")).text
    assert figure(other, "Clicks")[0] == "1"
    assert "<b>autumn" not in other
    assert "&lt;b&gt;autumn" in other


async def test_every_chart_has_its_table_and_its_data(http: httpx.AsyncClient) -> None:
    page = (await http.get(f"/?{PERIOD}")).text
    assert page.count('role="img"') == 1
    assert 'aria-label="Trend, 2026-09-20 to 2026-09-22. Visitors: 3 in all' in page
    for section in re.findall(r'<section class="panel".*?</section>', page, re.DOTALL):
        assert "/sql" in section
        links = [unescape(address) for address in re.findall(r'href="(/v1/reports/.*?)"', section)]
        assert len(links) == 3
        for link in links:
            assert (await http.get(link)).status_code == 200, link
        for link in re.findall(r'href="(/reports/[^"]*)"', section):
            assert (await http.get(unescape(link))).status_code == 200, link


async def test_days_are_those_of_the_viewer(http: httpx.AsyncClient) -> None:
    """The events are at 14:13 UTC on September 21: in Kiritimati, 14 hours ahead, on the 22nd."""
    query = "/?from=2026-09-22&to=2026-09-23"
    assert figure((await http.get(query)).text, "Clicks")[0] == "0"
    zone = {"cookie": "reftrail_zone=Pacific%2FKiritimati"}
    page = (await http.get(query, headers=zone)).text
    assert figure(page, "Clicks")[0] == "3"
    assert "Times are of Pacific/Kiritimati" in page
    named = (await http.get(f"{query}&time_zone=UTC", headers=zone)).text
    assert figure(named, "Clicks")[0] == "0"


async def test_a_figure_leads_to_the_rows_behind_it(http: httpx.AsyncClient) -> None:
    page = (await http.get(f"/?{PERIOD}&campaign=spring")).text
    link = re.search(r'<h3>Clicks</h3>\s*<p class="value"><a href="(.*?)"', page)
    assert link
    rows = (await http.get(unescape(link[1]))).text
    assert "2 facts" in rows
    assert [visitor in rows for visitor in ("v1", "v2", "v3")] == [True, True, False]


async def test_every_report_has_a_page(http: httpx.AsyncClient) -> None:
    listed = (await http.get("/reports")).text
    names = re.findall(r'<a href="(/reports/(\w+)\?[^"]*)"', listed)
    assert len(names) == len((await http.get("/v1/reports")).json()["reports"])
    for link, name in names:
        answer = await http.get(unescape(link))
        assert (answer.status_code, name in answer.text) == (200, True), name
        assert "SELECT" in (await http.get(f"/reports/{name}/sql")).text


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/reports/nope", 404, "there is no report"),
        ("/?from=yesterday", 422, "is not a time"),
        ("/?from=2026-01-02&to=2026-01-01", 422, "must be before"),
        ("/?time_zone=Mars", 422, "there is no time zone"),
        ("/activity?kinds=nope", 422, "there is no kind"),
        ("/reports/funnel?by=planet", 422, "cannot report by"),
        ("/static/nope.css", 404, "no such file"),
        ("/static/__init__.py", 404, "no such file"),
    ],
)
async def test_what_cannot_be_answered_is_explained(
    http: httpx.AsyncClient, path: str, status: int, says: str
) -> None:
    answer = await http.get(path)
    assert answer.status_code == status
    assert says in unescape(answer.text)


async def test_pages_allow_nothing_from_elsewhere_and_nothing_inline(
    http: httpx.AsyncClient,
) -> None:
    for path in ("/", "/signin", "/reports", "/reports/funnel?by=day"):
        answer = await http.get(path)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'self'; script-src 'self'")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert not re.search(r"<script(?! src)|<style|\sstyle=|\son\w+=", answer.text)
        assert answer.headers["cache-control"] == "no-store"


async def test_pages_are_small(http: httpx.AsyncClient) -> None:
    page = await http.get(f"/?{PERIOD}")
    files = set(re.findall(r'(?:href|src)="(/static/[^"]*)"', page.text))
    loaded = [await http.get(file) for file in files]
    assert len(page.content) + sum(len(response.content) for response in loaded) < 200_000
    assert all("immutable" in response.headers["cache-control"] for response in loaded)


async def test_reports_are_asked_for_what_they_can_answer(http: httpx.AsyncClient) -> None:
    """Statements have periods of UTC, and weeks of sign-ups no period before."""
    berlin = f"{PERIOD}&time_zone=Europe/Berlin"
    payouts = await http.get(f"/reports/payouts?{berlin}")
    assert payouts.status_code == 200
    assert "Days are those of UTC" in payouts.text
    for link in re.findall(r'href="(/v1/reports/payouts[^"]*)"', payouts.text):
        assert (await http.get(unescape(link))).status_code == 200, link
    assert "period before" in (await http.get(f"/reports/campaigns?{berlin}")).text
    assert "period before" not in (await http.get(f"/reports/cohorts?{berlin}")).text


async def test_a_list_that_is_cut_short_says_so(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    longer = "from=2026-09-19&to=2026-09-23"
    assert "Only the first" not in (await http.get(f"/reports/codes?{longer}")).text
    found = find("codes")
    short = replace(found, most=1, sql=found.sql.replace("LIMIT 10000", "LIMIT 1"))
    monkeypatch.setattr(dashboard, "find", lambda _: short)
    assert "Only the first 1 are listed" in (await http.get(f"/reports/codes?{PERIOD}")).text


@pytest.mark.parametrize("unknown", ["Etc%2FUnknown", "..%2Fetc", "Europe", "%ff", "x" * 3_000])
async def test_a_browser_zone_that_is_none_here_means_utc(
    http: httpx.AsyncClient, unknown: str
) -> None:
    cookie = {"cookie": f"reftrail_zone={unknown}"}
    answer = await http.get(f"/reports?{PERIOD}", headers=cookie)
    assert answer.status_code == 200
    assert 'name="time_zone" value="UTC"' in (await http.get(f"/?{PERIOD}", headers=cookie)).text


async def test_tables_link_only_to_pages_that_the_key_may_see(http: httpx.AsyncClient) -> None:
    path = f"/reports/funnel?by=code&{PERIOD}"
    assert 'href="/codes/AMY' in (await http.get(path)).text
    reports = {"authorization": "Bearer sk_reports"}
    answer = await http.get(path, headers=reports)
    assert answer.status_code == 200
    assert "AMY" in answer.text
    assert 'href="/codes/' not in answer.text
