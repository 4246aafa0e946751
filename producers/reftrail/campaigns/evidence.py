"""The reasons that a policy can weigh, limit, or make decisive: those of the rules."""

from typing import Final

from reftrail.campaigns.units import duration_text, parse_duration, quoted
from reftrail.campaigns.validation import Told
from reftrail.rules.fraud.checks import CHECKS

REASONS: Final = tuple(check.reason for check in CHECKS)

UNITS: Final = {check.reason: check.unit for check in CHECKS if check.unit}
"""What the limit of a reason is in, of those that have one: users, times, or ms."""

_DURATION: Final = "ms"


def parse_limits(given: object) -> object:
    """Limits as numbers: durations in milliseconds, the others as they are. Raises `Told`."""
    if not isinstance(given, dict):
        return given
    return {reason: _limit(reason, value) for reason, value in given.items()}


def limit_text(reason: str, limit: int) -> str:
    """A limit as it stands in a file."""
    return quoted(duration_text(limit)) if UNITS.get(reason) == _DURATION else str(limit)


def _limit(reason: object, given: object) -> int:
    """What a limit is in follows from its reason; lint tells of reasons that have none."""
    unit = UNITS.get(str(reason))
    is_count = isinstance(given, int) and not isinstance(given, bool) and 0 <= given < 2**31
    if unit != _DURATION and is_count:
        assert isinstance(given, int)
        return given
    if unit in (_DURATION, None):
        try:
            return parse_duration(given)
        except ValueError:
            pass
    expected = (
        'a duration in quotes such as "10 seconds"'
        if unit == _DURATION
        else f"a number of {unit or 'users or times'}, without quotes"
    )
    raise Told(f"the limit of {reason} is {given!r}; expected {expected}", at=(str(reason),))
