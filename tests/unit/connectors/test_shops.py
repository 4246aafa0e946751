"""Orders of Shopify and WooCommerce over HTTP, as the events that they become."""

from typing import Any

import pytest
from support.deliveries import deliver, payloads, taken_from
from support.edge import RunningEdge

from reftrail.connectors import shopify, woocommerce
from reftrail.connectors.deliveries import Delivery, Unreadable

SHOPIFY, WOO = payloads("shopify"), payloads("woocommerce")
PAID: dict[str, Any] = SHOPIFY["paid"]
PROCESSING: dict[str, Any] = WOO["processing"]
ORDERS = {"shopify": PAID, "woocommerce": PROCESSING}


@pytest.mark.parametrize(
    ("provider", "user", "order"),
    [
        ("shopify", "115310627314723950", "820982911946154500"),
        ("woocommerce", "25", "727"),
    ],
)
def test_a_paid_order_is_a_signup_and_a_purchase(
    edge: RunningEdge, provider: str, user: str, order: str
) -> None:
    signup, purchase = taken_from(edge, provider, ORDERS[provider])
    assert (signup.user_id, signup.visitor_id, signup.code) == (user, "v1", "AMY")
    assert (purchase.user_id, purchase.order_id, purchase.currency) == (user, order, "EUR")
    assert (purchase.amount_micros, purchase.tax_micros) == (24_900_000, 3_970_000)
    assert purchase.shipping_micros == 4_900_000
    for event in (signup, purchase):
        assert (event.country, event.key_kind) == ("DE", "secret")
        assert None not in (event.email_hash, event.ip_hash, event.user_agent_family)
    assert (
        signup.event_time
        <= purchase.event_time
        == 1_764_410_405_000 + (18_000_000 if provider == "shopify" else 0)
    )


@pytest.mark.parametrize("provider", ORDERS)
def test_every_later_delivery_repeats_the_same_ids(edge: RunningEdge, provider: str) -> None:
    first = [event.event_id for event in taken_from(edge, provider, ORDERS[provider])]
    again = taken_from(edge, provider, ORDERS[provider] | {"note": "changed"})
    assert [event.event_id for event in again] == first


def test_an_unpaid_order_is_nothing_yet(edge: RunningEdge) -> None:
    assert taken_from(edge, "shopify", PAID | {"financial_status": "pending"}) == []
    assert taken_from(edge, "woocommerce", PROCESSING | {"date_paid_gmt": None}) == []


def test_a_test_order_is_nothing(edge: RunningEdge) -> None:
    assert taken_from(edge, "shopify", PAID | {"test": True}) == []


@pytest.mark.parametrize(
    ("provider", "refunds", "ids"),
    [
        ("shopify", SHOPIFY["refunds"], ["509562969", "509562970"]),
        ("woocommerce", WOO["refunds"], ["726", "728"]),
    ],
)
def test_each_refund_of_an_order_has_its_id(
    edge: RunningEdge, provider: str, refunds: Any, ids: list[str]
) -> None:
    left = {"current_total_price": "12.40", "financial_status": "partially_refunded"}
    _, _, *found = taken_from(edge, provider, ORDERS[provider] | {"refunds": refunds} | left)
    assert [event.refund_id for event in found] == ids
    assert [event.amount_micros for event in found] == [10_000_000, 2_500_000]


def test_what_an_edit_took_from_an_order_is_refunded_in_all(edge: RunningEdge) -> None:
    edited = PAID | {"current_total_price": "10.00", "refunds": SHOPIFY["refunds"][:1]}
    *_, refund, removed = taken_from(edge, "shopify", edited)
    assert (refund.refund_id, refund.amount_micros) == ("509562969", 10_000_000)
    assert (removed.amount_refunded_micros, removed.amount_micros) == (14_900_000, None)


@pytest.mark.parametrize(
    ("edit", "amount"),
    [
        ({"total_price": "49.80", "current_total_price": "24.90"}, 24_900_000),
        (
            {
                "total_price": "34.90",
                "current_total_price": "34.90",
                "total_outstanding": "10.00",
            },
            24_900_000,
        ),
    ],
)
def test_what_an_edit_adds_or_swaps_takes_nothing_back(
    edge: RunningEdge, edit: dict[str, Any], amount: int
) -> None:
    edited = PAID | {"total_outstanding": "0.00", "refunds": [{"id": 1, "transactions": []}]}
    _, purchase = taken_from(edge, "shopify", edited | edit)
    assert purchase.amount_micros == amount
    (_, first) = taken_from(edge, "shopify", PAID)
    assert (first.event_id, first.amount_micros) == (purchase.event_id, amount)


