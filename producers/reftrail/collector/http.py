"""Handlers of the collector's routes."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

import msgspec
import uuid_utils
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from reftrail.code_lookup.facts import CodeLookup
from reftrail.code_lookup.known_codes import CodesReader
from reftrail.codes_api import CodesApi
from reftrail.collector import redirect
from reftrail.collector.accept import (
    Acceptance,
    Accepted,
    Circumstances,
    Sender,
    accept,
    codes_named,
)
from reftrail.collector.clock import clock_skew
from reftrail.collector.event_batches import read_events, refused_sent_at
from reftrail.collector.metrics import CollectorMetrics
from reftrail.collector.publisher import Message, Publisher
from reftrail.collector.reviews import Reviews
from reftrail.collector.settings import CollectorSettings
from reftrail.contracts.codec import encode_datum
from reftrail.contracts.events import KeyKind
from reftrail.contracts.record import Millis
from reftrail.contracts.registry import latest
from reftrail.contracts.times import now
from reftrail.edge.api_keys import kind_in, require_key
from reftrail.edge.bots import is_bot
from reftrail.edge.http_errors import RequestRefused, Unavailable
from reftrail.edge.pseudonyms import Pseudonyms
from reftrail.edge.requests import (
    client_address,
    is_https,
    prefetched,
    read_rest,
    user_agent_of,
)
from reftrail.hosting.auth import ApiKeys
from reftrail.hosting.health import ready_unless
from reftrail.hosting.routes import Endpoint, Handler

logger = logging.getLogger(__name__)

_RETRY_AFTER: Final = "2"
_READY_SECONDS: Final = 2.0
_EVENT: Final = latest("Event")


@dataclass(frozen=True, slots=True)
class Collector:
    """The routes' handlers, with all that they need."""

    settings: CollectorSettings
    keys: ApiKeys
    pseudonyms: Pseudonyms
    codes: CodesReader
    publisher: Publisher
    metrics: CollectorMetrics
    codes_api: CodesApi
    reviews: Reviews
    clicks: set[asyncio.Task[None]] = field(default_factory=set)
    """Clicks whose visitors have been redirected already."""

    async def events(self, request: Request) -> Response:
        """POST /v1/events."""
        sender = self._sender(request)
        items, sent_at = await read_events(request)
        skew = _skew(sent_at)
        await self.codes.know(codes_named(items), self.settings.ack_timeout_seconds)
        outcome = accept(
            items, Circumstances(sender, now(), self.pseudonyms, self.codes.lookup, skew)
        )
        await self._publish(outcome.accepted)
        self.metrics.count_rejected(outcome.rejected)
        return _json(202, _taken(outcome))

    async def follow(self, request: Request) -> Response:
        """GET /r/{code}. The visitor is redirected whether or not Kafka takes the click in time.

        A click not yet acknowledged then is written if Kafka comes back soon; else it is lost,
        and counted as such.
        """
        base = self.settings.landing_url
        if base is None:
            raise RequestRefused(
                404, "this collector has no landing page; set REFTRAIL_LANDING_URL"
            )
        visit = redirect.visit(request.path_params["code"], request.cookies.get(redirect.COOKIE))
        user_agent = user_agent_of(request)
        machine = user_agent is not None and is_bot(user_agent)
        if visit.code is None or request.method == "HEAD" or machine or prefetched(request):
            self.metrics.clicks.labels("ignored").inc()
        else:
            click = {"type": "click", "visitor_id": visit.visitor_id, "code": visit.code}
            counting = asyncio.create_task(self._count(click, self._visitor(request)))
            self.clicks.add(counting)
            counting.add_done_callback(self.clicks.discard)
            await asyncio.wait([counting], timeout=self.settings.redirect_timeout_seconds)
        return redirect.redirect_to(
            redirect.landing(base, visit.code),
            visit.visitor_id,
            secure=is_https(request, self.settings.proxies),
            domain=self.settings.cookie_domain,
        )

    async def _count(self, click: dict[str, Any], sender: Sender) -> None:
        at = now()
        codes: CodeLookup | None = self.codes.lookup
        try:
            await self.codes.know([click["code"]], self.settings.redirect_timeout_seconds)
        except Unavailable:
            codes = None
        outcome = accept([click], Circumstances(sender, at, self.pseudonyms, codes))
        try:
            await self._publish(outcome.accepted)
        except Unavailable as error:
            logger.warning("a click on %s was lost: %s", click["code"], error)
            self.metrics.clicks.labels("lost").inc()
        else:
            self.metrics.clicks.labels("acknowledged").inc()

    async def readiness(self) -> Mapping[str, Any]:
        """Ready while Kafka answers and the codes are read to their end."""
        try:
            await self.codes.refresh(_READY_SECONDS)
        except Unavailable as error:
            return ready_unless(str(error))
        kafka_is_away = "Kafka does not acknowledge at the moment"
        return ready_unless(None if self.publisher.ready else kafka_is_away)

    def _sender(self, request: Request) -> Sender:
        authorization = request.headers.get("authorization")
        kind = require_key(kind_in(request, self.keys))
        again = request.headers.get("idempotency-key")
        scope = sha256(f"{authorization}\0{again}".encode()).hexdigest()
        return self._visitor(request, kind, scope if again else None)

    def _visitor(
        self, request: Request, kind: KeyKind = KeyKind.PUBLISHABLE, again: str | None = None
    ) -> Sender:
        return Sender(
            kind,
            ip=client_address(request, self.settings.proxies),
            user_agent=user_agent_of(request),
            prefetch=prefetched(request),
            idempotency_key=again,
        )

    async def _publish(self, accepted: list[Accepted]) -> None:
        """Return when Kafka has them all. Raises `Unavailable`."""
        await self.publisher.publish(
            [Message(event.key, encode_datum(_EVENT, event.datum)) for event in accepted]
        )
        for kind, count in Counter(event.datum["type"] for event in accepted).items():
            self.metrics.accepted.labels(kind).inc(count)


