"""Tables and statements by which visits are placed, see `visits`: {database} is where they are."""

from typing import Final

from reftrail.reports.levels import BY_SOURCE
from reftrail.warehouse.placing import day_sums, visitors

VISITS: Final = "v_visits"
EVENT_RECEIPTS: Final = "v_event_receipts"

TABLES: Final = (
    """
CREATE TABLE {database}.visits
(
    kind LowCardinality(String),
    at DateTime64(3, 'UTC'),
    code LowCardinality(Nullable(String)),
    campaign_id LowCardinality(Nullable(String)),
    category LowCardinality(Nullable(String)),
    channel LowCardinality(Nullable(String)),
    utm_source LowCardinality(Nullable(String)),
    country LowCardinality(Nullable(String)),
    visitor_id Nullable(UInt32)
)
ENGINE = MergeTree PARTITION BY toYYYYMMDD(at) ORDER BY (campaign_id, code, at)
SETTINGS allow_nullable_key = 1
""",
    *day_sums.tables(),
    # Without a partition for each day: it is emptied as a whole.
    "CREATE TABLE {database}.coming AS {database}.visits ENGINE = MergeTree ORDER BY tuple()",
    "ALTER TABLE {database}.coming MODIFY COLUMN visitor_id Nullable(UInt64)",
    *visitors.TABLES,
    """
CREATE TABLE {database}.days (day Date32, events UInt64, loads UInt64, number UInt64)
ENGINE = ReplacingMergeTree(number) ORDER BY day
""",
    """
CREATE TABLE {database}.registered
(
    is_code Bool,
    name String,
    campaign_id String,
    category String,
    channel String
)
ENGINE = MergeTree ORDER BY name
""",
    "CREATE TABLE {database}.registering AS {database}.registered",
    "CREATE TABLE {database}.updates (name String) ENGINE = MergeTree ORDER BY name",
    "CREATE TABLE {database}.made_by (version String) ENGINE = MergeTree ORDER BY version",
)
REGISTERED: Final = """
SELECT
    true AS is_code, code AS name, campaign_id, ifNull(category, '') AS category,
    ifNull(channel, '') AS channel
FROM v_codes
UNION ALL
SELECT false, campaign_id, '', ifNull(category, ''), '' FROM v_campaigns
"""
AFFECTED: Final = f"""
WITH others AS (
    SELECT is_code, name FROM (
        SELECT * FROM {{database}}.registered UNION ALL SELECT * FROM {{database}}.registering
    )
    GROUP BY is_code, name, campaign_id, category, channel
    HAVING count() = 1
)
SELECT DISTINCT day FROM {{database}}.{BY_SOURCE.table(day_sums.RECEIPTS)}
WHERE code IN (SELECT name FROM others WHERE is_code)
    OR campaign_id IN (SELECT name FROM others WHERE NOT is_code)
"""  # noqa: S608  (names of ours)
OF_EVENTS: Final = """
SELECT toDate32(event_time) AS day, count(), sum(load) FROM events GROUP BY day
"""
UPDATES: Final = """
SELECT concat(mutation_id, ' ', toString(create_time)) FROM system.mutations
WHERE database = currentDatabase() AND table = 'events' AND is_done
    AND NOT match(command, '^[(]?(DELETE|UPDATE _row_exists = 0) ')
"""
"""What is done of changes of stored events, other than deletions."""
OF_VISITS: Final = "SELECT day, events, loads FROM {database}.days FINAL WHERE events > 0"
COMING: Final = """
INSERT INTO {database}.coming
SELECT kind, at, code, campaign_id, category, channel, utm_source, country, {hash}
FROM ({visits})
WHERE at >= {{since:DateTime64(3, 'UTC')}} AND at <= {{until:DateTime64(3, 'UTC')}}
    AND toDate32(at) IN {{days:Array(Date32)}}
"""
NUMBERED: Final = """
INSERT INTO {database}.visits
SELECT
    c.kind, c.at, c.code, c.campaign_id, c.category, c.channel, c.utm_source, c.country,
    if(c.visitor_id IS NULL, NULL, v.number)
FROM {database}.coming AS c
LEFT JOIN (
    SELECT visitor, min(number) AS number FROM {database}.visitors
    WHERE visitor IN (SELECT assumeNotNull(visitor_id) FROM {database}.coming)
    GROUP BY visitor
) AS v ON c.visitor_id = v.visitor
"""
SUMS: Final = tuple(day_sums.inserts())
BY_DAY: Final = ("visits", *day_sums.TABLES)
"""Tables with a partition for each day."""
VIEWS: Final = {"visits": VISITS, "receipts": EVENT_RECEIPTS}
