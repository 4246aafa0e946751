"""Sums of visits and of receipts by day: one row for each day, kind and dimensions, by level.

Those with all dimensions are made of single facts, the others of these. All have a partition for
each day and are placed with it, so whatever makes a day's visits anew makes its sums anew.
"""

from collections.abc import Iterator
from typing import Final

from reftrail.reports.levels import BY_SOURCE, DIMENSIONS, OF_ACTIVITY, OF_RECEIPTS, Level

NAME: Final = "LowCardinality(Nullable(String))"
VISITS: Final = "visits"
RECEIPTS: Final = "receipts"
GROUPS: Final = ", ".join(f"its_{name}" for name in DIMENSIONS)
"""The names of what `dimensions` gives."""
TABLES: Final = tuple(
    level.table(facts)
    for facts, levels in ((VISITS, OF_ACTIVITY), (RECEIPTS, OF_RECEIPTS))
    for level in levels
)

_COLUMNS: Final = ",\n    ".join(f"{name} {NAME}" for name in DIMENSIONS)
_IN_DAYS: Final = (
    "{at} >= {{{{since:DateTime64(3, 'UTC')}}}} AND {at} <= {{{{until:DateTime64(3, 'UTC')}}}} "
    "AND toDate32({at}) IN {{{{days:Array(Date32)}}}}"
)


def dimensions(level: Level, row: str) -> str:
    """A level's dimensions of a row that has all."""

    def of(name: str) -> str:
        if name in level.dimensions:
            return f"{row}.{name}"
        return f"if({row}.code IS NULL, NULL, '')" if name == "code" else "NULL"

    return ", ".join(f"CAST({of(name)}, '{NAME}') AS its_{name}" for name in DIMENSIONS)


def visitors(level: Level, numbers: str) -> str:
    """The different visitors of several rows, each of which has an array of their numbers."""
    if level.has_sets:
        return f"groupBitmapArrayState({numbers})"
    return f"arraySort(groupUniqArrayArray({numbers}))"


def no_visitors(level: Level) -> str:
    """The visitors of a row that has none."""
    none = "emptyArrayUInt32()"
    return f"initializeAggregation('groupBitmapArrayState', {none})" if level.has_sets else none


def tables() -> Iterator[str]:
    """Statements that make the tables."""
    yield from (_table_of_visits(level) for level in OF_ACTIVITY)
    yield from (_table_of_receipts(level) for level in OF_RECEIPTS)


def inserts() -> Iterator[str]:
    """Statements that add up days, whose visits and receipts are placed or given as a query."""
    yield _VISITS
    yield from (_visits(level) for level in OF_ACTIVITY if level is not BY_SOURCE)
    yield _RECEIPTS
    yield from (_receipts(level) for level in OF_RECEIPTS if level is not BY_SOURCE)


def _table_of_visits(level: Level) -> str:
    numbers = "Array(UInt32)"
    sets = f"AggregateFunction(groupBitmapArray, {numbers})"
    return f"""
CREATE TABLE {{database}}.{level.table(VISITS)}
(
    kind LowCardinality(String),
    at DateTime64(3, 'UTC'),
    {_COLUMNS},
    times UInt64,
    visitor_numbers {sets if level.has_sets else f"{numbers} CODEC(Delta, ZSTD)"}
)
ENGINE = MergeTree PARTITION BY toYYYYMMDD(at) ORDER BY (campaign_id, code, kind)
SETTINGS allow_nullable_key = 1
"""


def _table_of_receipts(level: Level) -> str:
    return f"""
CREATE TABLE {{database}}.{level.table(RECEIPTS)}
(
    day Date32,
    kind LowCardinality(String),
    at DateTime64(3, 'UTC'),
    {_COLUMNS},
    lag_ms Int64,
    skew_ms Int64,
    is_bot Bool,
    is_unknown Bool,
    times UInt64,
    lags Array(Int64) CODEC(Delta, ZSTD),
    lag_times Array(UInt64) CODEC(Delta, ZSTD)
)
ENGINE = MergeTree PARTITION BY toYYYYMMDD(day) ORDER BY (campaign_id, code)
SETTINGS allow_nullable_key = 1
"""


