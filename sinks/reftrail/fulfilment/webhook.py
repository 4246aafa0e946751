"""Webhook for credit and cash: a signed POST to the system that keeps the accounts."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from reftrail.contracts.decisions import RewardGranted
from reftrail.contracts.record import Micros
from reftrail.fulfilment.answers import Answer, Delivered
from reftrail.fulfilment.http_client import HttpClient, text_in
from reftrail.fulfilment.signature import HEADER, sign


class WebhookRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a webhook, as JSON: for one reward always the same, byte for byte.

    value_micros is in millionths of currency (ISO 4217, or a unit's name in lower case). Whom it is
    for is beneficiary. code and user_id are those of the referral that earned it.
    """

    reward_id: str
    kind: str
    beneficiary: str
    value_micros: Micros
    currency: str
    item: str | None
    code: str
    user_id: str
    role: str
    action: str
    campaign_id: str
    campaign_version: int
    category: str | None
    order_id: str | None


class Webhook:
    """Sends orders to `URL/KIND` and takes a 2xx for their fulfilment.

    The receiver may name what it did: `{"reference": "..."}`.
    """

    def __init__(
        self,
        http: HttpClient,
        url: str,
        secrets: Sequence[str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._secrets = secrets
        self._clock = clock

    def fulfil(self, order: RewardGranted) -> Answer:
        """Ask under the idempotency key reward_id."""
        body = body_of(order)
        headers = {
            HEADER: sign(body, self._secrets, int(self._clock())),
            "Idempotency-Key": order.reward_id,
        }
        return self._http.ask(f"{self._url}/{order.kind}", body, headers, _delivered)


def body_of(order: RewardGranted) -> bytes:
    """The fields of an order that a receiver gets."""
    fields = {name: getattr(order, name) for name in WebhookRequest.__struct_fields__}
    return msgspec.json.encode(WebhookRequest(**fields))


def _delivered(answer: Mapping[str, Any]) -> Delivered:
    return Delivered(reference=text_in(answer, "reference"))
