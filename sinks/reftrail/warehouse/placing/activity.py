"""Placed activity: what people did and what was decided, fact by fact and summed up by day.

Reports that count activity read one of two: `v_activity`, a row for each fact, or, for whole days
of UTC, the sums of the level that has what they ask for (see `reftrail.reports.levels`), one table
each: ClickHouse takes longer to plan a query of several tables than to read one. A row of sums is
of one day, kind, dimensions and whatever else `_FACTS` states. It has the number of its facts
(times), the sums of their amounts, and the numbers of their different visitors; its time is that
of its last fact. `days_of_receipts_by_...` have `v_receipts` so.

Whether a click's visitor signed up later is known only afterwards, and would change days long gone.
So clicks are placed without it, and those before a signup once more, as the kind `signed_up_click`.
"""

from collections.abc import Iterator
from typing import Final

from clickhouse_connect.driver.client import Client

from reftrail.reports.levels import BY_CODE, OF_ACTIVITY, OF_RECEIPTS, Level
from reftrail.warehouse.placing import day_sums
from reftrail.warehouse.placing.day_sums import GROUPS, NAME
from reftrail.warehouse.placing.polite import POLITE

OF_VISITS: Final = ("v_activity_visits", "v_code_visitors")
"""Views whose rows are placed here."""

_SIGNED_UP: Final = """
CREATE TABLE {database}.v_visitors_signed_up ENGINE = MergeTree ORDER BY visitor_id AS
{signed_up}
"""
_CLICKS: Final = """
CREATE TABLE {database}.signed_up_clicks
ENGINE = MergeTree ORDER BY (campaign_id, at) SETTINGS allow_nullable_key = 1 AS
SELECT
    toLowCardinality('signed_up_click') AS kind, c.at AS at, c.code AS code,
    c.campaign_id AS campaign_id, c.category AS category, c.channel AS channel,
    c.utm_source AS utm_source, c.country AS country, c.visitor_id AS visitor_id
FROM (SELECT * FROM {database}.v_visits WHERE kind = 'click' AND visitor_id IS NOT NULL) AS c
INNER JOIN {database}.v_visitors_signed_up AS s ON c.visitor_id = s.visitor_id
WHERE arrayExists(
    (code, last_at) -> code = ifNull(c.code, '') AND c.at <= last_at, s.codes, s.signed_up_at
)
"""
_CODE_VISITORS: Final = f"""
CREATE TABLE {{database}}.v_code_visitors ENGINE = MergeTree ORDER BY code AS
SELECT assumeNotNull(d.code) AS code, arraySort(groupUniqArrayArray(d.visitor_numbers)) AS visitors
FROM {{visits}}.{BY_CODE.table(day_sums.VISITS)} AS d
WHERE d.kind = 'click' AND d.code IS NOT NULL
GROUP BY code
HAVING notEmpty(visitors)
"""  # noqa: S608  (names of ours)
_REST: Final = """
    '' AS basis, '' AS status, toFloat64(0) AS hours, {visitor} v.signed_up AS signed_up,
    false AS is_granted, false AS is_reversed, false AS has_value, toInt64(0) AS value_micros,
    toInt64(0) AS reversed_micros, toInt64(0) AS lapsed_micros, toInt64(0) AS clawback_micros,
    CAST(NULL, 'Nullable(String)') AS currency, CAST(NULL, 'Nullable(String)') AS beneficiary,
    {country} AS country, '' AS person_id, false AS has_bought, false AS is_first,
    toInt64(0) AS amount_micros, toInt64(0) AS refunded_micros, false AS to_owner
"""
_DIMENSIONS: Final = """
    v.kind AS kind, v.at AS at, v.code AS code, v.campaign_id AS campaign_id,
    v.category AS category, v.channel AS channel, v.utm_source AS utm_source,
"""
_FACTS: Final = f"""
    CAST(NULL, '{NAME}') AS country, CAST(v.currency, '{NAME}') AS currency,
    toLowCardinality(if(v.basis = 'typed_code', v.basis, '')) AS basis,
    toLowCardinality(if(v.status IN ('held', 'rejected'), v.status, '')) AS status,
    v.signed_up AS signed_up, v.is_granted AS is_granted, v.has_bought AS has_bought,
    v.is_first AS is_first, v.to_owner AS to_owner, v.value_micros AS value_micros,
    v.amount_micros AS amount_micros, v.refunded_micros AS refunded_micros
"""
"""Columns of sums besides dimensions. Of basis and status only those stand that reports ask for."""
_NO_FACTS: Final = f"""
    CAST(NULL, '{NAME}') AS country, CAST(NULL, '{NAME}') AS currency,
    toLowCardinality('') AS basis, toLowCardinality('') AS status, v.signed_up AS signed_up,
    false AS is_granted, false AS has_bought, false AS is_first, false AS to_owner,
    toInt64(0) AS value_micros, toInt64(0) AS amount_micros, toInt64(0) AS refunded_micros
"""
"""The same of visits."""
_SETS_AT_ONCE: Final = 512
"""Rows that are read at once where each may have a set of visitors, of some kilobytes."""
_ROWS_AT_ONCE: Final = 1024
"""Rows that are read at once of other levels: of 30 of 90 days a third is read, not nearly all."""
_VIEWS: Final = (
    f"""
CREATE VIEW {{database}}.v_activity_visits AS
SELECT {_DIMENSIONS} {_REST.format(visitor="v.visitor_id AS visitor_id,", country="v.country")}
FROM (
    SELECT *, false AS signed_up FROM {{database}}.v_visits
    UNION ALL
    SELECT *, true FROM {{database}}.signed_up_clicks
) AS v
""",  # noqa: S608  (texts of ours)
    f"""
CREATE VIEW {{database}}.single_activity AS
SELECT
    {_DIMENSIONS} {_NO_FACTS}, toUInt64(1) AS times,
    if(v.visitor_id IS NULL, [], [assumeNotNull(v.visitor_id)]) AS visitor_numbers
FROM (
    SELECT *, false AS signed_up FROM {{database}}.v_visits
    UNION ALL
    SELECT *, true FROM {{database}}.signed_up_clicks
) AS v
UNION ALL
SELECT * FROM {{database}}.single_facts
""",  # noqa: S608  (texts of ours)
)
_SINGLE_FACTS: Final = f"""
CREATE TABLE {{database}}.single_facts
ENGINE = MergeTree ORDER BY (campaign_id, at) SETTINGS allow_nullable_key = 1 AS
SELECT {_DIMENSIONS} {_FACTS}, toUInt64(1) AS times, emptyArrayUInt32() AS visitor_numbers
FROM (
    SELECT * FROM {{database}}.v_activity_conversions
    UNION ALL
    SELECT * FROM {{database}}.v_activity_decisions
) AS v
"""  # noqa: S608  (texts of ours)


