"""POST /v1/connect/{provider}: signed webhooks, as the events that they mean.

The events pass the same judgement as those of a server with a secret key.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from reftrail.code_lookup.facts import UNKNOWN
from reftrail.collector.accept import Acceptance, Sender
from reftrail.collector.http import Collector
from reftrail.collector.settings import CollectorSettings
from reftrail.connectors import CONNECTORS, Connector, Delivery, Mapped
from reftrail.connectors.deliveries import Event, Unreadable
from reftrail.connectors.shop_secrets import ShopSecret, shop_of, shop_secrets
from reftrail.connectors.signatures import WrongSignature
from reftrail.connectors.stripe_lookups import LookupFailed, StripeLookups
from reftrail.contracts.events import KeyKind
from reftrail.contracts.installation import listed
from reftrail.contracts.record import Millis
from reftrail.contracts.times import now
from reftrail.edge.http_errors import RequestRefused
from reftrail.edge.requests import BODY_SECONDS, MAX_BYTES, read_body, read_json
from reftrail.hosting.json_answer import json_answer
from reftrail.hosting.routes import OPEN, Endpoint

logger = logging.getLogger(__name__)

_ERRORS: Final = {
    400: "The body is not JSON.",
    401: "The signature is missing, too old, or by no secret that is set.",
    404: "No secret is set for this connector.",
    408: f"The body has not arrived within {BODY_SECONDS:g} s.",
    413: f"More than {MAX_BYTES} bytes.",
    415: "The body is compressed, and neither by gzip nor by zstd.",
    422: "The delivery lacks what its topic needs; the answer says what.",
    429: "Too many wrong signatures; Retry-After says when to send again.",
    503: "Kafka doesn't take it, or the provider doesn't answer; it is to be sent again.",
}
_ANSWER: Final = {
    "type": "object",
    "required": ["accepted", "rejected", "outcome"],
    "properties": {
        "accepted": {"type": "integer", "description": "How many events Kafka has."},
        "rejected": {"type": "array", "items": {"type": "object"}},
        "outcome": {"type": "string", "enum": ["taken", "rejected", "nothing", "unknown"]},
    },
}
_RETRY_AFTER: Final = 60
_SEVERAL: Final = 2


def endpoints(collector: Collector) -> list[Endpoint]:
    """A route for each connector."""
    return [
        Endpoint(
            "POST",
            f"/v1/connect/{connector.name}",
            _Deliveries.of(collector, connector).take,
            f"Take a signed webhook of {connector.title}.",
            OPEN,
            errors=_ERRORS,
            answer=_ANSWER,
        )
        for connector in CONNECTORS.values()
    ]


@dataclass(frozen=True, slots=True)
class _Deliveries:
    """The handler of one connector's deliveries."""

    collector: Collector
    connector: Connector
    secrets: list[ShopSecret]
    lookups: StripeLookups

    @classmethod
    def of(cls, collector: Collector, connector: Connector) -> "_Deliveries":
        settings = collector.settings
        key = settings.collector_stripe_api_key
        lookups = StripeLookups(key.get_secret_value() if key else None)
        entries = _secrets(settings, connector.name)
        has_shops = connector.shop is not None
        secrets = shop_secrets(entries) if has_shops else [ShopSecret(entry) for entry in entries]
        return cls(collector, connector, secrets, lookups)

    async def take(self, request: Request) -> Response:
        """Answer 200 once Kafka has the events, and where there are none for it."""
        name = self.connector.name
        if not self.secrets:
            raise RequestRefused(
                404,
                f"this collector takes nothing from {self.connector.title}; set "
                f"{_variable(name)} to the secret of its webhook",
            )
        self.collector.authorization.check_wrong(request)
        body = await read_body(request)
        if self.connector.is_ping(body):
            return self._answer("nothing", Acceptance([], []))
        shop = self._verified_shop(request, body)
        payload = read_json(body)
        if not isinstance(payload, Mapping):
            raise RequestRefused(400, "expected a JSON object")
        mapped = await self._mapped(request.headers, payload, shop)
        sender = Sender(KeyKind.SECRET, name=f"connect:{name}")
        outcome = await self.collector.take(await self._with_known_code(mapped), sender)
        for rejected in outcome.rejected:
            logger.warning(
                "an event of %s was rejected: %s %s", name, rejected.pointer, rejected.reason
            )
        if not mapped.is_known:
            return self._answer("unknown", outcome)
        what = "rejected" if outcome.rejected else "taken" if outcome.accepted else "nothing"
        return self._answer(what, outcome)

    def _verified_shop(self, request: Request, body: bytes) -> str:
        """The shop that signed a delivery; empty where secrets name no shops."""
        headers, at = request.headers, now()
        try:
            self.connector.verify(headers, body, [secret.secret for secret in self.secrets], at)
            if self.connector.shop is None or not any(secret.shop for secret in self.secrets):
                return ""
            good = [secret for secret in self.secrets if self._signed_by(secret, headers, body, at)]
            return shop_of(good, self.connector.shop(headers))
        except WrongSignature as error:
            self._count("unsigned")
            self.collector.authorization.count_wrong(request)
            raise RequestRefused(401, str(error)) from error

    def _signed_by(
        self, secret: ShopSecret, headers: Mapping[str, str], body: bytes, at: Millis
    ) -> bool:
        try:
            self.connector.verify(headers, body, [secret.secret], at)
        except WrongSignature:
            return False
        return True

    async def _mapped(
        self, headers: Mapping[str, str], payload: Mapping[str, Any], shop: str
    ) -> Mapped:
        """The events that a delivery means. Raises `RequestRefused`, `Unavailable`."""
        delivery = Delivery(
            self.connector.topic(headers, payload),
            payload,
            counts_tests=self.collector.settings.collector_stripe_test_mode,
            shop=shop,
        )
        try:
            if self.connector.name == "stripe":
                delivery = await self.lookups.completed(delivery)
            return self.connector.map(delivery)
        except LookupFailed as error:
            self._count("unavailable")
            raise RequestRefused(503, str(error), retry_after=_RETRY_AFTER) from error
        except Unreadable as error:
            self._count("unreadable")
            logger.warning("a delivery of %s can't be read: %s", self.connector.name, error)
            raise RequestRefused(422, f"{delivery.topic[:80]}: {error}") from error

    async def _with_known_code(self, mapped: Mapped) -> list[Event]:
        """The events; of several codes the signup has the first that is registered.

        Raises `Unavailable`.
        """
        if len(mapped.codes) < _SEVERAL:
            return [*mapped.events]
        codes = self.collector.codes
        await codes.know(mapped.codes, self.collector.settings.ack_timeout_seconds)
        known = (code for code in mapped.codes if (codes.lookup(code) or UNKNOWN).known)
        code = next(known, mapped.codes[0])
        return [event | {"code": code} if "code" in event else event for event in mapped.events]

    def _answer(self, what: str, outcome: Acceptance) -> Response:
        self._count(what)
        body = {"accepted": len(outcome.accepted), "rejected": outcome.rejected, "outcome": what}
        return json_answer(body)

    def _count(self, outcome: str) -> None:
        self.collector.metrics.deliveries.labels(self.connector.name, outcome).inc()


def _secrets(settings: CollectorSettings, name: str) -> list[str]:
    found = {
        "stripe": settings.collector_stripe_secrets,
        "shopify": settings.collector_shopify_secrets,
        "woocommerce": settings.collector_woocommerce_secrets,
    }
    return listed(found[name].get_secret_value())


def _variable(name: str) -> str:
    return f"REFTRAIL_COLLECTOR_{name.upper()}_SECRETS"