def test_what_an_edit_took_is_known_by_what_is_owed(edge: RunningEdge) -> None:
    removed = PAID | {"current_total_price": "20.00", "total_outstanding": "-4.90"}
    _, purchase, gone = taken_from(edge, "shopify", removed)
    assert (purchase.amount_micros, gone.amount_refunded_micros) == (24_900_000, 4_900_000)
    back = [{"id": 2, "transactions": [_transaction("5.40", "USD")]}]
    foreign = PAID | {"current_total_price": "20.00", "total_outstanding": "0.00", "refunds": back}
    _, purchase, gone = taken_from(edge, "shopify", foreign)
    assert (purchase.amount_micros, gone.amount_refunded_micros) == (24_900_000, 4_900_000)


def _transaction(amount: str, currency: str) -> dict[str, str]:
    return {"kind": "refund", "status": "success", "amount": amount, "currency": currency}


def test_an_order_of_nothing_is_a_signup_alone(edge: RunningEdge) -> None:
    (signup,) = taken_from(
        edge, "shopify", PAID | {"total_price": "0.00", "current_total_price": "0.00"}
    )
    assert signup.code == "AMY"
    (signup,) = taken_from(edge, "woocommerce", PROCESSING | {"total": "0.00"})
    assert signup.order_id is None


@pytest.mark.parametrize(
    "codes",
    [
        ["SUMMER10", "AMY"],
        ["amy", "SUMMER10"],
        ["SUMMER10", "X"],
        ["SUMMER10", *(f"X{n}" for n in range(30)), "AMY"],
    ],
)
def test_the_first_code_that_is_registered_wins(edge: RunningEdge, codes: list[str]) -> None:
    wanted = "AMY" if len({*codes} & {"AMY", "amy"}) else "SUMMER10"
    shopify_codes = {"discount_codes": [{"code": code} for code in codes]}
    signup, _ = taken_from(edge, "shopify", PAID | shopify_codes)
    assert signup.code == wanted
    signup, _ = taken_from(
        edge, "woocommerce", PROCESSING | {"coupon_lines": shopify_codes["discount_codes"]}
    )
    assert signup.code == wanted


def test_shipping_is_that_after_discounts(edge: RunningEdge) -> None:
    lines = [{"price": "4.90", "discounted_price": "0.00"}, {"discounted_price": "1.00"}]
    _, purchase = taken_from(edge, "shopify", PAID | {"shipping_lines": lines})
    assert purchase.shipping_micros == 1_000_000


@pytest.mark.parametrize(
    ("costs", "tax"),
    [
        ({"total_tax": "1.5967"}, 1_600_000),
        ({"total_tax": "-1"}, None),
        ({"total_tax": "free", "shipping_total": []}, None),
        ({"currency": "JPY", "total": "1000.00", "total_tax": "90.91"}, 91_000_000),
    ],
)
def test_taxes_are_rounded_or_left_out(
    edge: RunningEdge, costs: dict[str, Any], tax: int | None
) -> None:
    _, purchase = taken_from(edge, "woocommerce", PROCESSING | {"shipping_total": "0"} | costs)
    assert purchase.tax_micros == tax


def test_a_guest_is_one_in_each_order(edge: RunningEdge) -> None:
    for provider, guest in (("shopify", {"customer": None}), ("woocommerce", {"customer_id": 0})):
        refunded = ORDERS[provider] | guest | {"refunds": payloads(provider)["refunds"][:1]}
        users = {event.user_id for event in taken_from(edge, provider, refunded)}
        assert users == {f"guest:{ORDERS[provider]['id']}"}


def test_without_a_visitor_and_code_there_is_no_signup(edge: RunningEdge) -> None:
    plain = PAID | {"note_attributes": [], "discount_codes": []}
    (purchase,) = taken_from(edge, "shopify", plain)
    assert purchase.order_id == "820982911946154500"


def test_the_code_of_a_customer_of_long_standing_says_nothing(edge: RunningEdge) -> None:
    old = PAID["customer"] | {"created_at": "2020-01-01T00:00:00Z"}
    signup, _ = taken_from(edge, "shopify", PAID | {"customer": old})
    assert (signup.visitor_id, signup.code) == ("v1", None)
    (_purchase,) = taken_from(edge, "shopify", PAID | {"customer": old, "note_attributes": []})


