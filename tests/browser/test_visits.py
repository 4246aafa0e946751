"""Visits of the shop: the first code, views and clicks."""

import time
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page

from browser.shop import RunningShop
from reftrail.contracts.events import Click, View

Visitors = Callable[..., BrowserContext]

ATTRIBUTION = "reftrail.getAttribution()"


def test_a_shared_link_keeps_its_code_and_counts_once(shop: RunningShop, page: Page) -> None:
    page.goto(shop.url("/?ref=AMY"))
    page.reload()
    page.goto(shop.url("/teapot"))
    shop.wait_for(3, View)
    [click] = shop.events(Click)
    views = shop.events(View)
    assert (click.code, click.code_known) == ("AMY", True)
    assert [view.code for view in views] == ["AMY", "AMY", None]
    assert {view.visitor_id for view in views} == {click.visitor_id}
    assert page.evaluate(ATTRIBUTION)["code"] == "AMY"
    assert not click.is_bot


def test_the_first_code_stays_when_a_second_comes(shop: RunningShop, page: Page) -> None:
    page.goto(shop.url("/?ref=AMY"))
    first = page.evaluate(ATTRIBUTION)
    page.goto(shop.url("/?ref=BOB"))
    shop.wait_for(2, Click)
    assert page.evaluate(ATTRIBUTION) == first
    assert [click.code for click in shop.events(Click)] == ["AMY", "BOB"]


def test_the_visitor_is_the_same_on_all_hosts_of_the_site(shop: RunningShop, page: Page) -> None:
    page.goto(shop.url("/?ref=AMY"))
    page.goto(shop.url("/teapot", host="blog"))
    first, second = shop.wait_for(2, View)
    assert first.visitor_id == second.visitor_id
    assert page.evaluate(ATTRIBUTION)["code"] == "AMY"


def test_the_page_is_painted_before_the_script_is_there(shop: RunningShop, page: Page) -> None:
    page.goto(shop.url("/?ref=AMY"))
    shop.wait_for(1, View)
    blocking = page.evaluate(
        "performance.getEntriesByType('resource')"
        ".filter((entry) => entry.renderBlockingStatus == 'blocking')"
        ".map((entry) => new URL(entry.name).pathname)"
    )
    assert blocking == ["/static/shop.css"]


def test_a_year_s_cookie_of_the_collector_outlives_what_scripts_stored(
    shop: RunningShop, page: Page
) -> None:
    """Safari deletes what scripts have stored after seven days without a visit."""
    page.goto(f"{shop.endpoint}/r/AMY")
    [first] = shop.wait_for(1, View)
    context = page.context
    kept = [cookie for cookie in context.cookies() if cookie["name"] == "reftrail_visitor"]
    assert all(cookie["expires"] > time.time() + 360 * 86_400 for cookie in kept)
    context.clear_cookies()
    context.add_cookies(kept)
    page.evaluate("localStorage.clear()")
    page.goto(shop.url("/signup"))
    assert shop.wait_for(2, View)[-1].visitor_id == first.visitor_id
