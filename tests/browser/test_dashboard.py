"""The dashboard in headless Chromium: clicked through on a phone and a desktop, light and dark."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from support.clickhouse import ClickHouse
from support.dashboard import (
    KEY,
    Collector,
    dashboard_app,
    engine,
    load_programme,
    parts,
)
from support.dashboard_rewards import AS_OF
from support.http_server import served
from support.programme import entry

from reftrail.contracts.topics import REWARDS
from reftrail.warehouse.placing.placer import Placer

AXE = Path(__file__).parents[2] / "producers/javascript/node_modules/axe-core/axe.min.js"
PERIOD = "from=2025-10-01&to=2026-01-01"
SIZES = {"desktop": (1440, 900, "light"), "phone": (390, 844, "dark")}
PATHS = (
    f"/?{PERIOD}", "/reports", f"/reports/funnel?by=day&{PERIOD}", f"/activity?{PERIOD}",
    f"/rewards?{PERIOD}", "/rewards/waiting", "/review", f"/fraud?{PERIOD}",
    f"/reconciliation?{PERIOD}", f"/quality?{PERIOD}", f"/forecast?{PERIOD}",
    "/live", f"/campaigns/friends?{PERIOD}",
    "/users/owner-7",
)  # fmt: skip
DRAWN = "[...document.images].every(image => image.complete && image.naturalWidth > 0)"
EVIDENCE = '[{"figures":{"users":9},"reason":"same_device","weight":60}]'


@pytest.fixture(scope="module")
def collector() -> Collector:
    return Collector()


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[str]:
    with engine(tmp_path_factory.mktemp("dashboard")) as clickhouse:
        with ThreadPoolExecutor(1) as other:  # Playwright's loop runs in this thread
            other.submit(asyncio.run, _load(clickhouse)).result()
        given = parts(send_review=collector.sender())
        placer = Placer(clickhouse.writing, lambda: AS_OF)
        placer.place()
        with served(lambda: dashboard_app(clickhouse, given, placed=placer)) as url:
            yield url


async def _load(clickhouse: ClickHouse) -> None:
    await load_programme(clickhouse)
    held: dict[str, Any] = {
        "status": "held",
        "beneficiary": "owner-7",
        "reasons": ["same_device"],
        "score": 60,
    }
    waiting = entry("waiting", "AMY", "uma", value=5_000_000, evidence=EVIDENCE, **held)
    await clickhouse.load(REWARDS, [waiting])


@pytest.fixture(params=SIZES)
def viewer(request: pytest.FixtureRequest, browser: Browser, dashboard: str) -> Iterator[Page]:
    """Somebody in Berlin who has signed in; whatever the console says fails the test."""
    width, height, scheme = SIZES[request.param]
    context: BrowserContext = browser.new_context(
        base_url=dashboard,
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        timezone_id="Europe/Berlin",
    )
    page, said = context.new_page(), []
    page.set_default_timeout(60_000)
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto("/")
    page.get_by_label("Secret API key").fill(KEY)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Overview").wait_for()
    yield page
    context.close()
    assert said == []


def test_every_page_fits_and_is_accessible(viewer: Page) -> None:
    for path in PATHS:
        answer = viewer.goto(path)
        assert answer is not None
        assert answer.status == 200, path
        overflow = viewer.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert overflow <= 0, path
        assert serious(viewer) == [], path


def links_of(viewer: Page, dashboard: str, user: str) -> list[str]:
    """The page and the widget of a user."""
    made = viewer.request.post(
        f"{dashboard}/v1/users/{user}/links",
        headers={"authorization": f"Bearer {KEY}"},
        data={"share_url": "https://events.shop.example/r/{code}"},
    )
    assert made.status == 201
    link = made.json()
    return [link["page"], link["widget"]]


def wait_until_drawn(page: Page) -> None:
    """Wait for all images. `wait_for_function` evaluates texts there, and the policy forbids it."""
    for _ in range(600):
        if page.evaluate(DRAWN):
            return
        page.wait_for_timeout(50)
    pytest.fail("there are images that were not drawn within 30 s")


def test_the_user_page_fits_and_is_accessible(viewer: Page, dashboard: str) -> None:
    for path in links_of(viewer, dashboard, "owner-7"):
        answer = viewer.goto(path)
        assert answer is not None
        assert answer.status == 200
        assert viewer.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        wait_until_drawn(viewer)
        assert serious(viewer) == [], path


def test_a_user_sees_the_place_that_the_leaderboard_says(viewer: Page, dashboard: str) -> None:
    answer = viewer.request.get(
        f"{dashboard}/v1/leaderboard?campaign=friends&limit=1000",
        headers={"authorization": f"Bearer {KEY}"},
    )
    leaders = answer.json()["leaders"]
    for leader in (leaders[0], leaders[-1]):
        for path in links_of(viewer, dashboard, leader["user_id"]):
            viewer.goto(path)
            figure = viewer.get_by_role("listitem").filter(
                has=viewer.get_by_role("heading", name="Leaderboard")
            )
            assert figure.locator(".value").inner_text() == f"#{leader['rank']} in friends"
            assert figure.is_visible()
            assert serious(viewer) == [], path


def test_little_is_loaded_and_from_here_alone(viewer: Page, dashboard: str) -> None:
    viewer.goto(f"/?{PERIOD}")
    loaded = viewer.evaluate(
        "performance.getEntries().filter(one => 'transferSize' in one)"
        ".map(one => [one.name, one.encodedBodySize])"
    )
    assert all(name.startswith(dashboard) for name, _ in loaded)
    assert sum(size for _, size in loaded) < 200_000


def test_from_a_figure_to_its_rows_to_a_reward(viewer: Page) -> None:
    viewer.goto(f"/?{PERIOD}")
    assert viewer.get_by_label("Time zone").input_value() == "Europe/Berlin"
    viewer.get_by_role("img", name="Trend").wait_for()
    figure = viewer.locator(".figures li", has_text="Rewards granted").first
    count = figure.locator(".value").inner_text()
    assert int(count) > 0
    figure.get_by_role("link").click()
    viewer.get_by_role("heading", name="facts", exact=False).first.wait_for()
    viewer.get_by_role("link", name="granted").first.click()
    viewer.get_by_role("heading", name="Rewards", exact=True).wait_for()
    viewer.get_by_role("link", name="signup, referrer").or_(
        viewer.get_by_role("link", name="signup, referee")
    ).or_(viewer.get_by_role("link", name="purchase", exact=False)).first.click()
    viewer.get_by_role("heading", name="Entries of the ledger").wait_for()
    viewer.get_by_text("is attributed to").wait_for()


def test_a_reviewer_approves_by_keyboard(viewer: Page, collector: Collector) -> None:
    before = len(collector.taken)
    viewer.goto("/review")
    form = viewer.get_by_role("form", name="Decide on waiting")
    viewer.get_by_text("same device").first.wait_for()
    form.get_by_label("Reason").fill("false_positive")
    viewer.keyboard.press("Tab")
    viewer.keyboard.type("a shared family phone")
    viewer.keyboard.press("Tab")
    viewer.keyboard.press("Enter")
    viewer.get_by_role("status").filter(has_text="Sent: approve").wait_for()
    [(key, sent)] = collector.taken[before:]
    assert key == KEY
    assert (sent["reward_id"], sent["decision"]) == ("waiting", "approve")
    assert (sent["reason"], sent["note"]) == ("false_positive", "a shared family phone")


def test_the_first_stop_of_the_keyboard_skips_to_the_content(viewer: Page) -> None:
    viewer.goto("/reports")
    viewer.keyboard.press("Tab")
    assert viewer.evaluate("document.activeElement.textContent") == "Skip to the content"
    viewer.keyboard.press("Enter")
    assert viewer.url.endswith("#main")


def test_signing_out_ends_it(viewer: Page) -> None:
    viewer.get_by_role("button", name="Sign out").click()
    viewer.get_by_label("Secret API key").wait_for()
    viewer.goto("/reports")
    assert "/signin?next=" in viewer.url


def serious(page: Page) -> list[str]:
    """Serious findings of axe on a page."""
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run().then(result => result.violations)")
    return [
        f"{violation['id']}: {violation['nodes'][0]['html'][:120]}"
        for violation in found
        if violation["impact"] in ("serious", "critical")
    ]
