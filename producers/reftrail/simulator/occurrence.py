"""One event as a client would send it, and when it gets there."""

from typing import Any, Final, NamedTuple

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
    utm_source: str | None = None
    device_id: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    country: str | None = None
    email: str | None = None
    order_id: str | None = None
    amount: str | None = None
    currency: str | None = None
    net_amount: str | None = None
    tax: str | None = None
    refund_id: str | None = None
    amount_refunded: str | None = None
    dispute_id: str | None = None
    merged_into: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The body of a request for this event."""
        said: dict[str, Any] = msgspec.to_builtins(self)
        said["event_time"] = rfc3339(self.event_time)
        return said


class Moved(NamedTuple):
    """The money that really moves with an event, in minor units, whatever the event says about it.

    An order is paid, of which net is the share without tax. What is returned of it goes back to the
    customer. A second report of a refund returns nothing.
    """

    paid: int = 0
    net: int = 0
    returned: int = 0


NOTHING_MOVED: Final = Moved()


class Step(NamedTuple):
    """An event on its way: when it is sent, and by which of the programme's journeys.

    straggler: it is held back until everything else has been acknowledged. again: the same event
    was sent before. moved is for the truth alone, and isn't sent.
    """

    sent_at: Millis
    event: Occurrence
    journey: int
    straggler: bool = False
    again: bool = False
    moved: Moved = NOTHING_MOVED


def rfc3339(at: Millis) -> str:
    """A time as the events API takes it."""
    return moment(at).isoformat(timespec="milliseconds")


PLACES: Final = {"USD": 2, "EUR": 2, "JPY": 0, "KWD": 3}
"""Decimal places of the currencies that customers pay in."""


def decimal(minor: int, currency: str = "USD") -> str:
    """An amount in minor units of its currency, as the events API takes it."""
    places = PLACES[currency]
    units, rest = divmod(minor, 10**places)
    return f"{units}.{rest:0{places}}" if places else str(units)
