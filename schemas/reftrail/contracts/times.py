"""The clock, and times on the wire as datetimes. Not for rules, which read no clock."""

import time
from datetime import UTC, datetime, timedelta
from typing import Final, overload

from reftrail.contracts.record import Millis

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST: Final[Millis] = -62_135_596_800_000
_LATEST: Final[Millis] = 253_402_300_799_000
"""The years 1 to 9999."""
_MILLISECOND: Final = timedelta(milliseconds=1)
FIRST: Final[datetime] = datetime(2000, 1, 1, tzinfo=UTC)
END: Final[datetime] = datetime(2200, 1, 1, tzinfo=UTC)
"""Times from outside lie from FIRST to before END: in every zone they are times that databases and
languages can hold."""
TIMES_SAY: Final = "from the year 2000 to before the year 2200"


def bounded(at: datetime) -> datetime:
    """An aware time, if it lies within the bounds. Raises ValueError."""
    if not FIRST <= at < END:
        raise ValueError(f"must be {TIMES_SAY}")
    return at


def now() -> Millis:
    """The system's clock."""
    return time.time_ns() // 1_000_000


@overload
def millis(at: datetime) -> Millis: ...
@overload
def millis(at: None) -> None: ...
@overload
def millis(at: datetime | None) -> Millis | None: ...
def millis(at: datetime | None) -> Millis | None:
    """An aware datetime on the wire; None stays None."""
    return None if at is None else (at - _EPOCH) // _MILLISECOND


@overload
def moment(at: Millis) -> datetime: ...
@overload
def moment(at: None) -> None: ...
@overload
def moment(at: Millis | None) -> datetime | None: ...
def moment(at: Millis | None) -> datetime | None:
    """A time on the wire as a datetime in UTC; None stays None."""
    return None if at is None else _EPOCH + at * _MILLISECOND


def rfc3339(at: Millis) -> str:
    """A time as RFC 3339 text in UTC, to the millisecond.

    A time that no calendar has, which earlier versions took, is the nearest one that it has.
    """
    within = min(max(at, _EARLIEST), _LATEST)
    text = datetime.fromtimestamp(within / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
