"""Capacity of a format: the share that is issued, and the warning before it is exhausted."""

import logging
from typing import Final

from reftrail.codes.formats.derived import WORST_ODDS
from reftrail.codes.formats.patterns import right_guess
from reftrail.codes.model import Format
from reftrail.codes.service.generation import pattern_of
from reftrail.codes.service.metrics import CodeMetrics
from reftrail.contracts.reference import FormatKind

logger = logging.getLogger(__name__)

COLLIDING: Final = 0.01
"""Share of drawn codes that are issued already, from which on a random format is called full."""

FULL: Final = 0.8
"""The same of what can be counted, or of what the odds of a right guess allow."""


def share_used(format_: Format, used: int) -> float:
    """The used share of a format's capacity: for derived ones of what the worst odds allow."""
    pattern = pattern_of(format_.defined.pattern)
    if format_.defined.kind == FormatKind.DERIVED:
        return right_guess(pattern.random_size, format_.defined.count) / WORST_ODDS
    return used / (pattern.random_size if pattern.random_segments else pattern.size)


class Capacity:
    """Tells of formats as they fill up: always in the metrics, once in the log."""

    def __init__(self, metrics: CodeMetrics) -> None:
        self._metrics = metrics
        self._reported: set[str] = set()

    def note(self, format_: Format, used: int) -> None:
        """Take down how many codes of a format there are."""
        name, share = format_.defined.name, share_used(format_, used)
        self._metrics.space_used.labels(name).set(share)
        if share < self._full_from(format_) or name in self._reported:
            return
        self._reported.add(name)
        logger.warning("format %s: %s", name, self._words(format_, used, share))

    def _words(self, format_: Format, used: int, share: float) -> str:
        if format_.defined.kind == FormatKind.DERIVED:
            return (
                f"{format_.defined.count:,} codes are {share:.0%} of what one right guess in "
                f"{1 / WORST_ODDS:,.0f} allows; define a format with more symbols"
            )
        if not pattern_of(format_.defined.pattern).random_segments:
            return f"{used:,} codes are {share:.0%} of all there are; define a longer format"
        return (
            f"{share:.1%} of the codes drawn exist already ({used:,} are issued); define a format "
            f"with a longer body, or with an alphabet of more symbols"
        )

    def _full_from(self, format_: Format) -> float:
        drawn = format_.defined.kind == FormatKind.REGISTERED
        return COLLIDING if drawn and pattern_of(format_.defined.pattern).random_segments else FULL
