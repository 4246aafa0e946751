"""The clock, and times on the wire as datetimes. Not for rules, which read no clock."""

import time
from datetime import UTC, datetime, timedelta
from typing import Final, overload

from reftrail.contracts.record import Millis

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


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
    """A time as RFC 3339 text in UTC, to the millisecond."""
    text = datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
