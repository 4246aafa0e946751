"""Decision when the next load is due: large while much comes in, soon once nothing more does."""

import time
from collections.abc import Callable
from typing import Final

from reftrail.warehouse.gathering import Gathering
from reftrail.warehouse.settings import WarehouseSettings

_SHARE: Final = 4
"""Where nothing presses, a load begins at the earliest after so many times as long as the last one
took: small loads take at most a quarter of the time, and leave few parts to merge."""
_FIXED_SECONDS: Final = 0.2
"""What a load costs at most however few its messages are: 0.19 s of processor time where all topics
have some."""
_EARLY_SHARE: Final = 0.1
"""A load begins before its delay is over only while these costs are at most such a share of the
time. Pauses between a worker's transactions would make many small loads of a steady one."""
_MOST_SAVED_SECONDS: Final = 1.0
"""How much of the share is saved up while little is loaded."""


class Pace:
    """The times of loads, and what they make of the next one. clock gives seconds."""

    def __init__(
        self, settings: WarehouseSettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._began = self._ended = clock()
        self._saved = _MOST_SAVED_SECONDS

    def begins(self) -> None:
        """Note that a load begins."""
        self._saved = self._saved_at(now := self._clock())
        self._began = self._ended = now

    def ended(self) -> None:
        """Note that it has ended."""
        self._ended = self._clock()
        self._saved = max(0.0, self._saved - self._fixed)

    def is_full(self, gathering: Gathering) -> bool:
        """Whether the messages are as many as one load takes."""
        return gathering.is_full(self._settings.load_rows, self._settings.load_bytes)

    def is_due(self, gathering: Gathering, *, is_quiet: bool) -> bool:
        """Whether the messages are to be loaded now. is_quiet: nothing more came in just now."""
        if not gathering:
            return False
        now, delay = self._clock(), self._settings.load_delay_ms / 1000
        is_late = now - gathering.since >= delay
        is_rested = now - self._began >= min(delay, _SHARE * self._took)
        may_be_early = self._saved_at(now) >= self._fixed
        is_soon = is_quiet and is_rested and may_be_early
        return is_late or is_soon or self.is_full(gathering)

    @property
    def _took(self) -> float:
        """Seconds that the last load took."""
        return self._ended - self._began

    @property
    def _fixed(self) -> float:
        return min(_FIXED_SECONDS, self._took)

    def _saved_at(self, now: float) -> float:
        return min(_MOST_SAVED_SECONDS, self._saved + _EARLY_SHARE * (now - self._ended))
