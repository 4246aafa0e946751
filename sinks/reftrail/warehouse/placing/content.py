"""Version of the tables' contents, which shows whether placed facts are out of date."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final, Self

from clickhouse_connect.driver.client import Client

from reftrail.warehouse.tables import TABLES


@dataclass(frozen=True, slots=True)
class ContentVersion:
    """Another one after each insert, change, deletion or dropped partition, but not after merges.

    parts are the latest blocks of partitions, which have the directory of their table in their
    name: one made anew numbers its blocks from 1. mutations are what was begun or done to stored
    rows.
    """

    parts: tuple[tuple[Any, ...], ...]
    mutations: tuple[tuple[Any, ...], ...]

    def only_grew(self, later: Self) -> bool:
        """Whether nothing but inserts can have led to a later version."""
        kept = {part[:2] for part in self.parts} <= {part[:2] for part in later.parts}
        return kept and self.mutations == later.mutations

    def of(self, tables: Collection[str]) -> Self:
        """The version of some tables."""
        parts, mutations = (
            tuple(row for row in rows if row[0] in tables) for rows in (self.parts, self.mutations)
        )
        return replace(self, parts=parts, mutations=mutations)

    def text(self) -> str:
        """A short word for it."""
        return sha256(repr((self.parts, self.mutations)).encode()).hexdigest()


_UNREAD: Final = {"claims", "code_acts", "code_formats", "conversions", "lists", "touches"}
"""Tables that no report reads."""
_MORE: Final = ("duplicate_events", "merges", "loads", "statement_lines", "statement_changes")
_READ: Final = tuple(sorted({table.name for table in TABLES.values()} - _UNREAD | set(_MORE)))

_PARTS: Final = """
SELECT
    table, concat(extract(any(path), '([^/]+)/[^/]+/$'), '/', partition_id), max(max_block_number)
FROM system.parts
WHERE active AND database = currentDatabase() AND table IN {tables:Array(String)}
GROUP BY table, partition_id ORDER BY table, partition_id
"""
_MUTATIONS: Final = """
SELECT table, mutation_id, is_done FROM system.mutations
WHERE database = currentDatabase() AND table IN {tables:Array(String)}
ORDER BY table, mutation_id
"""


_DEFINED: Final = """
SELECT name, as_select FROM system.tables
WHERE database = currentDatabase() AND engine = 'View'
"""


def tables_of_views(client: Client) -> Mapping[str, frozenset[str]]:
    """The tables that each view reads, by itself or by other views."""
    rows = client.query(_DEFINED).result_rows
    words = {str(name): frozenset(re.findall(r"\w+", text)) for name, text in rows}

    def tables(name: str) -> frozenset[str]:
        views = words[name] & words.keys() - {name}
        return (words[name] & {*_READ}).union(*map(tables, views))

    return {name: tables(name) for name in words}


def content_version(client: Client) -> ContentVersion:
    """The version of now. A block has the next number in its table; deletions are mutations."""
    known = {"tables": list(_READ)}
    found = (client.query(sql, parameters=known).result_rows for sql in (_PARTS, _MUTATIONS))
    return ContentVersion(*(tuple(tuple(row) for row in rows) for rows in found))