def test_a_buyer_can_name_no_other_user(edge: RunningEdge) -> None:
    made_up = [{"name": "reftrail_user_id", "value": "victim"}]
    users = {
        event.user_id for event in taken_from(edge, "shopify", PAID | {"note_attributes": made_up})
    }
    assert users == {"115310627314723950"}


@pytest.mark.parametrize(
    "made_up",
    [
        {"note_attributes": [{"name": "reftrail_visitor_id", "value": "v" * 129}]},
        {"note_attributes": [{"name": "reftrail_visitor_id", "value": "\u200b"}]},
        {"note_attributes": [{"name": "reftrail_visitor_id", "value": "v1\n"}]},
        {"email": "not an address", "browser_ip": "localhost"},
        {"client_details": {"user_agent": "x" * 5_000}},
        {"billing_address": {"country_code": "Germany"}},
    ],
)
def test_what_a_buyer_makes_up_costs_no_purchase(
    edge: RunningEdge, made_up: dict[str, Any]
) -> None:
    assert any(event.order_id for event in taken_from(edge, "shopify", PAID | made_up))


def test_a_gift_card_earns_when_it_is_spent(edge: RunningEdge) -> None:
    card = {"gift_card": True, "price": "5.00", "quantity": 2}
    cheaper = card | {"discount_allocations": [{"amount": "1.50"}, {"amount": "0.50"}]}
    coat = {"gift_card": False, "price": "100.00", "quantity": 1}
    whole = 24_900_000 - 3_970_000 - 4_900_000
    expected: list[tuple[list[Any], int | None]] = [
        ([], None),
        ([coat], None),
        ([card, coat], whole - 10_000_000),
        ([cheaper], whole - 8_000_000),
        ([card, card], 0),
    ]
    for place, (items, net) in enumerate(expected):
        order = PAID | {"id": place + 1, "line_items": items}
        _, purchase = taken_from(edge, "shopify", order)
        assert (purchase.amount_micros, purchase.net_amount_micros) == (24_900_000, net)


@pytest.mark.parametrize("value", [["victim"], {"id": 7}, 1.5, True])
def test_an_id_is_a_text_or_a_whole_number(edge: RunningEdge, value: Any) -> None:
    meta = {"meta_data": [{"key": "reftrail_user_id", "value": value}]}
    assert {event.user_id for event in taken_from(edge, "woocommerce", PROCESSING | meta)} == {"25"}


@pytest.mark.parametrize("nobody", [0, "0", "", None])
def test_a_customer_of_number_nought_is_a_guest(edge: RunningEdge, nobody: Any) -> None:
    orders = taken_from(edge, "woocommerce", PROCESSING | {"customer_id": nobody})
    assert {event.user_id for event in orders} == {"guest:727"}


def test_orders_in_yen_have_no_decimals(edge: RunningEdge) -> None:
    yen = {"currency": "JPY", "total": "1500", "total_tax": "0", "shipping_total": "0"}
    _, purchase = taken_from(edge, "woocommerce", PROCESSING | yen)
    assert purchase.amount_micros == 1_500_000_000


@pytest.mark.parametrize(
    ("provider", "topic"),
    [("shopify", "customers/redact"), ("shopify", "refunds/create"), ("woocommerce", "x.y")],
)
def test_other_topics_are_answered(edge: RunningEdge, provider: str, topic: str) -> None:
    answer = deliver(edge.nobody, provider, ORDERS[provider], topic)
    assert (answer.status_code, answer.json()["outcome"]) == (200, "unknown")
    assert edge.written.messages == []


@pytest.mark.parametrize("junk", [None, [], {}, "x", "NaN", 1.5, True, 10**30, [{}], ["x"]])
def test_junk_in_any_place_is_no_error_of_the_collector(junk: Any) -> None:
    for read, topic, order in (
        (shopify.mapped, "orders/paid", PAID | {"refunds": SHOPIFY["refunds"]}),
        (woocommerce.mapped, "order.updated", PROCESSING | {"refunds": WOO["refunds"]}),
    ):
        for field in order:
            try:
                read(Delivery(topic, order | {field: junk}))
            except Unreadable:
                continue
