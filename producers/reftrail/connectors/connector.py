"""Table of the connectors: how each one's deliveries are signed, and what they mean."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from reftrail.connectors import shopify, stripe, woocommerce
from reftrail.connectors.deliveries import Delivery, Mapped
from reftrail.connectors.signatures import signed_body, signed_with_time
from reftrail.contracts.record import Millis

Verify = Callable[[Mapping[str, str], bytes, Sequence[str], Millis], None]
"""Raises `WrongSignature` unless one of some secrets signed a body, as the headers say."""


@dataclass(frozen=True, slots=True)
class Connector:
    """Deliveries of one provider.

    title is how it writes its name. topic reads the kind of a delivery from headers and payload.
    is_ping tells a delivery without content or signature, by which a provider tries an address.
    shop reads the host of the shop that sends it; None: there are no shops to tell apart.
    """

    name: str
    title: str
    verify: Verify
    topic: Callable[[Mapping[str, str], Mapping[str, Any]], str]
    map: Callable[[Delivery], Mapped]
    is_ping: Callable[[bytes], bool] = lambda _: False
    shop: Callable[[Mapping[str, str]], str] | None = None


CONNECTORS: Final[Mapping[str, Connector]] = MappingProxyType(
    {
        "stripe": Connector(
            "stripe",
            "Stripe",
            signed_with_time("stripe-signature"),
            lambda _, payload: str(payload.get("type")),
            stripe.mapped,
        ),
        "shopify": Connector(
            "shopify",
            "Shopify",
            signed_body("x-shopify-hmac-sha256"),
            lambda headers, _: headers.get("x-shopify-topic", ""),
            shopify.mapped,
            shop=lambda headers: headers.get("x-shopify-shop-domain", "").lower(),
        ),
        "woocommerce": Connector(
            "woocommerce",
            "WooCommerce",
            signed_body("x-wc-webhook-signature"),
            lambda headers, _: headers.get("x-wc-webhook-topic", ""),
            woocommerce.mapped,
            woocommerce.is_ping,
            woocommerce.shop,
        ),
    }
)
