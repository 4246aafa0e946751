"""Statistics of an experiment: intervals of shares and of their differences, and the split's test.

All intervals are at 95 %.
"""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

_Z: Final = 1.959963984540054
"""The 97.5 % quantile of the standard normal distribution."""


class Interval(NamedTuple):
    """An estimate between its bounds."""

    estimate: float
    low: float
    high: float


def wilson(successes: int, trials: int) -> Interval | None:
    """A share with its score interval (Wilson 1927); None without trials."""
    if not trials:
        return None
    share = successes / trials
    around = _Z**2 / trials
    centre = (share + around / 2) / (1 + around)
    half = _Z / (1 + around) * math.sqrt(share * (1 - share) / trials + around / (4 * trials))
    return Interval(share, max(0.0, centre - half), min(1.0, centre + half))


def difference(share: Interval, other: Interval) -> Interval:
    """The difference between a share and another one, from their score intervals.

    It is method 10 of Newcombe, Statistics in Medicine 17 (1998), pages 873 to 890.
    """
    estimate = share.estimate - other.estimate
    below = math.hypot(share.estimate - share.low, other.high - other.estimate)
    above = math.hypot(share.high - share.estimate, other.estimate - other.low)
    return Interval(estimate, estimate - below, estimate + above)


def chi_square(counts: Sequence[int], expected: Sequence[float]) -> float:
    """Pearson's statistic of counts against those expected, which are above 0."""
    return sum(
        (count - wanted) ** 2 / wanted for count, wanted in zip(counts, expected, strict=True)
    )


def chi_square_p(statistic: float, degrees: int) -> float:
    """The probability of such a statistic or a larger one, in closed form (Abramowitz 26.4.4-5)."""
    half = statistic / 2
    if degrees % 2 == 0:
        terms = (half**i / math.factorial(i) for i in range(degrees // 2))
        return math.exp(-half) * sum(terms)
    terms = (half ** (i - 0.5) / math.gamma(i + 0.5) for i in range(1, (degrees + 1) // 2))
    return math.erfc(math.sqrt(half)) + math.exp(-half) * sum(terms)
