"""Adjustments: credits and debits of the ledger by hand, and a second person's decisions.

Input: adjustments and decisions, by command or over HTTP. Output: the topic `adjustments`.
Guarantee: what was acknowledged is on the topic; whether it is possible, and what follows, the
rules say.
"""

from reftrail.adjustments.known import KnownAdjustments
from reftrail.adjustments.submission import (
    EXPECTED,
    EXPECTED_OF_DECISION,
    Adjustment,
    Decision,
    adjustments,
    decisions,
)

__all__ = [
    "EXPECTED",
    "EXPECTED_OF_DECISION",
    "Adjustment",
    "Decision",
    "KnownAdjustments",
    "adjustments",
    "decisions",
]
