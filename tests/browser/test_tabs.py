"""Several tabs of one visitor, links of the collector, and forms."""

from collections import Counter
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page

from browser.shop import RunningShop
from reftrail.contracts.events import Click, Event, FormStarted, Identified, View

OPEN_AT_ONCE = "(url) => { for (let tab = 0; tab < 3; tab++) open(url, '_blank') }"


def test_tabs_that_open_at_once_are_one_visitor(shop: RunningShop, page: Page) -> None:
    page.goto(shop.url("/static/shop.css"))
    page.evaluate(OPEN_AT_ONCE, shop.url("/?ref=AMY"))
    views = shop.wait_for(3, View)
    assert len(views) == 3
    [click] = shop.wait_for(1, Click)
    assert {event.visitor_id for event in shop.events()} == {click.visitor_id}


def test_tabs_send_what_waits_once(
    shop: RunningShop, visitor: Callable[..., BrowserContext]
) -> None:
    context = visitor()
    tabs = [context.new_page() for _ in range(3)]
    for tab in tabs:
        tab.goto(shop.url("/"))
    shop.wait_for(3, View)
    context.set_offline(offline=True)
    for tab in tabs:
        tab.evaluate("reftrail.view()")
    tabs[0].wait_for_timeout(400)
    context.set_offline(offline=False)
    assert len(shop.wait_for(6, View)) == 6
    # Without https there are no locks: an event may come twice, and counts once.
    assert max(Counter(event.event_id for event in shop.received()).values()) <= len(tabs)


def test_a_link_of_the_collector_names_the_visitor(shop: RunningShop, page: Page) -> None:
    page.goto(f"{shop.endpoint}/r/AMY")
    assert page.url.startswith(shop.url("/?ref=AMY&ref_click="))
    shop.wait_for(1, View)
    assert len(shop.events(Click)) == 1
    assert len([event for event in shop.received() if isinstance(event, Click)]) == 2
    assert {event.visitor_id for event in shop.events(Event)} == {
        page.evaluate("reftrail.getVisitorId()")
    }


def test_a_form_carries_the_visitor_to_the_server(shop: RunningShop, page: Page) -> None:
    page.goto(shop.url("/?ref=AMY"))
    page.goto(shop.url("/signup"))
    page.get_by_label("Name").fill("uma")
    page.get_by_label("Name").fill("uma2")
    [started] = shop.wait_for(1, FormStarted)
    fields = page.evaluate("Object.fromEntries(new FormData(document.querySelector('#signup')))")
    assert fields == {
        "user": "uma2",
        "code": "",
        "reftrail_visitor_id": started.visitor_id,
        "reftrail_code": "AMY",
    }
    page.evaluate("reftrail.identify('uma'); reftrail.identify('uma')")
    [identified] = shop.wait_for(1, Identified)
    assert (identified.user_id, identified.visitor_id) == ("uma", started.visitor_id)
