"""Orders of Shopify as events.

The fields: https://shopify.dev/docs/api/admin-rest/latest/resources/order
Each of its webhooks about an order has the order as a whole. `refunds/create` lacks the customer:
what it says is in the `orders/updated` that follows.
"""

from decimal import Decimal
from typing import Any, Final

from reftrail.connectors.amounts import cost, currency_of, decimal, total
from reftrail.connectors.deliveries import (
    CODE,
    NOTHING,
    UNKNOWN,
    VISITOR,
    Delivery,
    Json,
    Mapped,
    codes_of,
    context_of,
    name_of,
    named_values,
    needed,
    part,
    parts,
    text,
)
from reftrail.connectors.orders import Repaid, ShopOrder

TOPICS: Final = frozenset({"orders/create", "orders/paid", "orders/updated", "orders/cancelled"})
_PAID: Final = frozenset({"paid", "partially_refunded", "refunded"})


def mapped(delivery: Delivery) -> Mapped:
    """The events of an order. Raises `Unreadable`."""
    if delivery.topic not in TOPICS:
        return UNKNOWN
    order = delivery.payload
    if order.get("test") is True:
        return NOTHING
    found = _read(delivery)
    return Mapped(found.events(_context(order)), codes=found.given_codes)


def _read(delivery: Delivery) -> ShopOrder:
    order = delivery.payload
    currency = currency_of(order.get("currency"))
    customer, attributes = (
        part(order, "customer"),
        named_values(parts(order, "note_attributes"), "name"),
    )
    discounts = (discount.get("code") for discount in parts(order, "discount_codes"))
    own_id = text(customer.get("id"))
    is_paid = str(order.get("financial_status")) in _PAID
    refunds = parts(order, "refunds")
    is_foreign = any(
        transaction.get("currency", currency) != currency
        for refund in refunds
        for transaction in _refunding(refund)
    )
    return ShopOrder(
        provider="shopify",
        order_id=delivery.named(str(needed(order, "id"))),
        customer=own_id and delivery.named(own_id),
        customer_since=text(customer.get("created_at")),
        amount=decimal(needed(order, "total_price")),
        currency=currency,
        paid_at=text(order.get("processed_at") or order.get("created_at")) if is_paid else None,
        tax=cost(order.get("total_tax")),
        shipping=_shipping(order),
        vouchers=_vouchers(order),
        visitor_id=name_of(attributes.get(VISITOR)),
        codes=codes_of(attributes.get(CODE), *discounts),
        refunds=tuple(_repaid(refund, currency) for refund in refunds),
        left=_optional(order.get("current_total_price")),
        outstanding=None if is_foreign else _optional(order.get("total_outstanding")),
    )


def _shipping(order: Json) -> Decimal | None:
    """What shipping cost. The order's total price of it is without discounts."""
    lines = [cost(line.get("discounted_price")) for line in parts(order, "shipping_lines")]
    if lines and None not in lines:
        return total(line for line in lines if line is not None)
    return cost(part(part(order, "total_shipping_price_set"), "shop_money").get("amount"))


def _vouchers(order: Json) -> Decimal:
    """Price of the order's gift cards after discounts. Gift cards have no tax and no shipping."""
    cards = [item for item in parts(order, "line_items") if item.get("gift_card") is True]
    prices = [
        (cost(card.get("price")) or Decimal(0)) * (cost(card.get("quantity")) or Decimal(0))
        for card in cards
    ]
    discounts = (
        cost(discount.get("amount")) or Decimal(0)
        for card in cards
        for discount in parts(card, "discount_allocations")
    )
    return total(prices) - total(discounts)


def _repaid(refund: Json, currency: str) -> Repaid:
    """A refund in the shop's currency; what was given back in another one, an edit says."""
    amounts = [
        decimal(needed(transaction, "amount"))
        for transaction in _refunding(refund)
        if transaction.get("currency", currency) == currency
    ]
    return Repaid(str(needed(refund, "id")), total(amounts), text(refund.get("created_at")))


def _refunding(refund: Json) -> list[Json]:
    """The transactions that gave money back."""
    return [
        transaction
        for transaction in parts(refund, "transactions")
        if (transaction.get("kind"), transaction.get("status")) == ("refund", "success")
    ]


def _context(order: Json) -> dict[str, Any]:
    client = part(order, "client_details")
    return context_of(
        email=order.get("email"),
        ip=order.get("browser_ip"),
        user_agent=client.get("user_agent"),
        country=part(order, "billing_address").get("country_code"),
    )


def _optional(given: Any) -> Any:
    return None if given is None else decimal(given)
