"""Stripe's documented payloads over HTTP, as the events that they become."""

from pathlib import Path
from typing import Any

import pytest
from support import local_http
from support.deliveries import SETTINGS, deliver, payloads, taken_from
from support.edge import RunningEdge, running_edge

from reftrail.connectors import stripe
from reftrail.connectors.deliveries import Delivery, Unreadable

GIVEN = payloads("stripe")


def taken(edge: RunningEdge, name: str) -> list[Any]:
    return taken_from(edge, "stripe", GIVEN[name])


def kinds(events: list[Any]) -> list[str]:
    return [event.__struct_config__.tag for event in events]


def test_a_paid_checkout_is_a_signup_and_an_order(edge: RunningEdge) -> None:
    merged, signup, alias, purchase = taken(edge, "checkout_paid")
    assert (merged.user_id, merged.merged_into) == ("cus_Bob", "bob")
    assert (alias.user_id, alias.merged_into) == ("guest:pi_1", "bob")
    assert (signup.user_id, signup.visitor_id, signup.code) == ("bob", "v1", "AMY")
    assert (signup.country, signup.email_hash is None) == ("DE", False)
    assert (purchase.user_id, purchase.order_id, purchase.currency) == ("bob", "pi_1", "EUR")
    assert (purchase.amount_micros, purchase.tax_micros) == (24_900_000, 3_970_000)
    assert purchase.shipping_micros == 4_900_000
    assert purchase.event_time == 1_764_400_000_000
    assert {event.key_kind for event in (merged, signup, purchase)} == {"secret"}


def test_the_same_told_again_has_the_same_ids(edge: RunningEdge) -> None:
    first = [event.event_id for event in taken(edge, "checkout_paid")]
    assert [event.event_id for event in taken(edge, "checkout_paid")] == first
    assert len(set(first)) == 4


def test_an_unpaid_checkout_waits_for_its_payment(edge: RunningEdge) -> None:
    assert taken(edge, "checkout_unpaid") == []
    later = GIVEN["checkout_unpaid"]["data"]["object"] | {"payment_status": "paid"}
    payload = GIVEN["checkout_unpaid"] | {
        "type": "checkout.session.async_payment_succeeded",
        "data": {"object": later},
    }
    deliver(edge.nobody, "stripe", payload)
    found = kinds(edge.written.events())
    assert found == ["users_merged", "signup", "users_merged", "purchase"]


def test_a_subscription_is_paid_by_its_invoices(edge: RunningEdge) -> None:
    assert kinds(taken(edge, "checkout_of_subscription")) == ["users_merged", "signup"]
    assert kinds(taken(edge, "invoice_trial")) == ["users_merged"]
    *_, renewal = taken(edge, "invoice_renewal")
    assert (renewal.user_id, renewal.amount_micros) == ("carol", 11_900_000)
    assert renewal.tax_micros == 1_900_000


def test_a_payment_link_names_the_visitor_and_never_the_user(edge: RunningEdge) -> None:
    signup, purchase = taken(edge, "checkout_of_payment_link")
    assert (signup.user_id, signup.visitor_id) == ("guest:pi_link", "v3")
    assert (purchase.user_id, purchase.amount_micros) == ("guest:pi_link", 1_500_000_000)


def test_three_decimals_and_a_payment_of_ones_own(edge: RunningEdge) -> None:
    signup, _, purchase = taken(edge, "payment")
    assert (signup.user_id, signup.code) == ("eve", "AMY")
    assert (purchase.currency, purchase.amount_micros) == ("KWD", 12_345_000)


@pytest.mark.parametrize("reference", ["cs_test_a1", "in_1"])
def test_the_payment_of_a_checkout_or_invoice_is_no_second_order(
    edge: RunningEdge, reference: str
) -> None:
    assert taken(edge, "payment_of_checkout") == []
    named = GIVEN["payment"]["data"]["object"] | {"payment_details": {"order_reference": reference}}
    deliver(edge.nobody, "stripe", GIVEN["payment"] | {"data": {"object": named}})
    assert edge.written.events() == []


