"""Visitors who refuse, agree, change their minds, or block cookies."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Page

from browser.shop import RunningShop, running_shop
from reftrail.contracts.events import Click, View

STORED = (
    "[document.cookie, ...Object.keys(localStorage)].filter((key) => /reftrail/.test(key)).join()"
)
CONTROL = "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => true })"


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningShop]:
    """A shop that asks its visitors first."""
    with running_shop(tmp_path_factory.mktemp("asking"), asks_consent=True) as running:
        yield running


@pytest.fixture
def requests(page: Page) -> list[str]:
    """Requests of the page for the collector."""
    made: list[str] = []
    page.on("request", lambda request: made.append(request.url) if "/v1/" in request.url else None)
    return made


def test_nothing_before_an_answer(asking: RunningShop, page: Page, requests: list[str]) -> None:
    asking.forget()
    page.goto(asking.url("/?ref=AMY"))
    page.goto(asking.url("/signup?ref=AMY"))
    page.get_by_label("Name").fill("uma")
    page.wait_for_timeout(600)
    page.goto(asking.url("/teapot"))
    assert page.evaluate(STORED) == ""
    assert requests == []
    assert page.evaluate("reftrail.getAttribution()") is None


def test_refused_then_given(asking: RunningShop, page: Page, requests: list[str]) -> None:
    asking.forget()
    page.goto(asking.url("/?ref=AMY"))
    page.get_by_role("button", name="No").click()
    page.evaluate("reftrail.view()")
    page.wait_for_timeout(600)
    assert (page.evaluate(STORED), requests) == ("", [])
    page.evaluate("reftrail.consent(true)")
    [click] = asking.wait_for(1, Click)
    assert click.code == "AMY"
    assert page.evaluate("reftrail.getAttribution()")["code"] == "AMY"
    page.evaluate("reftrail.view()")
    assert len(asking.wait_for(1, View)) == 1


def test_given_then_withdrawn(asking: RunningShop, page: Page, requests: list[str]) -> None:
    asking.forget()
    page.goto(asking.url("/?ref=AMY"))
    page.get_by_role("button", name="Yes").click()
    asking.wait_for(2)
    page.evaluate("reftrail.view(); reftrail.consent(false); reftrail.view()")
    page.wait_for_timeout(600)
    assert len(asking.events()) == 2
    assert page.evaluate(STORED) == ""


def test_global_privacy_control(shop: RunningShop, page: Page, requests: list[str]) -> None:
    page.add_init_script(CONTROL)
    page.goto(shop.url("/?ref=AMY"))
    page.evaluate("reftrail.view()")
    page.wait_for_timeout(600)
    assert (page.evaluate(STORED), requests) == ("", [])
    page.evaluate("reftrail.consent(true)")
    assert len(shop.wait_for(2, View)) == 2


def test_blocked_cookies(shop: RunningShop, visitor: Callable[..., BrowserContext]) -> None:
    page = visitor().new_page()
    page.add_init_script(
        """
        Object.defineProperty(window, 'localStorage', {
          get() { throw new DOMException('', 'SecurityError') }
        })
        Object.defineProperty(Document.prototype, 'cookie', { get: () => '', set() {} })
        """
    )
    page.goto(shop.url("/?ref=AMY"))
    [click], [view] = shop.wait_for(1, Click), shop.wait_for(1, View)
    assert (click.code, click.visitor_id) == ("AMY", view.visitor_id)
    assert page.evaluate("reftrail.getAttribution()")["code"] == "AMY"


def test_a_strict_policy_is_kept(shop: RunningShop, page: Page) -> None:
    broken: list[str] = []
    page.on("console", lambda message: broken.append(message.text))
    answer = page.goto(shop.url("/?ref=AMY"))
    shop.wait_for(2)
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert [text for text in broken if "Content Security Policy" in text] == []
