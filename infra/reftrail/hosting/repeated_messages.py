"""Filter for log messages that a client repeats hundreds of times a second."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_AT_FIRST: Final = 5
_PERIOD: Final = 10.0


@dataclass(slots=True)
class _Period:
    """The count of one message since a time, and the most lines it may fill in that period."""

    since: float
    allowed: int = _AT_FIRST
    written: int = 0
    left_out: int = 0


class OnceInAWhile(logging.Filter):
    """Lets a message through five times, then once in 10 s with the number of those left out.

    Messages are the same if they come from one logger and differ in their arguments only. What is
    below a warning passes. After 10 s without it, a message is new.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now = now
        self._periods: dict[tuple[str, str], _Period] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is to be written."""
        if record.levelno < logging.WARNING:
            return True
        now, message = self._now(), (record.name, str(record.msg))
        period = self._periods.get(message)
        if period is None or now - period.since >= _PERIOD:
            left_out = 0 if period is None else period.left_out
            if left_out:
                record.msg = f"{record.msg} (and {left_out} more like this)"
            period = self._periods[message] = _Period(now, allowed=1 if left_out else _AT_FIRST)
        if period.written < period.allowed:
            period.written += 1
            return True
        period.left_out += 1
        return False


def quieten(client: str) -> None:
    """Have what a client library's loggers repeat written once in a while."""
    loggers = logging.Logger.manager.loggerDict
    for name, logger in list(loggers.items()):
        if isinstance(logger, logging.Logger) and (name + ".").startswith(client + "."):
            logger.addFilter(OnceInAWhile())