def _skew(sent_at: Millis | None) -> Millis:
    """Read as soon as a request is: what it waits for afterwards is none of its clock's doing."""
    try:
        return clock_skew(sent_at, now())
    except ValueError as error:
        raise refused_sent_at(str(error)) from error


def _taken(outcome: Acceptance) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "accepted": len(outcome.accepted),
        "rejected": outcome.rejected,
    }
    if outcome.clock_skew is not None:
        answer["clock_skew_ms"] = outcome.clock_skew
    return answer


def answering(endpoint: Endpoint, metrics: CollectorMetrics) -> Handler:
    """A handler whose every way to end is an answer, counted and timed."""

    async def answer(request: Request) -> Response:
        began = time.perf_counter()
        metrics.in_flight.inc()
        response = _json(500, {})
        try:
            response = await _answer(endpoint.handler, request)
            if response.status_code >= 400 and not await read_rest(request):
                response.headers["connection"] = "close"
        finally:
            metrics.in_flight.dec()
            metrics.requests.labels(endpoint.path, response.status_code).observe(
                time.perf_counter() - began
            )
        return response

    return answer


async def _answer(handle: Handler, request: Request) -> Response:
    try:
        return await handle(request)
    except RequestRefused as error:
        return _json(error.status, error.body, error.headers)
    except Unavailable as error:
        message = f"{error}; send the whole request again, with the same event_ids"
        return _json(503, {"error": message}, {"retry-after": _RETRY_AFTER})
    except ClientDisconnect:
        return _json(400, {"error": "the connection ended before the body did"})
    except Exception:
        error_id = str(uuid_utils.uuid7())
        logger.exception("error %s", error_id)
        message = (
            "unexpected; the log tells more under this id. It may have been done: send events "
            "again with the same event_ids, anything else with the same Idempotency-Key"
        )
        return _json(500, {"error": message, "id": error_id})


def _json(status: int, body: Any, headers: dict[str, str] | None = None) -> Response:
    return Response(
        msgspec.json.encode(body), status, headers=headers, media_type="application/json"
    )
