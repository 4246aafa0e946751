"""Placed activity of visitors: visits, and clicks before a signup, each one and summed up by day.

Reports that count visits read one of two: `v_activity`, a row for each visit, or, for whole days of
UTC, `days_of_activity`, with a row for the visits of each day, kind, campaign, category, channel,
source and code. It has the number of its visits (times) and the numbers of their different
visitors; its time is that of its last visit. What else `v_activity` has is there, too: ClickHouse
takes longer to plan a query of several tables than to read one. `days_of_receipts` has `v_receipts`
so.

Whether a click's visitor signed up later is known only afterwards, and would change days long gone.
So clicks are placed without it, and those before a signup once more, as the kind `signed_up_click`.
"""

from typing import Final

from clickhouse_connect.driver.client import Client

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
_DAYS_OF_CLICKS: Final = """
CREATE TABLE {database}.days_of_signed_up_clicks
ENGINE = MergeTree ORDER BY (campaign_id, at) SETTINGS allow_nullable_key = 1 AS
SELECT
    kind, max(c.at) AS at, code, campaign_id, category, channel, utm_source, count() AS times,
    arraySort(groupUniqArray(assumeNotNull(visitor_id))) AS visitor_numbers
FROM {database}.signed_up_clicks AS c
GROUP BY kind, toDate32(c.at), code, campaign_id, category, channel, utm_source
"""
_CODE_VISITORS: Final = """
CREATE TABLE {database}.v_code_visitors ENGINE = MergeTree ORDER BY code AS
SELECT assumeNotNull(d.code) AS code, arraySort(groupUniqArrayArray(d.visitor_numbers)) AS visitors
FROM {visits}.days_of_visits AS d
WHERE d.kind = 'click' AND d.code IS NOT NULL
GROUP BY code
HAVING notEmpty(visitors)
"""
_REST: Final = """
    '' AS basis, '' AS status, toFloat64(0) AS hours, {visitor} v.signed_up AS signed_up,
    false AS is_granted, false AS is_reversed, false AS has_value, toInt64(0) AS value_micros,
    toInt64(0) AS reversed_micros, toInt64(0) AS lapsed_micros, toInt64(0) AS clawback_micros,
    CAST(NULL, 'Nullable(String)') AS currency, CAST(NULL, 'Nullable(String)') AS beneficiary,
    {country} AS country, '' AS person_id, false AS has_bought, false AS is_first,
    toInt64(0) AS amount_micros, toInt64(0) AS refunded_micros
"""
_DIMENSIONS: Final = """
    v.kind AS kind, v.at AS at, v.code AS code, v.campaign_id AS campaign_id,
    v.category AS category, v.channel AS channel, v.utm_source AS utm_source,
"""
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
    """
CREATE VIEW {database}.single_activity_visits AS
SELECT
    * EXCEPT (visitor_id), toUInt64(1) AS times,
    if(visitor_id IS NULL, [], [assumeNotNull(visitor_id)]) AS visitor_numbers
FROM {database}.v_activity_visits
""",
)
_DAYS_OF_ACTIVITY: Final = f"""
CREATE TABLE {{database}}.days_of_activity
ENGINE = MergeTree ORDER BY (campaign_id, at) SETTINGS allow_nullable_key = 1 AS
SELECT
    {_DIMENSIONS} {_REST.format(visitor="", country="CAST(NULL, 'Nullable(String)')")},
    v.times AS times, v.visitor_numbers AS visitor_numbers
FROM (
    SELECT *, false AS signed_up FROM {{visits}}.days_of_visits
    UNION ALL
    SELECT *, true FROM {{database}}.days_of_signed_up_clicks
) AS v
UNION ALL
SELECT * EXCEPT (visitor_id), toUInt64(1), emptyArrayUInt32()
FROM {{database}}.v_activity_conversions
UNION ALL
SELECT * EXCEPT (visitor_id), toUInt64(1), emptyArrayUInt32()
FROM {{database}}.v_activity_decisions
"""  # noqa: S608  (texts of ours)
_DAYS_OF_RECEIPTS: Final = """
CREATE TABLE {database}.days_of_receipts
ENGINE = MergeTree ORDER BY (campaign_id, at) SETTINGS allow_nullable_key = 1 AS
SELECT
    kind, at, lag_ms, skew_ms, is_bot, is_unknown, code, campaign_id, category, channel,
    utm_source, CAST(NULL, 'Nullable(String)') AS country,
    CAST(NULL, 'Nullable(String)') AS currency, times, lags
FROM {visits}.days_of_receipts
UNION ALL
SELECT
    kind, at, lag_ms, skew_ms, is_bot, is_unknown, code, campaign_id, category, channel, utm_source,
    country, currency, toUInt64(1), [lag_ms]
FROM ({others})
"""
_PLACED: Final = (
    _SIGNED_UP,
    _CLICKS,
    _DAYS_OF_CLICKS,
    _CODE_VISITORS,
    _DAYS_OF_ACTIVITY,
    _DAYS_OF_RECEIPTS,
)


def place_activity(client: Client, database: str, visits: str, signed_up: str, others: str) -> None:
    """Place what follows from visits, which are in another database, and from two queries.

    These give the visitors who signed up, and receipts of other than stored events.
    """
    given = {"database": database, "visits": visits, "signed_up": signed_up, "others": others}
    for statement in _PLACED:
        client.command(statement.format(**given), settings=POLITE)
    for statement in _VIEWS:
        client.command(statement.format(database=database))