def _activity(level: Level) -> str:
    """The sums of a level. Visits have no flags and amounts, other facts no visitors."""
    no_visitors = day_sums.no_visitors(level)
    numbers = "v.visitor_numbers"
    rows_at_once = _SETS_AT_ONCE if level.has_sets else _ROWS_AT_ONCE
    if level.has_clickers_only:
        numbers = f"if(v.signed_up OR v.kind = 'click', {numbers}, {no_visitors})"
    return f"""
CREATE TABLE {{database}}.{level.table("activity")}
ENGINE = MergeTree ORDER BY (campaign_id, at)
SETTINGS allow_nullable_key = 1, index_granularity = {rows_at_once} AS
SELECT {_DIMENSIONS} {_NO_FACTS}, v.times AS times, {numbers} AS visitor_numbers
FROM (
    SELECT *, false AS signed_up FROM {{visits}}.{level.table(day_sums.VISITS)}
    UNION ALL
    SELECT
        c.kind AS its_kind, max(c.at), {day_sums.dimensions(level, "c")}, count(),
        {day_sums.visitors(level, "[assumeNotNull(c.visitor_id)]")}, true
    FROM {{database}}.signed_up_clicks AS c
    GROUP BY its_kind, toDate32(c.at), {GROUPS}
) AS v
UNION ALL
SELECT
    f.kind AS kind, max(f.at) AS last_at, {day_sums.dimensions(level, "f")}, f.country,
    f.currency, f.basis, f.status, f.signed_up, f.is_granted, f.has_bought, f.is_first,
    f.to_owner, sum(f.value_micros), sum(f.amount_micros), sum(f.refunded_micros), sum(f.times),
    {no_visitors}
FROM {{database}}.single_facts AS f
GROUP BY
    f.kind, toDate32(f.at), {GROUPS}, f.country, f.currency, f.basis, f.status, f.signed_up,
    f.is_granted, f.has_bought, f.is_first, f.to_owner
"""  # noqa: S608  (texts of ours)


def _receipts(level: Level) -> str:
    """The sums of a level, and what is no stored event."""
    return f"""
CREATE TABLE {{database}}.{level.table("receipts")}
ENGINE = MergeTree ORDER BY (campaign_id, at) SETTINGS allow_nullable_key = 1 AS
SELECT
    kind, at, lag_ms, skew_ms, is_bot, is_unknown, code, campaign_id, category, channel,
    utm_source, CAST(NULL, 'Nullable(String)') AS country,
    CAST(NULL, 'Nullable(String)') AS currency, times, lags, lag_times
FROM {{visits}}.{level.table(day_sums.RECEIPTS)}
UNION ALL
SELECT
    kind, at, lag_ms, skew_ms, is_bot, is_unknown, code, campaign_id, category, channel,
    utm_source, country, currency, toUInt64(1), [lag_ms], [toUInt64(1)]
FROM ({{others}})
"""  # noqa: S608  (texts of ours)


def _placed() -> Iterator[str]:
    yield from (_SIGNED_UP, _CLICKS, _CODE_VISITORS, _SINGLE_FACTS)
    yield from (_activity(level) for level in OF_ACTIVITY)
    yield from (_receipts(level) for level in OF_RECEIPTS)


def place_activity(client: Client, database: str, visits: str, signed_up: str, others: str) -> None:
    """Place what follows from visits, which are in another database, and from two queries.

    These give the visitors who signed up, and receipts of other than stored events.
    """
    given = {"database": database, "visits": visits, "signed_up": signed_up, "others": others}
    for statement in _placed():
        client.command(statement.format(**given) + POLITE)
    for statement in _VIEWS:
        client.command(statement.format(database=database))
