"""Orders of WooCommerce as events.

The fields: https://woocommerce.github.io/woocommerce-rest-api-docs/#order-properties
"""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from reftrail.connectors.amounts import cost, currency_of, decimal
from reftrail.connectors.deliveries import (
    CODE,
    UNKNOWN,
    USER,
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

TOPICS: Final = frozenset({"order.created", "order.updated"})
_PING: Final = re.compile(rb"webhook_id=\d{1,20}")


def is_ping(body: bytes) -> bool:
    """Whether a body is what WooCommerce sends when a webhook is saved: unsigned, and no JSON."""
    return _PING.fullmatch(body) is not None


def shop(headers: Mapping[str, str]) -> str:
    """The host of the shop that sends a delivery."""
    try:
        return urlsplit(headers.get("x-wc-webhook-source", "")).hostname or ""
    except ValueError:
        return ""


def mapped(delivery: Delivery) -> Mapped:
    """The events of an order. Raises `Unreadable`."""
    if delivery.topic not in TOPICS:
        return UNKNOWN
    order = delivery.payload
    found = _read(delivery)
    return Mapped(found.events(_context(order)), codes=found.given_codes)


def _read(delivery: Delivery) -> ShopOrder:
    order = delivery.payload
    own_id = text(order.get("customer_id"))
    meta = named_values(parts(order, "meta_data"), "key")
    coupons = (coupon.get("code") for coupon in parts(order, "coupon_lines"))
    return ShopOrder(
        provider="woocommerce",
        order_id=delivery.named(str(needed(order, "id"))),
        customer=name_of(meta.get(USER)) or (own_id and delivery.named(own_id)),
        amount=decimal(needed(order, "total")),
        currency=currency_of(order.get("currency")),
        paid_at=_utc(order.get("date_paid_gmt")),
        tax=cost(order.get("total_tax")),
        shipping=cost(order.get("shipping_total")),
        visitor_id=name_of(meta.get(VISITOR)),
        codes=codes_of(meta.get(CODE), *coupons),
        refunds=tuple(
            Repaid(str(needed(refund, "id")), abs(decimal(needed(refund, "total"))), None)
            for refund in parts(order, "refunds")
        ),
    )


def _context(order: Json) -> dict[str, Any]:
    billing = part(order, "billing")
    return context_of(
        email=billing.get("email"),
        ip=order.get("customer_ip_address"),
        user_agent=order.get("customer_user_agent"),
        country=billing.get("country"),
    )


def _utc(given: object) -> str | None:
    """A time of a field whose name ends in _gmt: it is written without an offset."""
    found = text(given)
    return None if found is None else f"{found}Z"
