"""Table of the collector's routes, and the application that is made of it."""

from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from reftrail.codes_api import endpoints as codes_endpoints
from reftrail.collector.clock import LARGEST_SKEW
from reftrail.collector.http import Collector, answering
from reftrail.collector.settings import listed
from reftrail.collector.submission import (
    AnySubmission,
    Click,
    FormStarted,
    Purchase,
    Refund,
    Signup,
    View,
)
from reftrail.contracts.record import HOUR
from reftrail.edge.requests import MAX_BYTES, MAX_EVENTS
from reftrail.hosting.health import health_endpoints
from reftrail.hosting.openapi import with_description
from reftrail.hosting.routes import Endpoint, Parameter, routes
from reftrail.reviews import Review

_ERRORS: Final = {
    400: "The body is not JSON, or of another shape.",
    401: "No known key.",
    413: f"More than {MAX_EVENTS} at once, or more than {MAX_BYTES} bytes.",
    415: "The body is compressed.",
    503: "Kafka doesn't take them; send the whole request again after Retry-After.",
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


class Decisions(BaseModel):
    """Several decisions; each is accepted or rejected on its own."""

    model_config = ConfigDict(extra="forbid")

    reviews: Annotated[list[Review], Field(max_length=MAX_EVENTS)]


def endpoints(collector: Collector) -> list[Endpoint]:
    """All routes of the collector, those for codes and for operators included."""
    own = [
        Endpoint(
            "POST",
            "/v1/events",
            collector.events,
            "Send events. Signups, purchases and refunds need a secret key.",
            bodies=(Events, View, Click, FormStarted, Signup, Purchase, Refund),
            parameters=(
                Parameter("Idempotency-Key", "header", "What is sent twice under one counts once."),
            ),
            errors=_ERRORS | {422: "sent_at is no time, or too far from the collector's clock."},
            status=202,
            answer=_EVENTS_TAKEN,
        ),
        Endpoint(
            "POST",
            "/v1/reviews",
            collector.reviews.take,
            "Decide on held rewards, or reverse granted ones. The rules say what follows.",
            bodies=(Decisions, Review),
            errors=_ERRORS | {403: "A publishable key where a secret one is needed."},
            status=202,
            answer=_TAKEN,
        ),
        Endpoint(
            "GET",
            "/r/{code}",
            collector.follow,
            "Count a click, and redirect to the landing page.",
            errors={404: "The collector has no landing page."},
            status=302,
            answers=(),
            is_open=True,
        ),
        *codes_endpoints(collector.codes_api),
        *health_endpoints(collector.readiness, collector.metrics.exposition),
    ]
    return with_description("reftrail: collector", own, is_open=True)


def application(collector: Collector) -> Starlette:
    """The ASGI application."""
    origins = listed(collector.settings.cors_origins)
    cors = Middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["POST"],
        allow_headers=["authorization", "content-type", "idempotency-key"],
        expose_headers=["retry-after"],
        max_age=3600,
    )
    return Starlette(
        routes=routes(endpoints(collector), lambda one: answering(one, collector.metrics)),
        middleware=[cors] if origins else [],
    )
