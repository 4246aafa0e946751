"""POST /v1/batch, /v1/track, /v1/identify, /v1/page: Segment's messages, as events.

They pass the same judgement as those of `POST /v1/events`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, NamedTuple

from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response

from reftrail.collector.clock import clock_skew
from reftrail.collector.http import Collector
from reftrail.connectors.segment import SegmentMapping, mapped_messages, read_mapping
from reftrail.contracts.api_keys import Scope
from reftrail.contracts.record import Millis
from reftrail.contracts.times import now
from reftrail.edge.field_formats import parse_time
from reftrail.edge.http_errors import RequestRefused
from reftrail.edge.requests import items_of, read_body, read_json
from reftrail.hosting.json_answer import json_answer
from reftrail.hosting.routes import Access, Endpoint

_BATCH: Final = "batch"
_KEY: Final = "writeKey"
_PATHS: Final = {
    _BATCH: _BATCH,
    "track": "track",
    "identify": "identify",
    "page": "page",
    "screen": "screen",
    "alias": "alias",
    "group": "group",
    "b": _BATCH,
    "t": "track",
    "i": "identify",
    "p": "page",
    "s": "screen",
    "a": "alias",
    "g": "group",
}
"""The kind of message by path. Segment's script uses the first letters. What means nothing here is
answered all the same: a script would tell its page of an error."""


class Message(BaseModel):
    """A message, or several of them; any other field may be there, too."""

    model_config = ConfigDict(extra="allow")

    type: str | None = None
    messageId: str | None = None  # noqa: N815  the names are Segment's
    anonymousId: str | None = None  # noqa: N815
    userId: str | None = None  # noqa: N815
    event: str | None = None
    timestamp: str | None = None
    properties: dict[str, Any] | None = None
    traits: dict[str, Any] | None = None
    context: dict[str, Any] | None = None
    batch: list[dict[str, Any]] | None = None
    sentAt: str | None = None  # noqa: N815
    writeKey: str | None = None  # noqa: N815


class _Messages(NamedTuple):
    """The messages of a request, and the lead of the sender's clock."""

    messages: list[Any]
    skew: Millis


def endpoints(
    collector: Collector, errors: dict[int, str], taken: dict[str, Any]
) -> list[Endpoint]:
    """A route for each path; errors and taken are those of `POST /v1/events`."""
    path = collector.settings.collector_segment_mapping
    handler = _Segment(collector, read_mapping(path))
    success = {"success": {"type": "boolean"}, "ignored": {"type": "integer"}}
    answer = taken | {"properties": taken["properties"] | success}
    return [
        Endpoint(
            "POST",
            f"/v1/{name}",
            partial(handler.take, kind),
            f"Take messages as Segment's HTTP API does: {kind}.",
            Access((Scope.EVENTS_WRITE,), publishable=True, in_body=True, in_basic=True),
            bodies=(Message,),
            errors=errors,
            answer=answer,
        )
        for name, kind in _PATHS.items()
    ]


@dataclass(frozen=True, slots=True)
class _Segment:
    """The handler of the routes."""

    collector: Collector
    mapping: SegmentMapping

    async def take(self, kind: str, request: Request) -> Response:
        """Answer 200 once Kafka has the events that the messages mean."""
        read = partial(_read, kind)
        (messages, skew), caller, payer = await self.collector.admit_and_read(request, read)
        payer.pay(len(messages))
        mapped = mapped_messages(self.mapping, messages)
        sender = self.collector.sender(request, caller)
        outcome = await self.collector.take(mapped.events, sender, skew, payer.address)
        body = {
            "success": True,
            "accepted": len(outcome.accepted),
            "ignored": len(messages) - len(mapped.events),
            "rejected": [
                replace(rejected, index=mapped.places[rejected.index])
                for rejected in outcome.rejected
            ],
        }
        return json_answer(body)


async def _read(kind: str, request: Request, admit: Callable[[object], None]) -> _Messages:
    """The messages of a request. Raises `RequestRefused`."""
    parsed = read_json(await read_body(request))
    admit(parsed.get(_KEY) if isinstance(parsed, dict) else None)
    if not isinstance(parsed, dict):
        raise RequestRefused(400, "expected a message as a JSON object")
    skew = _skew(parsed)
    if kind != _BATCH:
        return _Messages([{**parsed, "type": kind}], skew)
    if _BATCH not in parsed:
        return _Messages([parsed], skew)
    messages = items_of({_BATCH: parsed[_BATCH]}, _BATCH)
    shared = {"context": parsed["context"]} if "context" in parsed else {}
    return _Messages(
        [{**shared, **message} if isinstance(message, dict) else message for message in messages],
        skew,
    )


def _skew(parsed: dict[str, Any]) -> Millis:
    """The lead of a client's clock. Segment has corrected what it received itself.

    A clock that is too far off corrects nothing: those who send this can't set it.
    """
    if "receivedAt" in parsed:
        return 0
    try:
        return clock_skew(parse_time(parsed.get("sentAt")), now())
    except ValueError:
        return 0
