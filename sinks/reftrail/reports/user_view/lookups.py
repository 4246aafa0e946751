"""Lookups by `queries/user`: each gives rows of one kind, several are one query.

ClickHouse takes milliseconds to plan a query, whatever is found: part of that is saved by asking at
once for all that can be known at once.
"""

from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from itertools import groupby
from typing import Any, Final, TypeVar

import msgspec
from clickhouse_connect.driver.client import Client

from reftrail.reports.sql import sql
from reftrail.reports.user_view.rows import Row

_Kind = TypeVar("_Kind", bound=Row)
_rows: Final = msgspec.json.Decoder(Row, strict=False)


class FoundRows:
    """Rows by what they are."""

    def __init__(self, rows: Sequence[Row] = ()) -> None:
        self._by_kind: dict[type, list[Any]] = defaultdict(list)
        # The rows of a query come in a row: so each kind is copied as a whole.
        for kind, alike in groupby(rows, type):
            self._by_kind[kind].extend(alike)

    def every(self, kind: type[_Kind]) -> list[_Kind]:
        """The rows of a kind, in no order."""
        return self._by_kind[kind]


def look_up(client: Client, *names: str, **parameters: Any) -> FoundRows:
    """Ask some of `queries/user` as one query. Asking for none of them costs nothing."""
    if not names:
        return FoundRows()
    lines = client.raw_query(_sql(names), parameters=parameters, fmt="TSVRaw")
    return FoundRows(_rows.decode_lines(lines))


@cache
def _sql(names: tuple[str, ...]) -> str:
    """With settings that make a plan of few rows short: one thread, one step of reading."""
    texts = (_without_comments(sql(f"user/{name}")) for name in names)
    every = "\nUNION ALL\n".join(f"(\n{text}\n)" for text in texts)
    return f"{every}\nSETTINGS max_threads = 1, optimize_move_to_prewhere = 0"


def _without_comments(text: str) -> str:
    """The client goes through each word of a query, comments as well."""
    return "\n".join(line for line in text.splitlines() if not line.startswith("--"))
