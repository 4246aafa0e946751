"""Queue of the keys of a stage by the times of their timers."""

from collections.abc import Container
from heapq import heapify, heappop, heappush
from typing import Final

from reftrail.contracts.record import Millis

_SLACK: Final = 64


class TimerQueue:
    """Timers of keys, and those of them that are due.

    A heap that forgets lazily: an entry counts only while it is what the key has now. It is rebuilt
    when most of its entries are stale, so that it is never much larger than the keys with a time.
    """

    def __init__(self) -> None:
        self._times: dict[str, Millis] = {}
        self._heap: list[tuple[Millis, str]] = []

    def set(self, key: str, time: Millis | None) -> None:
        """From now on the key has this time; None: it has none."""
        if self._times.get(key) == time:
            return
        if time is None:
            del self._times[key]
        else:
            self._times[key] = time
            heappush(self._heap, (time, key))
        if len(self._heap) > _SLACK + 2 * len(self._times):
            self._heap = [(time, key) for key, time in self._times.items()]
            heapify(self._heap)

    def due(
        self, until: Millis, most: int, without: Container[str] = ()
    ) -> list[tuple[Millis, str]]:
        """The first keys whose time is at or before until, by time and then by key.

        At most so many, and none of those in without. They keep their times.
        """
        found: list[tuple[Millis, str]] = []
        looked_at: list[tuple[Millis, str]] = []
        while self._heap and self._heap[0][0] <= until and len(found) < most:
            entry = heappop(self._heap)
            time, key = entry
            if self._times.get(key) != time or (looked_at and looked_at[-1] == entry):
                continue
            looked_at.append(entry)
            if key not in without:
                found.append(entry)
        for entry in looked_at:
            heappush(self._heap, entry)
        return found
