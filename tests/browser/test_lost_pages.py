"""Pages that go offline, are closed while they send, come back, or are never seen."""

from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, Route

from browser.shop import RunningShop
from reftrail.contracts.events import Click, View

EVENTS = "**/v1/events*"


def test_offline_and_back(shop: RunningShop, page: Page) -> None:
    page.goto(shop.url("/"))
    shop.wait_for(1, View)
    page.context.set_offline(offline=True)
    page.evaluate("reftrail.view(); reftrail.formStarted('newsletter')")
    page.wait_for_timeout(500)
    assert len(shop.events()) == 1
    page.context.set_offline(offline=False)
    shop.wait_for(3)
    page.wait_for_timeout(500)
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.includes(':'))") == []


def test_offline_until_the_next_visit(shop: RunningShop, page: Page) -> None:
    page.goto(shop.url("/teapot"))
    shop.wait_for(1, View)
    page.route(EVENTS, lambda route: route.abort())
    page.evaluate("reftrail.view({ properties: { page: 'kept' } })")
    page.wait_for_timeout(500)
    page.unroute(EVENTS)
    page.goto(shop.url("/"))
    views = shop.wait_for(3, View)
    assert '{"page":"kept"}' in [view.properties for view in views]


def test_a_tab_that_is_closed_while_it_sends(
    shop: RunningShop, visitor: Callable[..., BrowserContext]
) -> None:
    context = visitor()
    page = context.new_page()
    held: list[Route] = []
    context.route(EVENTS, lambda route: held.append(route))  # noqa: PLW0108  it sets attributes of it
    page.goto(shop.url("/?ref=AMY"))
    page.wait_for_timeout(600)
    assert held
    page.close()
    context.unroute(EVENTS)  # Chromium may let through what it still held, or not
    context.new_page().goto(shop.url("/teapot"))
    [click] = shop.wait_for(1, Click)
    assert click.code == "AMY"
    assert len(shop.wait_for(2, View)) == 2


def test_a_tab_that_is_closed_at_once(
    shop: RunningShop, visitor: Callable[..., BrowserContext]
) -> None:
    page = visitor().new_page()
    page.goto(shop.url("/?ref=AMY"), wait_until="domcontentloaded")
    page.close(run_before_unload=True)
    [click] = shop.wait_for(1, Click)
    assert click.code == "AMY"


def test_a_page_out_of_the_back_forward_cache(shop: RunningShop, page: Page) -> None:
    page.goto(shop.url("/"))
    page.evaluate("window.before = true")
    shop.wait_for(1, View)
    page.goto(shop.url("/teapot"))
    shop.wait_for(2, View)
    page.go_back()
    shop.wait_for(3, View)
    # With or without the cache, a page that is seen again is a view, once.
    page.wait_for_timeout(600)
    assert len(shop.events(View)) == 3


def test_navigation_within_the_page(shop: RunningShop, page: Page) -> None:
    page.goto(shop.url("/"))
    page.evaluate("history.pushState({}, '', '/teapot?size=2')")
    page.evaluate("history.replaceState({}, '', '/teapot?size=2')")
    shop.wait_for(2, View)
    page.evaluate("history.back()")
    shop.wait_for(3, View)
    page.evaluate("history.pushState({}, '', '/?ref=BOB')")
    [click] = shop.wait_for(1, Click)
    assert click.code == "BOB"
    assert len(shop.wait_for(4, View)) == 4


def test_the_server_that_is_away_is_asked_again(shop: RunningShop, page: Page) -> None:
    answers = iter([503, 500])

    def answer(route: Route) -> None:
        status = next(answers, None)
        if status is None:
            route.continue_()
        else:
            route.fulfill(status=status, headers={"access-control-allow-origin": "*"})

    page.route(EVENTS, answer)
    page.goto(shop.url("/?ref=AMY"))
    page.wait_for_timeout(4000)  # pauses of at most 1 and 2 s; the handler runs meanwhile
    assert len(shop.events(Click)) == len(shop.events(View)) == 1
    assert next(answers, None) is None
