"""Signed deliveries, made of the payloads that providers document."""

import base64
import hmac
import json
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx

from support.edge import RunningEdge

PAYLOADS = Path(__file__).parents[1] / "unit" / "connectors" / "payloads"
SECRETS = {"stripe": "whsec_test", "shopify": "shpss_test", "woocommerce": "wc_test"}
SETTINGS = {f"collector_{name}_secrets": f"old, {secret}" for name, secret in SECRETS.items()}


def payloads(name: str) -> Any:
    return json.loads((PAYLOADS / f"{name}.json").read_text())


def signed_stripe(body: bytes, at: float | None = None, secret: str = "whsec_test") -> str:
    when = int(time.time() if at is None else at)
    digest = hmac.new(secret.encode(), f"{when}.".encode() + body, sha256).hexdigest()
    return f"t={when},v1={digest},v0=6ffbb59b"


def signed_base64(body: bytes, secret: str) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, sha256).digest()).decode()


def deliver(
    client: httpx.Client, provider: str, payload: Any, topic: str = "", **headers: str
) -> httpx.Response:
    body = json.dumps(payload).encode()
    own = {
        "stripe": lambda: {"stripe-signature": signed_stripe(body)},
        "shopify": lambda: {
            "x-shopify-hmac-sha256": signed_base64(body, SECRETS["shopify"]),
            "x-shopify-topic": topic or "orders/updated",
        },
        "woocommerce": lambda: {
            "x-wc-webhook-signature": signed_base64(body, SECRETS["woocommerce"]),
            "x-wc-webhook-topic": topic or "order.updated",
        },
    }[provider]()
    return client.post(f"/v1/connect/{provider}", content=body, headers=own | headers)


def taken_from(edge: RunningEdge, provider: str, payload: Any, topic: str = "") -> list[Any]:
    """Deliver; the events that it becomes, none of which is rejected."""
    answer = deliver(edge.nobody, provider, payload, topic)
    assert answer.status_code == 200, answer.text
    assert answer.json()["rejected"] == []
    events = edge.written.events()
    edge.written.messages.clear()
    return events
