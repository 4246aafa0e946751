"""One event as a client would send it, and when it gets there."""

from typing import Any, NamedTuple

import msgspec

from reftrail.contracts.record import Millis
from reftrail.contracts.times import moment


class Occurrence(msgspec.Struct, frozen=True, omit_defaults=True):
    """The fields of the events API; event_time is in milliseconds until it is sent."""

    type: str
    event_id: str
    event_time: Millis
    visitor_id: str | None = None
    user_id: str | None = None
    code: str | None = None
    source: str | None = None
    device_id: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    country: str | None = None
    email: str | None = None
    order_id: str | None = None
    amount: str | None = None
    currency: str | None = None

    def as_json(self) -> dict[str, Any]:
        """What the body of a request says about this event."""
        said: dict[str, Any] = msgspec.to_builtins(self)
        said["event_time"] = rfc3339(self.event_time)
        return said


class Step(NamedTuple):
    """An event on its way: when it is sent, and by which of the programme's journeys.

    straggler: it is held back until everything else has been acknowledged. again: the same event
    was sent before.
    """

    sent_at: Millis
    event: Occurrence
    journey: int
    straggler: bool = False
    again: bool = False


def rfc3339(at: Millis) -> str:
    """A time as the events API takes it."""
    return moment(at).isoformat(timespec="milliseconds")
