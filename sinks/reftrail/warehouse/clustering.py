"""DDL for a cluster of servers: the same statements, ON CLUSTER and with replicated tables.

Where a replicated table keeps its state in Keeper, and under which replica's name, is left to the
servers (`default_replica_path`, `default_replica_name`).
"""

import re
from typing import Final

from clickhouse_connect.driver.client import Client

from reftrail.contracts.errors import ExpectedError

_NAME: Final = r"(?:`[^`]+`|\w+)(?:\.(?:`[^`]+`|\w+))?"
_HEAD: Final = re.compile(
    r"((?:\s|--[^\n]*\n)*"
    r"(?:CREATE (?:OR REPLACE )?(?:TABLE|VIEW|MATERIALIZED VIEW|DATABASE)(?: IF NOT EXISTS)?"
    r"|DROP (?:TABLE|VIEW|DATABASE)(?: IF EXISTS)?"
    r"|ALTER TABLE"
    rf"|EXCHANGE TABLES {_NAME} AND)"
    rf" {_NAME})"
)
_DATA: Final = re.compile(r"(?:\s|--[^\n]*\n)*(?:INSERT|SELECT|SYSTEM) ")
_ENGINE: Final = re.compile(r"\bENGINE = (\w*MergeTree)\b")
_WINDOW: Final = re.compile(r"\bnon_replicated_deduplication_window = (\d+)")
_WINDOW_SECONDS: Final = 7 * 24 * 3600
"""For so long at most a replicated table knows a token; ClickHouse's default has changed."""


def on_cluster(statement: str, cluster: str | None) -> str:
    """A statement for all servers of a cluster; as it is where there is none."""
    if cluster is None or _DATA.match(statement):
        return statement
    begun = _HEAD.match(statement)
    if begun is None:
        raise ValueError(f"not known where ON CLUSTER goes in {statement[:80]!r}")
    text = f"{begun[0]} ON CLUSTER '{cluster}'{statement[begun.end() :]}"
    text = _ENGINE.sub(r"ENGINE = Replicated\1", text)
    return _WINDOW.sub(
        r"replicated_deduplication_window = \1, "
        rf"replicated_deduplication_window_seconds = {_WINDOW_SECONDS}",
        text,
    )


def check_replicated(client: Client) -> None:
    """Raise `ExpectedError` if a warehouse has tables that one server alone has."""
    rows = client.query(
        "SELECT name FROM system.tables WHERE database = currentDatabase() "
        "AND engine LIKE '%MergeTree' AND engine NOT LIKE 'Replicated%' ORDER BY name"
    ).result_rows
    if rows:
        raise ExpectedError(
            f"this warehouse has tables that aren't replicated ({rows[0][0]} and {len(rows) - 1} "
            f"more), and REFTRAIL_CLICKHOUSE_CLUSTER is set; leave it out, or name an empty "
            f"database in REFTRAIL_CLICKHOUSE_URL, which is then loaded from the topics"
        )
