"""Checksums of the warehouse's tables: whether two databases hold the same rows.

Rows are compared as queries see them: those of a ReplacingMergeTree with FINAL. The order of rows
and parts makes no difference, nor does the number of the load that a row came in with.
"""

from dataclasses import dataclass
from typing import Final

from clickhouse_connect.driver.client import Client

from reftrail.warehouse.epochs import EPOCHS, STEPS

_BOOKKEEPING: Final = ("ddl_applied", EPOCHS, STEPS, "loads", "sources")
_OF_THE_LOAD: Final = "load"
_COUNTING: Final = {
    "user_page": """
WHERE NOT (startsWith(about, 'user:') AND startsWith(item, 'code:')) OR (item, revision) IN (
    SELECT item, revision FROM user_page FINAL WHERE startsWith(about, 'code:')
)"""
}
"""The rows that count, where not all do: of a code's owners the last one.

An upgraded table, and a topic that was compacted, may no longer have the revisions of others.
"""


@dataclass(frozen=True, slots=True)
class Checksum:
    """Number of a table's rows, and the sum of their hashes."""

    rows: int
    hashes: int


NOTHING: Final = Checksum(0, 0)
"""The checksum of a table without rows."""


def fact_tables(client: Client) -> dict[str, str]:
    """The tables that hold what was loaded, in alphabetical order, each with its engine."""
    return {name: engine for name, engine, _ in _fact_tables(client)}


def checksums(client: Client) -> dict[str, Checksum]:
    """The checksum of each table of facts. A table without rows isn't read."""
    columns = _columns(client)
    return {
        name: NOTHING if is_empty else _checksum(client, name, engine, columns[name])
        for name, engine, is_empty in _fact_tables(client)
    }


def _fact_tables(client: Client) -> list[tuple[str, str, bool]]:
    """The tables of facts: name, engine, and whether there is no row, not even a deleted one."""
    rows = client.query(
        "SELECT name, engine, ifNull(total_rows = 0, false) FROM system.tables "
        "WHERE database = currentDatabase() AND engine LIKE '%MergeTree' ORDER BY name"
    ).result_rows
    return [(name, engine, bool(none)) for name, engine, none in rows if name not in _BOOKKEEPING]


def _columns(client: Client) -> dict[str, list[str]]:
    """The stored columns of each table, but for the number of the load.

    Asked once: for each table it took as long as its checksum.
    """
    rows = client.query(
        "SELECT table, name FROM system.columns WHERE database = currentDatabase() "
        "AND default_kind = '' AND name != {load:String} ORDER BY table, position",
        parameters={"load": _OF_THE_LOAD},
    ).result_rows
    found: dict[str, list[str]] = {}
    for table, name in rows:
        found.setdefault(table, []).append(name)
    return found


def _checksum(client: Client, table: str, engine: str, columns: list[str]) -> Checksum:
    row = ", ".join(columns)
    final = "FINAL" if "Replacing" in engine else ""
    ((rows, hashes),) = client.query(
        f"SELECT count(), sum(cityHash64(formatRow('RowBinary', {row}))) FROM {table} {final}"  # noqa: S608  (names from system tables)
        f"{_COUNTING.get(table, '')}"
    ).result_rows
    return Checksum(int(rows), int(hashes))
