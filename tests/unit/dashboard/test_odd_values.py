"""Names that addresses have to quote, and the last time of the calendar, on the real engine."""

import re
from html import escape, unescape
from urllib.parse import parse_qs, quote, urlsplit
from zoneinfo import ZoneInfo

import httpx
import pytest
from support.clickhouse import ClickHouse
from support.dashboard import KEY
from support.dashboard_rewards import AS_OF, load_rewards
from support.programme import code, entry

from reftrail.dashboard.view import figure_text
from reftrail.reports.user_view.history import USUAL
from reftrail.warehouse.placing.placer import Placer

NAMES = ("a%2Fb", "50%?#é", "../b")
LAST = 253_402_300_799_000


@pytest.fixture(scope="module")
def placer(shared_clickhouse: ClickHouse) -> Placer:
    """Each name has earned more than a page shows; what is held for ever waits, too."""
    rewards = [
        entry(f"{nth} of {name}", "AMY", f"u{nth}", value=1_000_000, beneficiary=name)
        for name in NAMES
        for nth in range(USUAL + 1)
    ]
    held = entry("ever", "EVER", "uma", value=1_000_000, status="held", due_at=LAST)
    load_rewards(shared_clickhouse, [code("EVER", "spring", expires_at=LAST)], [*rewards, held])
    placer = Placer(shared_clickhouse.writing, lambda: AS_OF)
    placer.place()
    return placer


@pytest.mark.parametrize("name", NAMES)
async def test_links_of_a_page_about_an_odd_name_lead_to_the_same_page(
    http: httpx.AsyncClient, name: str
) -> None:
    path = f"/users/{quote(name, safe='')}"
    [earlier] = re.findall(r'<a href="([^"]*)">Earlier entries', (await http.get(path)).text)
    answer = await http.get(unescape(earlier))
    assert f"<h1>User {name}</h1>" in unescape(answer.text)
    assert "1.00 USD" in answer.text

    path = f"/campaigns/{quote(name, safe='')}"
    page = (await http.get(path)).text
    [form] = re.findall(r'<form class="filters" method="get" action="([^"]*)"', page)
    preset = re.findall(r'<a href="([^"]*)">7 days', page)[0]
    for link in (form, preset):
        title = f"<h1>Campaign {name}</h1>"
        assert title in unescape((await http.get(unescape(link))).text), link

    http.cookies.clear()
    answer = await http.get(path)
    signed_in = await http.post("/signin", data={"key": KEY, "next": _next(answer)})
    assert (await http.get(signed_in.headers["location"])).text.count(f"Campaign {escape(name)}")


def _next(answer: httpx.Response) -> str:
    """The page to which somebody comes who signs in."""
    return parse_qs(urlsplit(answer.headers["location"]).query)["next"][0]


async def test_the_last_time_that_a_calendar_has_is_shown(http: httpx.AsyncClient) -> None:
    """Codes without an end were given this one, in which no zone ahead of UTC has a time."""
    for path in ("/codes/EVER", "/review", "/rewards/ever"):
        answer = await http.get(f"{path}?time_zone=Asia/Kolkata")
        assert answer.status_code == 200, path


@pytest.mark.parametrize("name", ["at", "ends_at", "since", "until", "counts_from"])
def test_figures_that_are_times_are_shown_as_times(name: str) -> None:
    """`since` of a stopped code and `until` of a holding period were milliseconds."""
    assert figure_text(name, 1_751_932_100_000, ZoneInfo("Europe/Berlin")) == (
        "2025-07-08 01:48:20 +0200"
    )
    assert figure_text("users_24h", 1_751_932_100_000, ZoneInfo("UTC")) == "1751932100000"
    assert figure_text(name, "always", ZoneInfo("UTC")) == "always"
