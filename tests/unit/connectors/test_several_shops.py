"""Two shops on one installation: orders and customers of the same number don't clash."""

import json
from typing import Any

import httpx
import pytest
from support.deliveries import payloads, signed_base64
from support.edge import RunningEdge

from reftrail.connectors.shop_secrets import ShopSecret, shop_secrets

SHOPIFY, WOO = payloads("shopify")["paid"], payloads("woocommerce")["processing"]
SECRETS = {
    "collector_woocommerce_secrets": "a@one.example, b@TWO.example, old@two.example, alone",
    "collector_shopify_secrets": "app@one.myshopify.com, app@two.myshopify.com",
}
HEADERS = {
    "woocommerce": ("x-wc-webhook-signature", "x-wc-webhook-topic", "order.updated"),
    "shopify": ("x-shopify-hmac-sha256", "x-shopify-topic", "orders/updated"),
}


@pytest.fixture(scope="module")
def edge_settings() -> dict[str, str]:
    return SECRETS


def sent(
    edge: RunningEdge, provider: str, secret: str, order: dict[str, Any], **headers: str
) -> httpx.Response:
    body = json.dumps(order).encode()
    signature, topic, kind = HEADERS[provider]
    own = {signature: signed_base64(body, secret), topic: kind} | headers
    return edge.nobody.post(f"/v1/connect/{provider}", content=body, headers=own)


def ids(edge: RunningEdge, provider: str, secret: str, order: Any, **headers: str) -> list[Any]:
    assert sent(edge, provider, secret, order, **headers).json()["outcome"] == "taken"
    found: list[Any] = [*edge.written.events()]
    edge.written.messages.clear()
    return found


@pytest.mark.parametrize(
    ("secret", "shop"),
    [("a", "one.example:"), ("b", "two.example:"), ("old", "two.example:"), ("alone", "")],
)
def test_a_secret_says_which_shop_it_is(edge: RunningEdge, secret: str, shop: str) -> None:
    source = {"x-wc-webhook-source": "https://one.example/"}  # it isn't signed
    signup, purchase = ids(edge, "woocommerce", secret, WOO, **source)
    assert (signup.user_id, purchase.user_id) == (f"{shop}25", f"{shop}25")
    assert purchase.order_id == f"{shop}727"
    guest = WOO | {"customer_id": 0}
    assert ids(edge, "woocommerce", secret, guest)[-1].user_id == f"guest:{shop}727"
    named = WOO | {"meta_data": [{"key": "reftrail_user_id", "value": "bob"}]}
    assert ids(edge, "woocommerce", secret, named)[-1].user_id == "bob"


def test_events_of_two_shops_have_ids_of_their_own(edge: RunningEdge) -> None:
    found = [ids(edge, "woocommerce", secret, WOO) for secret in ("a", "b", "alone", "old")]
    events = {tuple(event.event_id for event in events) for events in found}
    assert len(events) == 3
    assert len({event_id for events in events for event_id in events}) == 6


@pytest.mark.parametrize("shop", ["one.myshopify.com", "Two.myshopify.com"])
def test_shops_of_one_app_are_told_apart_by_their_domain(edge: RunningEdge, shop: str) -> None:
    found = ids(edge, "shopify", "app", SHOPIFY, **{"x-shopify-shop-domain": shop})
    assert found[-1].order_id == f"{shop.lower()}:820982911946154500"
    answer = sent(edge, "shopify", "app", SHOPIFY, **{"x-shopify-shop-domain": "x.example"})
    assert (answer.status_code, edge.written.messages) == (401, [])


def test_a_secret_may_have_an_at() -> None:
    entries = ["p@ss", "p@ss@one.example", "@one.example", "x@"]
    assert shop_secrets(entries) == [
        ShopSecret("p@ss"),
        ShopSecret("p@ss", "one.example"),
        ShopSecret("@one.example"),
        ShopSecret("x@"),
    ]
