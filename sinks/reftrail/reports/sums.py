"""Counts of facts, as a report's SQL states them, and the sums by day or hour that it can read.

`count_of(CONDITION)`, `different_visitors(CONDITION)` and `quantiles_of_lags(...)(CONDITION)` stand
for what counts in the facts that are read: single ones, by views or placed, or those summed up by
day (see `reftrail.warehouse.placing`). Both come to the same figures. Sums are read where the
question's periods are made of whole ones, and it asks for no dimension that sums don't have.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Final

from reftrail.reports.periods import Granularity
from reftrail.reports.placed_facts import PlacedFacts
from reftrail.reports.questions import Question

_WORDS: Final = re.compile(
    r"(?P<count>\bcount_of\()|(?P<visitors>\bdifferent_visitors\()"
    r"|\bquantiles_of_lags\((?P<levels>[^)]*)\)\("
)
_UTC: Final = ("UTC", "Etc/UTC")
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)


def of_single_facts(sql: str) -> str:
    """A query that reads a row for each fact."""
    return _with_words(
        sql, "countIf(", "uniqExactIf(visitor_id, ", "quantilesExactInclusiveIf({})(lag_ms, "
    )


def of_sums(sql: str) -> str:
    """A query that reads a row for several facts."""
    return _with_words(
        sql,
        "sumIf(times, ",
        "groupBitmapArrayIf(visitor_numbers, ",
        "quantilesExactInclusiveArrayIf({})(lags, ",
    )


def _with_words(sql: str, count: str, visitors: str, lags: str) -> str:
    """The query with the beginnings of the three counts; {} stands for the levels of quantiles."""

    def written(found: re.Match[str]) -> str:
        if found["levels"] is not None:
            return lags.format(found["levels"])
        return count if found["count"] else visitors

    return _WORDS.sub(written, sql)


def of_placed(sql: str, asked: Question, placed: PlacedFacts) -> str:
    """A query of placed facts, summed up where the question lets it be."""
    for facts, sums in _SUMS.items():
        if f"{facts} AS a" in sql and (text := sums(asked, placed)) is not None:
            return placed.instead(of_sums(sql.replace(f"{facts} AS a", f"{text} AS a")))
    return placed.instead(of_single_facts(sql))


def _activity(asked: Question, placed: PlacedFacts) -> str | None:
    """Whole days of a period; what is around them is read as single visits."""
    first, last = _midnight(asked.since + _DAY - timedelta.resolution), _midnight(asked.until)
    if first >= last or not _has_days(asked) or (asked.unit and not _is_whole(asked, _DAY)):
        return None
    times = [f"{at:%Y-%m-%d %H:%M:%S.%f}"[:-3] for at in (first, last, asked.since, asked.until)]
    return placed.activity_by_day(*times)


def _receipts(asked: Question, placed: PlacedFacts) -> str | None:
    return placed.receipts_by_day() if _has_days(asked) and _is_whole(asked, _DAY) else None


def _reconciliation(asked: Question, placed: PlacedFacts) -> str | None:
    return placed.reconciliation_by_hour() if _is_whole(asked, _HOUR) else None


_SUMS: Final[dict[str, Callable[[Question, PlacedFacts], str | None]]] = {
    "v_activity": _activity,
    "v_receipts": _receipts,
    "v_reconciliation": _reconciliation,
}
"""Sums of facts for a question; None if it needs single ones."""


def _has_days(asked: Question) -> bool:
    """Whether sums by UTC day have the dimensions of a question."""
    by_country = "country" in asked.by or "country" in dict(asked.filters)
    is_of_days = asked.unit is None or asked.time_zone in _UTC
    return is_of_days and not by_country and asked.unit is not Granularity.HOUR


def _is_whole(asked: Question, unit: timedelta) -> bool:
    """Whether a period begins and ends with an hour or day of UTC."""
    beginning = datetime(1970, 1, 1, tzinfo=UTC)
    return not any((at - beginning) % unit for at in (asked.since, asked.until))


def _midnight(at: datetime) -> datetime:
    """The beginning of a time's UTC day."""
    return datetime.combine(at.astimezone(UTC).date(), time(), UTC)
