"""The reasons that a policy can weigh, limit, or make decisive: those of the rules."""

from typing import Final

from reftrail.campaigns.units import duration_text, parse_duration, quoted
from reftrail.campaigns.validation import FaultMessage
from reftrail.rules.fraud.checks import CHECKS

REASONS: Final = tuple(check.reason for check in CHECKS)

UNITS: Final = {check.reason: check.unit for check in CHECKS if check.unit}
"""The unit of a reason's limit: users, times, or ms."""

_DURATION: Final = "ms"


def parse_limits(given: object) -> object:
    """Limits as numbers, durations in milliseconds. Raises `FaultMessage`."""
    if not isinstance(given, dict):
        return given
    return {reason: _limit(reason, value) for reason, value in given.items()}


def limit_text(reason: str, limit: int) -> str:
    """A limit as it is written in a file."""
    return quoted(duration_text(limit)) if UNITS.get(reason) == _DURATION else str(limit)


def _limit(reason: object, given: object) -> int:
    """The unit of a limit follows from its reason; lint reports reasons that have none."""
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
    raise FaultMessage(
        f"the limit of {reason} is {given!r}; expected {expected}", at=(str(reason),)
    )
