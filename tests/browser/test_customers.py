"""A friend of a customer signs up, buys and sends back: what the shop's server reports."""

from playwright.sync_api import Page

from browser.shop import RunningShop
from reftrail.contracts.events import Click, Purchase, Refund, Signup


def test_a_friend_signs_up_buys_and_sends_back(shop: RunningShop, page: Page) -> None:
    page.goto(shop.url("/?ref=AMY"))
    assert "the code AMY" in page.locator("#invited").inner_text()
    page.get_by_role("link", name="Sign up").click()
    page.get_by_label("Name").fill("bob")
    page.get_by_role("button", name="Sign up").click()
    page.get_by_role("link", name="Teapot", exact=True).click()
    page.get_by_role("button", name="Buy").click()
    assert page.locator("#thanks").inner_text() == "Thank you for 1 teapot."
    page.get_by_role("button", name="Send the last teapot back").click()
    assert page.locator("#thanks").inner_text() == "Thank you for 0 teapots."

    [click], [signup] = shop.wait_for(1, Click), shop.wait_for(1, Signup)
    assert (signup.user_id, signup.visitor_id, signup.code) == ("bob", click.visitor_id, None)
    [purchase], [refund] = shop.wait_for(1, Purchase), shop.wait_for(1, Refund)
    assert isinstance(purchase, Purchase)
    assert (purchase.user_id, purchase.amount_micros) == ("bob", 24_900_000)
    assert (refund.user_id, refund.order_id) == ("bob", purchase.order_id)


def test_a_code_that_was_typed_in(shop: RunningShop, page: Page) -> None:
    page.goto(shop.url("/signup"))
    page.get_by_label("Name").fill("<b>eve</b>")
    page.get_by_label("Code of a friend").fill("BOB")
    page.get_by_role("button", name="Sign up").click()
    [signup] = shop.wait_for(1, Signup)
    assert (signup.code, signup.code_known) == ("BOB", True)
    assert page.get_by_role("heading").inner_text() == "<b>eve</b>"
