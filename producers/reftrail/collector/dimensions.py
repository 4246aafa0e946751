"""Bounds on the values of reports' dimensions that publishable keys make up.

Anybody may send any channel or source under a key that is on a page, and each would be a row of a
report. Values that a code's record names aren't made up, and stay whatever came before them:
rewards hang on them, since a code may be good in some channels only.
"""

from collections.abc import Callable
from typing import Final

from reftrail.collector.event_rows import EventRow
from reftrail.collector.examination import SubmittedEvent
from reftrail.contracts.names import OTHER
from reftrail.contracts.record import DAY, Millis

MOST_VALUES: Final = 200
"""The most values of a dimension that a key brings in one day, before the rest is one value."""
_OF_CODES: Final = ("campaign_id", "category", "channel")
DIMENSIONS: Final = (*_OF_CODES, "utm_source")


class Dimensions:
    """The values that each publishable key has brought today, as far as this process has seen."""

    def __init__(self, most: int = MOST_VALUES) -> None:
        self._most = most
        self._day = 0
        self._values: dict[tuple[str, str], set[str]] = {}

    def fold(
        self,
        key: str,
        event: SubmittedEvent,
        row: EventRow,
        names_value: Callable[[str, str], bool],
    ) -> list[str]:
        """Replace values beyond a key's number by `OTHER`; the dimensions of those replaced.

        event is what row, the fields of its record, was made of: what its code says by itself is no
        value of the key's. names_value says whether the record of a code names a value of a
        dimension.
        """
        at: Millis = row.received_at
        if self._day != at // DAY:
            self._day = at // DAY
            self._values.clear()
        folded = []
        for name in DIMENSIONS:
            value = getattr(event, name)
            if value is None or value != getattr(row, name):
                continue
            if name in _OF_CODES and names_value(name, value):
                continue
            if not self._is_kept(key, name, value):
                setattr(row, name, OTHER)
                folded.append(name)
        return folded

    def _is_kept(self, key: str, name: str, value: str) -> bool:
        values = self._values.setdefault((key, name), set())
        if value not in values and len(values) >= self._most:
            return False
        values.add(value)
        return True
