"""Counts of facts, as a report's SQL states them, and the sums by day or hour that it can read.

`count_of(CONDITION)`, `different_visitors(CONDITION)` and `quantiles_of_lags(...)(CONDITION)` stand
for what counts in the facts that are read: single ones, by views or placed, or those summed up by
day (see `reftrail.warehouse.placing`). `sets_of_visitors(CONDITION)` are values to be counted
later, together, by `visitors_in_sets(COLUMN)`. All facts come to the same figures. Sums are read
where the question's periods are made of whole ones, and it asks for no dimension that sums don't
have; of their levels (see `levels`) the one with the fewest rows.
"""

import re
from datetime import UTC, datetime, time, timedelta
from typing import Final

from reftrail.reports.levels import OF_ACTIVITY, OF_RECEIPTS, Level, first_with
from reftrail.reports.periods import Granularity
from reftrail.reports.placed_facts import PlacedFacts
from reftrail.reports.questions import DIMENSIONS, FILTERS, Question
from reftrail.reports.report_files import Report, SumsOf

_WORDS: Final = re.compile(
    r"\b(?P<word>count_of|different_visitors|sets_of_visitors|visitors_in_sets)\("
    r"|\bquantiles_of_lags\((?P<levels>[^)]*)\)\("
)
_LAGS: Final = "quantilesExactWeightedInterpolated{array}If(LEVELS)"
"""Percentiles of lags with weights, by the same function of single lags and of different ones."""
_UTC: Final = ("UTC", "Etc/UTC")
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)


def of_single_facts(sql: str) -> str:
    """A query that reads a row for each fact."""
    return _with_words(
        sql, "countIf(", "uniqExact", "visitor_id, ", f"{_LAGS.format(array='')}(lag_ms, 1, "
    )


def of_sums(sql: str, level: Level | None = None, *, is_by_code: bool = False) -> str:
    """A query that reads a row for several facts, of a level if these have any.

    is_by_code: its visitors are those of single codes. Few numbers are counted faster in a hash
    table, many in a bitmap.
    """
    visitors = "uniqExactArray" if is_by_code else "groupBitmapArray"
    if level is not None and level.has_sets:
        visitors = "groupBitmapArrayMerge"
    lags = f"{_LAGS.format(array='Array')}(lags, lag_times, "
    return _with_words(sql, "sumIf(times, ", visitors, "visitor_numbers, ", lags)


def _with_words(sql: str, count: str, visitors: str, of: str, lags: str) -> str:
    """The query with the beginnings of what counts.

    visitors is ClickHouse's function for numbers of different visitors, `of` its argument. LEVELS
    in lags stands for the levels of the quantiles.
    """
    words = {
        "count_of": count,
        "different_visitors": f"{visitors}If({of}",
        "sets_of_visitors": f"{visitors}StateIf({of}",
        "visitors_in_sets": f"{visitors.removesuffix('Merge')}Merge(",
    }

    def written(found: re.Match[str]) -> str:
        if found["levels"] is not None:
            return lags.replace("LEVELS", found["levels"])
        return words[found["word"]]

    return _WORDS.sub(written, sql)


def of_placed(report: Report, asked: Question, placed: PlacedFacts) -> str:
    """A report's query of placed facts, summed up where the question lets it be."""
    found = _sums(report, asked, placed)
    if found is None:
        return placed.instead(of_single_facts(report.sql))
    table, level = found
    sql = report.sql.replace(f"FROM {report.facts} AS a", f"FROM {table} AS a")
    is_by_code = "code" in (*asked.by, *report.always_by)
    return placed.instead(of_sums(sql, level, is_by_code=is_by_code))


def _sums(report: Report, asked: Question, placed: PlacedFacts) -> tuple[str, Level | None] | None:
    """The table of sums that answers a question, and its level; None if single facts are needed.

    Sums by hour have no level.
    """
    match report.sums:
        case SumsOf.ACTIVITY:
            return _activity(report, asked, placed)
        case SumsOf.RECEIPTS if _has_days(asked) and _is_whole(asked, _DAY):
            level = first_with(OF_RECEIPTS, _dimensions(report, asked))
            return None if level is None else (placed.receipts_by_day(level), level)
        case SumsOf.RECONCILIATION if _has_utc_periods(asked) and _is_whole(asked, _HOUR):
            return placed.reconciliation_by_hour(), None
        case _:
            return None


def _activity(report: Report, asked: Question, placed: PlacedFacts) -> tuple[str, Level] | None:
    """Whole days of a period; what is around them is read as single facts, which have no sets."""
    first, last = _midnight(asked.since + _DAY - timedelta.resolution), _midnight(asked.until)
    is_whole = _is_whole(asked, _DAY)
    if first >= last or not _has_days(asked) or (asked.unit and not is_whole):
        return None
    levels = [
        level
        for level in OF_ACTIVITY
        if (is_whole or not level.has_sets)
        and (report.counts_clickers_only or not level.has_clickers_only)
    ]
    level = first_with(levels, _dimensions(report, asked))
    if level is None:
        return None
    if is_whole:
        return placed.activity_by_day(level), level
    begin, end = (f"{at:%Y-%m-%d %H:%M:%S.%f}"[:-3] for at in (first, last))
    return placed.activity_around_days(level, begin, end), level


def _dimensions(report: Report, asked: Question) -> set[str]:
    """Columns of the dimensions that a question is about, and of those that its report reads."""
    names = {*asked.by, *dict(asked.filters), *report.always_by} & {*FILTERS}
    return {DIMENSIONS[name] for name in names}


def _has_days(asked: Question) -> bool:
    """Whether sums by UTC day have the dimensions of a question."""
    by_country = "country" in asked.by or "country" in dict(asked.filters)
    return _has_utc_periods(asked) and not by_country and asked.unit is not Granularity.HOUR


def _has_utc_periods(asked: Question) -> bool:
    """Whether the hours, days, weeks or months that a question is by, if any, are those of UTC."""
    return asked.unit is None or asked.time_zone in _UTC


def _is_whole(asked: Question, unit: timedelta) -> bool:
    """Whether a period begins and ends with an hour or day of UTC."""
    beginning = datetime(1970, 1, 1, tzinfo=UTC)
    return not any((at - beginning) % unit for at in (asked.since, asked.until))


def _midnight(at: datetime) -> datetime:
    """The beginning of a time's UTC day."""
    return datetime.combine(at.astimezone(UTC).date(), time(), UTC)
