"""Times as a story tells them: "10:05" on its first day, "31d 10:05" thirty-one days later."""

import re
from typing import Final

from reftrail.contracts.record import DAY, HOUR, MINUTE, SECOND, Millis

FIRST_DAY: Final[Millis] = 1_767_225_600_000
"""2026-01-01T00:00Z, the day on which stories begin."""

_MOMENT: Final = re.compile(r"(?:(-?\d+)d )?(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{3}))?)?")
_DURATION: Final = re.compile(r"(\d+)(ms|s|min|h|d)")
_UNITS: Final = {"ms": 1, "s": SECOND, "min": MINUTE, "h": HOUR, "d": DAY}


def moment(text: str) -> Millis:
    """A time in words: [days]d hours:minutes[:seconds[.millis]]. Raises ValueError."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no time; write it like '10:05' or '31d 10:05:00.001'")
    days, hours, minutes, seconds, millis = (int(part or 0) for part in found.groups())
    return FIRST_DAY + days * DAY + hours * HOUR + minutes * MINUTE + seconds * SECOND + millis


def duration(text: str) -> Millis:
    """A length of time in words: a number and one of ms, s, min, h, d. Raises ValueError."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no duration; write it like '30d' or '10min'")
    return int(found[1]) * _UNITS[found[2]]
