"""Model of a weekly series: its forecast with intervals, and how good its earlier forecasts were.

Exponential smoothing (ETS) with additive errors, by statsmodels: with or without a trend, whichever
has the lower AICc. Nothing is known of seasons: there would have to be two years of each.
Source: Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., chapters 5 and 8.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

from reftrail.reports.questions import BadQuestion

LEAST_TRAINING: Final = 8
"""The fewest weeks that a forecast is made from."""
_MOST_ORIGINS: Final = 6
"""How many earlier forecasts are made again to test the model."""
_ALPHA: Final = 0.05
"""The part of figures that may lie outside the interval."""
_MOST_STEPS: Final = 100


@dataclass(frozen=True, slots=True)
class Interval:
    """The expected figure of a week, and the ends of its 95 % prediction interval."""

    expected: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Tested:
    """Errors of earlier forecasts: compared is how many figures they were compared with.

    mase is None where a series did not change before any forecast that is tested.
    """

    compared: int
    mase: float | None
    smape: float
    coverage: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """The weeks to come, and the errors of earlier forecasts of the same length."""

    weeks: tuple[Interval, ...]
    tested: Tested


def least_history(weeks: int) -> int:
    """The fewest weeks of history for a forecast that can be tested."""
    return LEAST_TRAINING + weeks


@lru_cache(maxsize=1024)
def forecast(history: tuple[float, ...], weeks: int) -> Forecast:
    """The forecast of a history of at least `least_history` weeks.

    Raises `BadQuestion` if statsmodels isn't installed.
    """
    return Forecast(_extended(history, weeks), _tested(history, weeks))


def _tested(history: tuple[float, ...], weeks: int) -> Tested:
    """A rolling origin: what would have been forecast up to six times, and what came."""
    last = len(history) - weeks
    scaled: list[float] = []
    relative: list[float] = []
    within: list[bool] = []
    for origin in range(max(LEAST_TRAINING, last - _MOST_ORIGINS + 1), last + 1):
        known, came = history[:origin], history[origin : origin + weeks]
        usual = sum(_changes(known)) / (origin - 1)
        for interval, figure in zip(_extended(known, weeks), came, strict=True):
            error = abs(figure - interval.expected)
            size = abs(figure) + abs(interval.expected)
            relative.append(2 * error / size if size else 0.0)
            within.append(interval.low <= figure <= interval.high)
            if usual:
                scaled.append(error / usual)
    count = len(within)
    mase = sum(scaled) / len(scaled) if scaled else None
    return Tested(count, mase, sum(relative) / count, sum(within) / count)


def _changes(history: tuple[float, ...]) -> Iterator[float]:
    return (abs(now - before) for before, now in pairwise(history))


def _extended(history: tuple[float, ...], weeks: int) -> tuple[Interval, ...]:
    """The weeks after a history. What was never negative isn't forecast to be."""
    if len(set(history)) == 1:
        return (Interval(history[0], history[0], history[0]),) * weeks
    # The optimizer stops by absolute differences, so it is given figures of about 1.
    unit = sum(map(abs, history)) / len(history)
    found = _best([figure / unit for figure in history], weeks)
    least = 0.0 if min(history) >= 0 else float("-inf")
    return tuple(
        Interval(*(max(least, figure * unit) for figure in (expected, low, high)))
        for expected, low, high in found
    )


def _best(history: list[float], weeks: int) -> list[tuple[float, float, float]]:
    pandas, model = _library()
    series = pandas.Series(history)
    with warnings.catch_warnings():
        # That the optimizer stopped early shows in the errors of the test.
        warnings.simplefilter("ignore")
        fits = [
            model(series, error="add", trend=trend, initialization_method="estimated").fit(
                disp=False, maxiter=_MOST_STEPS
            )
            for trend in (None, "add")
        ]
        fit = min(fits, key=lambda one: one.aicc)
        coming = fit.get_prediction(start=len(history), end=len(history) + weeks - 1)
        bounds = coming.pred_int(alpha=_ALPHA)
    return [
        (float(expected), float(low), float(high))
        for expected, (low, high) in zip(coming.predicted_mean, bounds.to_numpy(), strict=True)
    ]


def _library() -> tuple[Any, Any]:
    """pandas, and the model's class; two seconds of a processor when first asked for."""
    try:
        import pandas as pd  # noqa: PLC0415
        from statsmodels.tsa.exponential_smoothing.ets import ETSModel  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise BadQuestion(
            f"a forecast needs the package {error.name!r}; run: pip install 'reftrail[forecast]', "
            f"or build the image with --build-arg LOCK=requirements-forecast.lock"
        ) from error
    return pd, ETSModel
