"""Table of the collector's routes, and the application that is made of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

from reftrail.adjustments import Adjustment, Decision
from reftrail.collector import app_links, connect, links, match, pixel, segment
from reftrail.collector.answers import answering
from reftrail.collector.clock import LARGEST_SKEW
from reftrail.collector.http import Collector
from reftrail.collector.single_events import single_events
from reftrail.collector.submission import (
    AnySubmission,
    Click,
    DisputeLost,
    DisputeOpened,
    DisputeWon,
    FormStarted,
    Purchase,
    Refund,
    Signup,
    View,
)
from reftrail.contracts.api_keys import Scope
from reftrail.contracts.installation import listed
from reftrail.contracts.record import HOUR
from reftrail.edge.api_keys import ApiKeys
from reftrail.edge.authorization import APP_HEADER
from reftrail.edge.requests import BODY_SECONDS, MAX_BYTES, MAX_EVENTS
from reftrail.hosting.health import health_endpoints
from reftrail.hosting.openapi import with_description
from reftrail.hosting.problems import problem
from reftrail.hosting.routes import (
    OPEN,
    Access,
    Endpoint,
    Parameter,
    Shortcut,
    needs,
    routes,
    served,
)
from reftrail.reviews import Review

if TYPE_CHECKING:
    from reftrail.codes_api import CodesApi

_ERRORS: Final = {
    400: "The body is not JSON, or of another shape.",
    401: "No known key.",
    408: f"The body has not arrived within {BODY_SECONDS:g} s.",
    413: f"More than {MAX_EVENTS} at once, or more than {MAX_BYTES} bytes.",
    415: "The body is compressed, and neither by gzip nor by zstd.",
    429: "Too many events or wrong keys; Retry-After says when to send again.",
    503: "Kafka doesn't take them; send the whole request again after Retry-After.",
}
_FORBIDDEN: Final = {
    403: "A publishable key where a secret one is needed, or one of other origins or apps; or a "
    "secret key without the scope."
}
_TAKEN: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["accepted", "rejected"],
    "properties": {
        "accepted": {"type": "integer", "description": "How many Kafka has."},
        "rejected": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["index", "pointer", "reason"],
                "properties": {
                    "index": {"type": "integer", "description": "Which of them, from 0."},
                    "pointer": {"type": "string", "description": "The field (RFC 6901)."},
                    "reason": {"type": "string", "description": "What is wrong with it."},
                },
            },
        },
    },
}

_BAD_REQUEST: Final = 400
_NO_CORS: Final = (
    "pages of this origin may not send this; name it in --origin of a publishable key, and send "
    "POST with the headers authorization, content-type, idempotency-key and x-reftrail-app alone"
)
_OFTEN: Final = "/v1/events"
"""The route of nearly all requests."""
DISPUTES: Final = (DisputeOpened, DisputeWon, DisputeLost)


_EVENTS_TAKEN: Final = _TAKEN | {
    "properties": _TAKEN["properties"]
    | {
        "clock_skew_ms": {
            "type": "integer",
            "description": "The largest correction of an event's time, if any was corrected: by "
            "so much the sender's clock is ahead.",
        }
    }
}


class Events(BaseModel):
    """Several events; each is accepted or rejected on its own."""

    model_config = ConfigDict(extra="forbid")

    events: Annotated[list[AnySubmission], Field(max_length=MAX_EVENTS)]
    sent_at: Annotated[
        datetime | None,
        Field(
            description="What the clock that dated the events shows when this is sent. If it is "
            f"off by at most {LARGEST_SKEW // HOUR} hours, the events' times are corrected."
        ),
    ] = None
    key: Annotated[
        str | None,
        Field(description="A publishable key, where no header can be set: navigator.sendBeacon."),
    ] = None


class Decisions(BaseModel):
    """Several decisions; each is accepted or rejected on its own."""

    model_config = ConfigDict(extra="forbid")

    reviews: Annotated[list[Review], Field(max_length=MAX_EVENTS)]


class Adjustments(BaseModel):
    """Several adjustments; each is accepted or rejected on its own, but for ids used before."""

    model_config = ConfigDict(extra="forbid")

    adjustments: Annotated[list[Adjustment], Field(max_length=MAX_EVENTS)]


class AdjustmentDecisions(BaseModel):
    """Several decisions about adjustments; each is accepted or rejected on its own."""

    model_config = ConfigDict(extra="forbid")

    decisions: Annotated[list[Decision], Field(max_length=MAX_EVENTS)]


def endpoints(collector: Collector, beside: Sequence[Endpoint] = ()) -> list[Endpoint]:
    """All routes of the collector, those for codes and for operators included.

    beside are more routes, that another host adds.
    """
    own = [
        Endpoint(
            "POST",
            "/v1/events",
            collector.events,
            "Send events. Signups, purchases, refunds and disputes need a secret key.",
            Access((Scope.EVENTS_WRITE,), publishable=True, in_body=True),
            bodies=(Events, View, Click, FormStarted, Signup, Purchase, Refund, *DISPUTES),
            parameters=(
                Parameter("Idempotency-Key", "header", "What is sent twice under one counts once."),
                Parameter("X-Reftrail-App", "header", "The app's id, for a key of apps."),
            ),
            errors=_ERRORS
            | _FORBIDDEN
            | {
                422: "sent_at is no time, or too far from the collector's clock; or the "
                "Idempotency-Key was used for other events."
            },
            status=202,
            answer=_EVENTS_TAKEN,
        ),
        Endpoint(
            "POST",
            "/v1/reviews",
            collector.reviews.take,
            "Decide on held rewards, or reverse granted ones. The rules say what follows.",
            needs(Scope.REVIEWS_WRITE),
            bodies=(Decisions, Review),
            errors=_ERRORS | _FORBIDDEN,
            status=202,
            answer=_TAKEN,
        ),
        Endpoint(
            "POST",
            "/v1/adjustments",
            collector.adjustments.take,
            "Credit or debit beneficiaries by hand. The rules say what follows.",
            needs(Scope.ADJUSTMENTS_WRITE),
            bodies=(Adjustments, Adjustment),
            errors=_ERRORS | _FORBIDDEN | {422: "Another adjustment has the adjustment_id."},
            status=202,
            answer=_TAKEN,
        ),
        Endpoint(
            "POST",
            "/v1/adjustments/decisions",
            collector.adjustments.decide,
            "Approve or decline adjustments that wait for a second person.",
            needs(Scope.ADJUSTMENTS_WRITE),
            bodies=(AdjustmentDecisions, Decision),
            errors=_ERRORS | _FORBIDDEN,
            status=202,
            answer=_TAKEN,
        ),
        links.endpoint(collector),
        *app_links.endpoints(collector.settings),
        pixel.endpoint(collector),
        match.endpoint(collector),
        *segment.endpoints(collector, _ERRORS | _FORBIDDEN, _TAKEN),
        *connect.endpoints(collector),
        *_for_codes(collector.codes_api),
        *health_endpoints(collector.readiness, collector.metrics.exposition),
        *beside,
    ]
    return with_description("reftrail: collector", own, OPEN)


def _for_codes(api: "CodesApi | None") -> list[Endpoint]:
    if api is None:
        return []
    from reftrail.codes_api import endpoints as codes_endpoints  # noqa: PLC0415  SQLAlchemy

    return codes_endpoints(api)


class _KeyedCors(CORSMiddleware):
    """CORS for the origins of the settings, and for those that some publishable key names."""

    def __init__(self, app: ASGIApp, /, keys: ApiKeys, origins: Sequence[str]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=["POST"],
            allow_headers=["authorization", "content-type", "idempotency-key", APP_HEADER],
            expose_headers=["retry-after"],
            max_age=3600,
        )
        self._keys = keys

    def preflight_response(self, request_headers: Headers) -> Response:
        """The answer to a preflight; a refusal is a problem that says what to do."""
        answer = super().preflight_response(request_headers)
        if answer.status_code < _BAD_REQUEST:
            return answer
        kept = ("vary", "access-control-allow-origin")
        headers = {name: answer.headers[name] for name in kept if name in answer.headers}
        return problem(answer.status_code, _NO_CORS, headers)

    def is_allowed_origin(self, origin: str) -> bool:
        """Whether pages of an origin may read answers."""
        return super().is_allowed_origin(origin) or self._keys.allows_origin(origin)


def application(collector: Collector, beside: Sequence[Endpoint] = ()) -> ASGIApp:
    """The ASGI application; beside are more routes, that another host adds."""
    made = endpoints(collector, beside)
    origins = listed(collector.settings.cors_origins)
    cors = Middleware(_KeyedCors, keys=collector.authorization.keys, origins=origins)
    app = served(routes(made, lambda route: answering(route, collector)), middleware=[cors])
    often = {
        (endpoint.method, endpoint.path): endpoint for endpoint in made if endpoint.path == _OFTEN
    }
    begins = single_events(collector)
    return Shortcut(
        app,
        {place: answering(endpoint, collector) for place, endpoint in often.items()},
        {} if begins is None else dict.fromkeys(often, begins.of_head),
    )
