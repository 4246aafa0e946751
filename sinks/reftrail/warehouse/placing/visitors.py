"""Numbers of visitors: each gets one with the first visit that is placed, and keeps it.

Visitors who are new together are numbered by campaign and code, so that those of one code are near
each other. A visitor is known by a 64-bit hash of the visitor's id. With 10 million visitors the
probability that any two have the same one is below one in 300,000.
"""

from typing import Final

from clickhouse_connect.driver.client import Client

from reftrail.warehouse.placing.polite import POLITE

HASH: Final = "sipHash64(visitor_id)"
TABLES: Final = (
    """
CREATE TABLE {database}.visitors (visitor UInt64, number UInt32) ENGINE = MergeTree ORDER BY visitor
""",
    "CREATE TABLE {database}.kept_visitors AS {database}.visitors",
)
"""Of several numbers of a visitor, which a repeated insert may leave, the lowest counts."""
_NUMBER: Final = """
INSERT INTO {database}.visitors
SELECT visitor, number - throwIf(number > 4294967295, 'there are too many visitors to number')
FROM (
    SELECT
        visitor,
        (SELECT max(number) FROM {database}.visitors)
            + row_number() OVER (ORDER BY campaign, its_code, visitor) AS number
    FROM (
        SELECT
            assumeNotNull(visitor_id) AS visitor, min(campaign_id) AS campaign,
            min(code) AS its_code
        FROM {database}.coming
        WHERE visitor_id IS NOT NULL
            AND assumeNotNull(visitor_id) NOT IN (SELECT visitor FROM {database}.visitors)
        GROUP BY visitor
    )
)
"""
_KEPT: Final = """
INSERT INTO {database}.kept_visitors
SELECT visitor, number FROM {database}.visitors
WHERE number IN (SELECT assumeNotNull(visitor_id) FROM {database}.visits)
"""


def number(client: Client, database: str) -> None:
    """Give numbers to the visitors in the table `coming` who have none."""
    client.command(_NUMBER.format(database=database) + POLITE)


def forget_others(client: Client, database: str) -> None:
    """Keep those alone who have a visit: who was erased has no number any more."""
    client.command(f"TRUNCATE TABLE {database}.kept_visitors")
    client.command(_KEPT.format(database=database) + POLITE)
    client.command(f"EXCHANGE TABLES {database}.visitors AND {database}.kept_visitors")
    client.command(f"TRUNCATE TABLE {database}.kept_visitors")


def with_numbers(rows: str, database: str) -> str:
    """A query of the rows of another one that have a visitor with a number, by that number."""
    return f"""
SELECT r.* EXCEPT (visitor) REPLACE (v.number AS visitor_id)
FROM (SELECT *, {HASH} AS visitor FROM ({rows})) AS r
INNER JOIN (
    SELECT visitor, min(number) AS number FROM {database}.visitors GROUP BY visitor
) AS v ON r.visitor = v.visitor
"""  # noqa: S608  (from files)
