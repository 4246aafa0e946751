"""Deliveries of connectors as the rules decide on them: who is paid, and what is taken back."""

from collections.abc import Iterator
from itertools import permutations
from typing import Any

import httpx
import pytest
from support.deliveries import SECRETS, deliver, payloads
from support.http_server import served

from reftrail.campaigns import Campaign
from reftrail.micro.composition import CodeGiven, Given
from reftrail.micro.routes import Micro

CAMPAIGN = {
    "campaign_id": "spring",
    "name": "Spring",
    "trigger": "first_purchase",
    "reward": {"currency": "EUR", "referrer": {"percent": "10", "kind": "credit"}},
    "fraud": {"weights": {"fast_signup": 0, "instant_signup": 0, "fast_purchase": 0}},
}
GIVEN = Given(
    [Campaign.model_validate(CAMPAIGN)], [CodeGiven("AMY", "amy")], "https://shop.example/"
)
STRIPE, SHOPIFY, WOO = payloads("stripe"), payloads("shopify"), payloads("woocommerce")


@pytest.fixture(scope="module")
def running() -> Iterator[httpx.Client]:
    with pytest.MonkeyPatch.context() as patch:
        for name, secret in SECRETS.items():
            patch.setenv(f"REFTRAIL_COLLECTOR_{name.upper()}_SECRETS", secret)
        with (
            served(lambda: Micro(GIVEN)) as url,
            httpx.Client(base_url=url, timeout=20) as client,
        ):
            yield client


@pytest.fixture
def micro(running: httpx.Client) -> httpx.Client:
    running.post("/micro/reset")
    return running


def click(micro: httpx.Client, visitor: str = "v1") -> None:
    """A click of before the orders in the payloads."""
    event = {
        "type": "click",
        "visitor_id": visitor,
        "code": "AMY",
        "event_time": "2025-11-29T06:00:00Z",
    }
    headers = {"authorization": "Bearer sk_micro"}
    assert micro.post("/v1/events", json=event, headers=headers).json()["accepted"] == 1


def earned(micro: httpx.Client) -> list[tuple[str, str, str]]:
    found = micro.get("/micro/rewards").json()
    assert micro.get("/micro/bad").json() == {"bad": [], "dead_letters": []}
    return [
        (reward["beneficiary"], reward["status"], reward["value"]) for reward in found["rewards"]
    ]


def test_refunds_of_a_charge_are_taken_back_as_totals(micro: httpx.Client) -> None:
    click(micro)
    deliver(micro, "stripe", STRIPE["checkout_paid"])
    assert earned(micro) == [("amy", "granted", "1.60")]  # of 24.90 less tax and shipping
    deliver(micro, "stripe", STRIPE["refunded_in_part"])
    part = earned(micro)
    deliver(micro, "stripe", STRIPE["refunded_in_part"])
    assert earned(micro) == part
    deliver(micro, "stripe", STRIPE["refunded_more"])
    assert [status for _, status, _ in earned(micro)] == ["reversed"]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_order_of_deliveries_changes_nothing(
    micro: httpx.Client, order: tuple[int, ...]
) -> None:
    click(micro)
    deliveries = ("checkout_paid", "refunded_in_part", "checkout_paid")
    for place in order:
        deliver(micro, "stripe", STRIPE[deliveries[place]])
    ((beneficiary, status, value),) = earned(micro)
    assert (beneficiary, status) == ("amy", "granted")
    assert value == "0.96"


def stripe(name: str, **fields: Any) -> dict[str, Any]:
    """A payload with other fields in its object."""
    payload: dict[str, Any] = STRIPE[name]
    data = payload["data"]
    return payload | {"data": data | {"object": data["object"] | fields}}


