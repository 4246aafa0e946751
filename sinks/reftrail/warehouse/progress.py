"""Progress of loading: positions, and the time up to which everything is loaded."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from reftrail.warehouse.loader import Work

PartitionKey = tuple[str, int]
"""A topic, without prefix, and a partition."""

_OBSERVATIONS: Final = 256


@dataclass(slots=True)
class LoadedPositions:
    """Positions up to which each partition is loaded.

    as_of is the latest known time at which every message that was committed to a public topic by
    then is loaded; None until that is first the case. Messages that came later may be loaded too.
    answered_at is when the broker last gave its ends. Times are in seconds since 1970. standby_for
    names the warehouse that loads where this one waits.
    """

    positions: dict[PartitionKey, int] = field(default_factory=dict)
    as_of: float | None = None
    answered_at: float | None = None
    standby_for: str | None = None
    _observed: deque[tuple[float, Mapping[PartitionKey, int]]] = field(default_factory=deque)
    _ends: Mapping[PartitionKey, int] = field(default_factory=dict)

    def loaded(self, batch: Iterable[Work]) -> None:
        """A batch is in ClickHouse."""
        for work in batch:
            for part in work.parts:
                self.positions[work.topic.name, part.partition] = part.chunk.end
        self._settle()

    def waits_for(self, holder: str | None) -> None:
        """Another warehouse loads, or none: it is this one's turn."""
        self.standby_for = holder

    def observed(self, at: float, ends: Mapping[PartitionKey, int]) -> None:
        """At this time, or a little later, the log's ends were these."""
        self.answered_at = at
        self._ends = ends
        if len(self._observed) < _OBSERVATIONS:
            self._observed.append((at, ends))
        self._settle()

    def lags(self) -> dict[str, int]:
        """Positions that are missing at the latest observation, by topic."""
        lags: dict[str, int] = {}
        for place, end in self._ends.items():
            missing = max(0, end - self.positions.get(place, 0))
            lags[place[0]] = lags.get(place[0], 0) + missing
        return lags

    def is_behind(self) -> bool:
        """Whether messages are missing at the latest observation."""
        return not self._has(self._ends)

    def as_of_text(self) -> str | None:
        """as_of in RFC 3339, to the millisecond."""
        if self.as_of is None:
            return None
        text = datetime.fromtimestamp(self.as_of, UTC).isoformat(timespec="milliseconds")
        return text.replace("+00:00", "Z")

    def _settle(self) -> None:
        while self._observed and self._has(self._observed[0][1]):
            self.as_of = self._observed.popleft()[0]

    def _has(self, ends: Mapping[PartitionKey, int]) -> bool:
        return all(self.positions.get(place, 0) >= end for place, end in ends.items())
