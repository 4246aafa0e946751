"""Events in the body of a request, and the time at which it says that it was sent."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from starlette.requests import Request

from reftrail.contracts.record import Millis
from reftrail.edge.field_formats import EXPECTED, parse_time
from reftrail.edge.http_errors import RequestRefused
from reftrail.edge.requests import items_of, read_body, read_json

_SENT_AT: Final = "sent_at"
_KEY: Final = "key"


class EventBatch(NamedTuple):
    """The events in a body, of whatever JSON type each is.

    sent_at is when the body says that it was sent.
    """

    items: list[Any]
    sent_at: Millis | None


async def read_events(request: Request, admit: Callable[[object], None]) -> EventBatch:
    """The events in a request's body. Raises `RequestRefused`.

    admit gets the key in the body, of whatever JSON type, or None without one. It raises for a
    request that nobody may send, before anything else in the body is looked at.
    """
    parsed = read_json(await read_body(request))
    admit(parsed.get(_KEY) if isinstance(parsed, dict) else None)
    items = items_of(parsed, "events", beside=(_SENT_AT, _KEY))
    if "events" not in parsed:
        parsed.pop(_KEY, None)
        return EventBatch(items, None)
    return EventBatch(items, _sent_at(parsed))


def refused_sent_at(reason: str) -> RequestRefused:
    """The error of a request that can't have been sent when it says."""
    return RequestRefused(422, f"{_SENT_AT} {reason}", pointer=f"/{_SENT_AT}")


def _sent_at(parsed: dict[str, Any]) -> Millis | None:
    given = parsed.get(_SENT_AT)
    if given is None:
        return None
    try:
        return parse_time(given)
    except ValueError as error:
        raise refused_sent_at(
            f"is {str(given)[:40]!r}; expected {EXPECTED['event_time']}"
        ) from error