@pytest.mark.parametrize("lost_first", [False, True])
@pytest.mark.parametrize("how", ["refund", "dispute"])
def test_what_a_buyer_without_a_customer_gets_back_is_taken_back(
    micro: httpx.Client, how: str, lost_first: bool
) -> None:
    click(micro)
    charge = stripe("refunded_more", customer=None)
    if how == "dispute":
        charge = stripe("dispute_lost", charge=charge["data"]["object"])
        charge["type"] = "charge.dispute.closed"
    deliveries = [stripe("checkout_paid", customer=None), charge]
    for delivery in reversed(deliveries) if lost_first else deliveries:
        assert deliver(micro, "stripe", delivery).status_code == 200
    assert all(status in ("reversed", "rejected") for _, status, _ in earned(micro))


@pytest.mark.parametrize("back_first", [False, True])
def test_a_refund_is_of_the_user_for_whom_a_customer_bought(
    micro: httpx.Client, back_first: bool
) -> None:
    click(micro)
    click(micro, "v2")
    deliver(micro, "stripe", stripe("customer", id="cus_1", metadata={}))
    for name, user, visitor in (("in_1", "bob", "v1"), ("in_2", "carl", "v2")):
        metadata = {"reftrail_user_id": user, "reftrail_visitor_id": visitor}
        paid = stripe(
            "invoice_renewal", id=name, customer="cus_1", metadata=metadata, total_taxes=[]
        )
        back = stripe("refunded_more", customer="cus_1", invoice=name, amount_refunded=1190)
        steps = [paid, back] if user == "carl" else [paid]
        for step in reversed(steps) if back_first else steps:
            deliver(micro, "stripe", step)
    found = micro.get("/micro/rewards").json()["rewards"]
    kept = {reward["user_id"] for reward in found if reward["status"] == "granted"}
    assert kept == {"bob"}


def test_refunds_and_credits_of_an_invoice_add_up(micro: httpx.Client) -> None:
    click(micro, "v2")
    deliver(micro, "stripe", STRIPE["checkout_of_subscription"])
    deliver(micro, "stripe", STRIPE["invoice_trial"])
    assert earned(micro) == []
    deliver(micro, "stripe", stripe("invoice_renewal", total_taxes=[]))
    deliver(micro, "stripe", STRIPE["credit_note"])
    charge = stripe("refunded_in_part", invoice="in_2", amount_refunded=300)
    deliver(micro, "stripe", charge)
    assert earned(micro) == [("amy", "granted", "0.39")]


def test_a_subscription_earns_by_its_first_invoice_of_more_than_nothing(
    micro: httpx.Client,
) -> None:
    click(micro, "v2")
    for name in ("checkout_of_subscription", "invoice_renewal"):
        deliver(micro, "stripe", STRIPE[name])
    assert earned(micro) == [("amy", "granted", "1.00")]


def test_an_order_that_is_edited_earns_by_what_is_left(micro: httpx.Client) -> None:
    click(micro)
    deliver(micro, "shopify", SHOPIFY["paid"], "orders/paid")
    assert earned(micro) == [("amy", "granted", "1.60")]
    edited = SHOPIFY["paid"] | {"current_total_price": "12.45"}
    deliver(micro, "shopify", edited)
    assert earned(micro) == [("amy", "granted", "0.80")]
    back = edited | {"refunds": SHOPIFY["refunds"][1:]}
    deliver(micro, "shopify", back)  # the money of what was edited away
    assert earned(micro) == [("amy", "granted", "0.80")]


def test_refunds_of_a_shop_count_once_each(micro: httpx.Client) -> None:
    click(micro)
    deliver(micro, "woocommerce", WOO["processing"])
    for _ in range(2):
        deliver(micro, "woocommerce", WOO["processing"] | {"refunds": WOO["refunds"]})
    ((_, status, value),) = earned(micro)
    assert (status, value) == ("granted", "0.80")


def test_a_delivery_that_is_refused_is_shown(micro: httpx.Client) -> None:
    wrong: dict[str, Any] = WOO["processing"] | {"total": "nothing"}
    assert deliver(micro, "woocommerce", wrong).status_code == 422
    (bad,) = micro.get("/micro/bad").json()["bad"]
    assert (bad["path"], bad["status"]) == ("/v1/connect/woocommerce", 422)