def test_a_tax_in_hundredths_that_a_currency_lacks_costs_no_order(edge: RunningEdge) -> None:
    given = GIVEN["checkout_paid"]["data"]["object"]
    costs = {"amount_tax": 9_677, "amount_shipping": 1_050}
    krona = given | {"currency": "isk", "amount_total": 50_000, "total_details": costs}
    payload = GIVEN["checkout_paid"] | {"data": {"object": krona}}
    *_, purchase = taken_from(edge, "stripe", payload)
    assert (purchase.amount_micros, purchase.tax_micros) == (500_000_000, 97_000_000)
    assert purchase.shipping_micros == 10_000_000


@pytest.mark.parametrize(
    ("currency", "minor", "micros"),
    [("isk", 50_000, 500_000_000), ("ugx", 500, 5_000_000), ("mga", 5, 5_000_000)],
)
def test_currencies_that_stripe_counts_in_its_own_way(
    edge: RunningEdge, currency: str, minor: int, micros: int
) -> None:
    payment = GIVEN["payment"]["data"]["object"] | {"currency": currency, "amount_received": minor}
    deliver(edge.nobody, "stripe", GIVEN["payment"] | {"data": {"object": payment}})
    assert edge.written.events()[-1].amount_micros == micros


def test_refunds_are_totals_of_their_order(edge: RunningEdge) -> None:
    (first,) = taken(edge, "refunded_in_part")
    (second,) = taken(edge, "refunded_more")
    assert first.event_id != second.event_id
    assert (first.order_id, first.amount_refunded_micros) == ("pi_1", 10_000_000)
    assert (second.amount_refunded_micros, second.amount_micros) == (24_900_000, 14_900_000)
    assert first.refund_id != second.refund_id
    assert (first.user_id, first.amount_micros) == ("guest:pi_1", 10_000_000)


def test_a_credit_note_is_a_refund_of_its_invoice(edge: RunningEdge) -> None:
    (refund,) = taken(edge, "credit_note")
    assert (refund.order_id, refund.refund_id, refund.amount_micros) == ("in_2", "cn_1", 5_000_000)


@pytest.mark.parametrize(
    ("fields", "micros"),
    [
        ({"refund": "re_1"}, None),
        ({"refunds": [{"refund": "re_1", "amount_refunded": 500}]}, None),
        ({"refunds": [{"refund": "re_1", "amount_refunded": 200}]}, 3_000_000),
        ({"refunds": []}, 5_000_000),
    ],
)
def test_a_credit_note_says_what_no_refund_of_the_charge_says(
    edge: RunningEdge, fields: dict[str, Any], micros: int | None
) -> None:
    note = GIVEN["credit_note"]["data"]["object"] | fields
    deliver(edge.nobody, "stripe", GIVEN["credit_note"] | {"data": {"object": note}})
    found: list[Any] = [*edge.written.events()]
    assert [event.amount_micros for event in found] == ([] if micros is None else [micros])


def test_a_charge_that_may_be_an_invoices_needs_a_key_to_be_looked_up(edge: RunningEdge) -> None:
    charge = {k: v for k, v in GIVEN["refunded_more"]["data"]["object"].items() if k != "invoice"}
    answer = deliver(edge.nobody, "stripe", GIVEN["refunded_more"] | {"data": {"object": charge}})
    assert answer.status_code == 422
    assert "REFTRAIL_COLLECTOR_STRIPE_API_KEY" in answer.json()["detail"]


@pytest.mark.parametrize(("paid", "micros"), [(595, 950_000), (1190, 1_900_000), (1, 0)])
def test_the_tax_of_an_invoice_is_that_of_what_was_paid(
    edge: RunningEdge, paid: int, micros: int
) -> None:
    invoice = GIVEN["invoice_renewal"]["data"]["object"] | {"amount_paid": paid}
    deliver(edge.nobody, "stripe", GIVEN["invoice_renewal"] | {"data": {"object": invoice}})
    found: Any = edge.written.events()[-1]
    assert (found.amount_micros, found.tax_micros) == (paid * 10_000, micros)