# groupUniqArray leaves out those of unknown visitors. The time is the last of the day.
_VISITS: Final = f"""
INSERT INTO {{database}}.{BY_SOURCE.table(VISITS)}
SELECT
    v.kind AS its_kind, max(v.at), {dimensions(BY_SOURCE, "v")}, count(),
    arraySort(groupUniqArray(v.visitor_id))
FROM {{database}}.visits AS v
WHERE {_IN_DAYS.format(at="v.at")}
GROUP BY its_kind, toDate32(v.at), {GROUPS}
"""  # noqa: S608  (texts of ours)


def _visits(level: Level) -> str:
    return f"""
INSERT INTO {{database}}.{level.table(VISITS)}
SELECT
    v.kind AS its_kind, max(v.at), {dimensions(level, "v")}, sum(v.times),
    {visitors(level, "v.visitor_numbers")}
FROM {{database}}.{BY_SOURCE.table(VISITS)} AS v
WHERE {_IN_DAYS.format(at="v.at")}
GROUP BY its_kind, toDate32(v.at), {GROUPS}
"""  # noqa: S608  (texts of ours)


# Receipts of a row are late or not, and corrected or not, as their maximum is. Lags are the
# different ones, sorted, with how often each comes: equal ones end at the places in `ends`.
_RECEIPTS: Final = f"""
INSERT INTO {{database}}.{BY_SOURCE.table(RECEIPTS)}
SELECT
    day, its_kind, last_at, {GROUPS}, most_lag, most_skew, is_bot, is_unknown, receipts,
    arrayCompact(sorted), arrayPopFront(arrayDifference(arrayPushFront(ends, 0)))
FROM (
    SELECT
        toDate32(r.happened_at) AS day, r.kind AS its_kind, max(r.at) AS last_at,
        {dimensions(BY_SOURCE, "r")}, max(r.lag_ms) AS most_lag, max(r.skew_ms) AS most_skew,
        is_bot, is_unknown, count() AS receipts, arraySort(groupArray(r.lag_ms)) AS sorted,
        arrayFilter(
            (place, lag, next) -> lag != next, arrayEnumerate(sorted), sorted,
            arrayPushBack(arrayPopFront(sorted), sorted[-1] + 1)
        ) AS ends
    FROM ({{receipts}}) AS r
    WHERE {_IN_DAYS.format(at="r.happened_at")}
    GROUP BY
        day, its_kind, toDate32(r.at), {GROUPS}, is_bot, is_unknown, r.lag_ms > 3600000,
        r.skew_ms != 0
)
"""  # noqa: S608  (texts of ours)


def _receipts(level: Level) -> str:
    """Lags are in rows of their own, which count nothing: else each flag had some of them."""
    finest = f"{{database}}.{BY_SOURCE.table(RECEIPTS)}"
    return f"""
INSERT INTO {{database}}.{level.table(RECEIPTS)}
SELECT
    r.day AS its_day, r.kind AS its_kind, max(r.at), {dimensions(level, "r")}, max(r.lag_ms),
    max(r.skew_ms), is_bot, is_unknown, sum(r.times), emptyArrayInt64(), emptyArrayUInt64()
FROM {finest} AS r
WHERE r.day IN {{{{days:Array(Date32)}}}}
GROUP BY
    its_day, its_kind, toDate32(r.at), {GROUPS}, is_bot, is_unknown, r.lag_ms > 3600000,
    r.skew_ms != 0
UNION ALL
SELECT its_day, its_kind, last_at, {GROUPS}, 0, 0, false, false, 0, met.1, met.2
FROM (
    SELECT
        its_day, its_kind, max(last_received) AS last_at, {GROUPS},
        arraySort(groupArray((lag, lag_receipts))) AS met
    FROM (
        SELECT
            r.day AS its_day, r.kind AS its_kind, toDate32(r.at) AS received,
            max(r.at) AS last_received, {dimensions(level, "r")}, lag, sum(known) AS lag_receipts
        FROM {finest} AS r
        ARRAY JOIN r.lags AS lag, r.lag_times AS known
        WHERE r.day IN {{{{days:Array(Date32)}}}}
        GROUP BY its_day, its_kind, received, {GROUPS}, lag
    )
    GROUP BY its_day, its_kind, received, {GROUPS}
)
"""  # noqa: S608  (texts of ours)
