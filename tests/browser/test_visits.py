"""Visits of the shop: the first code, views and clicks."""

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
