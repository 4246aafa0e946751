"""Check for rows that a repeated insert should have written, and that aren't there.

ClickHouse notes a token before it puts the rows in place (as seen in 26.9, without replication):
killed in between, it drops the repeated insert as a duplicate. So after a crash, the rows of each
repeated insert are looked for. That only reads: a warehouse whose epoch is over may do it too, and
can neither change nor be changed by what another one sees.
"""

import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final, TypeVar

from clickhouse_connect.driver.client import Client

from reftrail.contracts.codec import datum_of, schema_of
from reftrail.warehouse.blocks import Block
from reftrail.warehouse.tables import Table

_PATIENCE_SECONDS: Final = 1.0
_AT_ONCE: Final = 10_000
"""Rows that one query looks for."""
_ON_USER_PAGE: Final = {
    "attributions": "attributions",
    "campaigns": "campaigns",
    "codes": "codes",
    "conversions": "merges",
    "milestones": "milestones",
    "statement_changes": "statement_changes",
    "statements": "statements",
}
"""Tables whose rows are repeated in `user_page`, and the table that the view for it reads."""

Missing = TypeVar("Missing")


def missing_for_long(look: Callable[[], Missing]) -> Missing:
    """What is missing now and after a while: another warehouse may be inserting it just now."""
    if not (missing := look()):
        return missing
    time.sleep(_PATIENCE_SECONDS)
    return look()


def lacks_rows(client: Client, table: Table, block: Block) -> bool:
    """Whether rows of a block that was surely inserted aren't there, or not in `user_page`."""
    there = (
        f"SELECT DISTINCT {', '.join(f'toString({column})' for column in table.key)} "  # noqa: S608  (names of tables and columns, from the code)
        f"FROM {table.name} WHERE event_id IN {{ids:Array(String)}}"
    )
    rows = _keys_of(table, block)
    while some := list(islice(rows, _AT_ONCE)):
        ids = sorted({event_id for event_id, _ in some})
        found = client.query(there, parameters={"ids": ids}).result_rows
        if not {key for _, key in some} <= {tuple(row) for row in found}:
            return True
        if table.name == "conversions" and _lacks_merges(client, ids):
            return True
        if (source := _ON_USER_PAGE.get(table.name)) and _lacks_lines(client, source, ids):
            return True
    return False


def _lacks_merges(client: Client, ids: list[str]) -> bool:
    """Whether a merge isn't in `merges`, from which its lines are written."""
    missing = client.query(
        f"SELECT count() FROM ({_definition(client, 'merges_of_conversions')}) "  # noqa: S608  (from the system's tables)
        "WHERE event_id IN {ids:Array(String)} AND event_id NOT IN (SELECT event_id FROM merges)",
        parameters={"ids": ids},
    ).result_rows
    return bool(missing[0][0])


def _lacks_lines(client: Client, source: str, ids: list[str]) -> bool:
    """Whether a line that a view should have written for some events isn't there, nor a later one.

    The token of a view's insert can be noted without its rows, as that of the table's insert.
    """
    definition = _definition(client, f"user_page_of_{source}")
    wanted = f"SELECT * FROM ({definition}) WHERE event_id IN {{ids:Array(String)}}"  # noqa: S608  (from the system's tables)
    missing = client.query(
        f"SELECT count() FROM ({wanted}) AS wanted LEFT JOIN ("  # noqa: S608
        "SELECT about, item, max(revision) AS latest, count() AS found FROM user_page "
        f"WHERE about IN (SELECT about FROM ({wanted})) GROUP BY about, item"
        ") AS there USING (about, item) WHERE found = 0 OR latest < wanted.revision",
        parameters={"ids": ids},
    ).result_rows
    return bool(missing[0][0])


def _definition(client: Client, view: str) -> str:
    """The SELECT of a materialized view."""
    rows = client.query(
        "SELECT as_select FROM system.tables "
        "WHERE database = currentDatabase() AND name = {view:String}",
        parameters={"view": view},
    ).result_rows
    return str(rows[0][0])


def _keys_of(table: Table, block: Block) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Id and key of each message of a block, which ClickHouse could read."""
    for value in block.values:
        fields = datum_of(value, schema_of(value))
        yield fields["event_id"], tuple(str(fields[column]) for column in table.key)