def test_payments_of_the_test_mode_count_for_nothing(edge: RunningEdge, tmp_path: Path) -> None:
    payload = GIVEN["checkout_paid"] | {"livemode": False}
    answer = deliver(edge.nobody, "stripe", payload)
    assert (answer.status_code, answer.json()["outcome"]) == (200, "nothing")
    assert edge.written.messages == []
    with running_edge(tmp_path, **SETTINGS, collector_stripe_test_mode="true") as other:
        assert deliver(other.nobody, "stripe", payload).json()["outcome"] == "taken"


def test_a_customer_with_a_visitor_is_a_signup(edge: RunningEdge) -> None:
    (signup,) = taken(edge, "customer")
    assert (signup.user_id, signup.visitor_id) == ("cus_Fay", "v5")


def test_other_topics_are_answered_and_counted(edge: RunningEdge) -> None:
    before = _counted(edge, "unknown")
    assert deliver(edge.nobody, "stripe", GIVEN["other"]).json() == {
        "accepted": 0,
        "rejected": [],
        "outcome": "unknown",
    }
    assert _counted(edge, "unknown") == before + 1


def test_an_inquiry_is_no_dispute_yet(edge: RunningEdge) -> None:
    assert taken(edge, "dispute_inquiry") == []


def test_a_dispute_needs_a_key_to_be_looked_up(edge: RunningEdge) -> None:
    answer = deliver(edge.nobody, "stripe", GIVEN["dispute_opened"])
    assert answer.status_code == 422
    assert "REFTRAIL_COLLECTOR_STRIPE_API_KEY" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("dispute_opened", "dispute_opened"),
        ("dispute_lost", "dispute_lost"),
        ("dispute_won", "dispute_won"),
    ],
)
def test_a_dispute_with_its_charge(name: str, kind: str) -> None:
    found = GIVEN[name]["data"]["object"] | {"charge": GIVEN["refunded_in_part"]["data"]["object"]}
    payload = GIVEN[name] | {"data": {"object": found}}
    (event,) = stripe.mapped(Delivery(payload["type"], payload)).events
    assert (event["type"], event["user_id"], event["order_id"]) == (kind, "guest:pi_1", "pi_1")
    assert (event["dispute_id"], event["amount"]) == ("du_1", "24.90")


@pytest.mark.parametrize("field", ["amount_refunded", "currency", "id"])
def test_a_payload_without_what_it_always_has_is_refused(edge: RunningEdge, field: str) -> None:
    charge = GIVEN["refunded_more"]["data"]["object"] | {"payment_intent": None, field: None}
    answer = deliver(edge.nobody, "stripe", GIVEN["refunded_more"] | {"data": {"object": charge}})
    assert answer.status_code == 422
    assert edge.written.messages == []


@pytest.mark.parametrize("name", sorted(set(GIVEN)))
@pytest.mark.parametrize("junk", [None, [], {}, "x", 1.5, True, 10**30])
def test_junk_in_any_place_is_no_error_of_the_collector(name: str, junk: Any) -> None:
    payload = GIVEN[name]
    found = payload["data"]["object"]
    broken = [payload | {field: junk} for field in payload if field != "type"]
    broken += [payload | {"data": {"object": found | {field: junk}}} for field in found]
    for body in broken:
        try:
            stripe.mapped(Delivery(payload["type"], body))
        except Unreadable:
            continue


def _counted(edge: RunningEdge, outcome: str) -> float:
    text = local_http.get(f"{edge.url}/metrics").text
    line = f'reftrail_collector_deliveries_total{{connector="stripe",outcome="{outcome}"}} '
    return sum(
        float(text_line.removeprefix(line))
        for text_line in text.splitlines()
        if text_line.startswith(line)
    )
