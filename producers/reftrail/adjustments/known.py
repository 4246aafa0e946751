"""Ids of the adjustments that are on the topic: each names one adjustment in an installation."""

from collections.abc import Iterable

from reftrail.contracts.adjustments import Adjusted
from reftrail.contracts.record import Record


class KnownAdjustments:
    """The content of each adjustment, by its id.

    An event_id follows from the content, so equal ones say the same.
    """

    def __init__(self) -> None:
        self._by_id: dict[str, str] = {}

    def take(self, record: Record) -> None:
        """Take in a record of the topic. The first adjustment with an id has it."""
        if isinstance(record, Adjusted):
            self._by_id.setdefault(record.adjustment_id, record.event_id)

    def another(self, adjustments: Iterable[Adjusted]) -> Adjusted | None:
        """The first of some adjustments whose id another adjustment has; None if all are good.

        Two of them with the same id must be the same, too.
        """
        seen: dict[str, str] = {}
        for adjusted in adjustments:
            first = self._by_id.get(adjusted.adjustment_id, adjusted.event_id)
            if seen.setdefault(adjusted.adjustment_id, first) != adjusted.event_id:
                return adjusted
        return None
