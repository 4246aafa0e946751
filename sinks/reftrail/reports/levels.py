"""Levels of sums by day: tables of the same facts, whose rows have all dimensions, or only some.

A row with fewer dimensions is the sum of more facts, so a question reads the first level that has
all dimensions that it names. Where codes of many are one row, `code` is '' for any code and null
for none. `visitor_numbers` are the sorted numbers of the different visitors, or, where these are
many, a set of them as ClickHouse makes it (the state of `groupBitmapArray`).
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

DIMENSIONS: Final = ("code", "campaign_id", "category", "channel", "utm_source")
"""Columns of all sums, in this order; null where a level is without one."""


@dataclass(frozen=True, slots=True)
class Level:
    """Tables whose names end in its name.

    has_sets: their visitors are sets. has_clickers_only: of views and forms they have no visitors;
    it is for reports that count those who clicked.
    """

    name: str
    dimensions: tuple[str, ...]
    has_sets: bool = False
    has_clickers_only: bool = False

    def table(self, facts: str) -> str:
        """Name of its table of some facts."""
        return f"days_of_{facts}_by_{self.name}"


BY_CAMPAIGN: Final = Level("campaign", ("campaign_id",), has_sets=True)
BY_CHANNEL: Final = Level("channel", ("campaign_id", "category", "channel"), has_sets=True)
BY_CODE: Final = Level("code", DIMENSIONS[:-1], has_clickers_only=True)
BY_SOURCE: Final = Level("source", DIMENSIONS)
OF_ACTIVITY: Final = (BY_CAMPAIGN, BY_CHANNEL, BY_CODE, BY_SOURCE)
OF_RECEIPTS: Final = (BY_CAMPAIGN, BY_SOURCE)
"""From the fewest rows to all dimensions."""


def first_with(levels: Collection[Level], dimensions: Collection[str]) -> Level | None:
    """The first of some levels that has all dimensions; None if none has."""
    return next((level for level in levels if {*dimensions} <= {*level.dimensions}), None)
