"""Queries in SQL that somebody types in, answered without any way to change or reach anything else.

The connection is read-only, which ClickHouse sees to: nothing is written, and most table functions
that read files or servers are refused. Left over are the function `file`, table functions of object
stores, INTO OUTFILE, and settings of subqueries, which are refused by the query's text. The text is
what ClickHouse writes after it has parsed the query, so that comments and escapes hide nothing; and
the query is asked as a subquery, in which only a SELECT is possible.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from reftrail.reports.placed_facts import PlacedFacts, are_missing
from reftrail.reports.questions import BadQuestion

LONGEST: Final = 100_000
"""Characters of a query."""

PLACED_VIEW: Final = "v_funnel_daily"
"""View that is read in placed facts where these are of now, since it reads all events otherwise.

Others aren't: the rows that are placed have a number for a visitor's id.
"""
_READ: Final = re.compile(rf"\b(FROM|JOIN)(\s+){PLACED_VIEW}\b(?!\.)(\s+AS\b)?")
_NAMED: Final = re.compile(rf"\b{PLACED_VIEW}\s+AS\b(?=\s*\()")
_LITERAL: Final = re.compile(r"'(?:[^'\\]|\\.|'')*'", re.DOTALL)
_FILE: Final = re.compile(r"\bfile\b", re.IGNORECASE)
_SETTINGS: Final = re.compile(r"\bSETTINGS\b")
_CALLED: Final = re.compile(r"\b(\w+)[`\"]?\s*\(")
_HARMLESS: Final = frozenset(
    {"numbers", "numbers_mt", "zeros", "zeros_mt", "generate_series", "generateseries"}
    | {"format", "merge", "null", "values", "view"}
)
"""Table functions that read nothing but the warehouse, in lower case."""


@dataclass(frozen=True, slots=True)
class SqlAnswer:
    """Columns with their ClickHouse types, and rows in their order."""

    columns: list[dict[str, str]]
    rows: list[list[Any]]


class _Compact(msgspec.Struct):
    """ClickHouse's format JSONCompact."""

    meta: list[dict[str, str]]
    data: list[list[Any]]


def answer(client: Client, query: str, placed: PlacedFacts | None = None) -> SqlAnswer:
    """The rows of a SELECT; blocks. client is one for analysts. placed are facts of now, if any.

    Raises `BadQuestion` if it is refused, or ClickHouse can't answer it within the limits.
    """
    text = _checked(client, query)
    try:
        found = _rows(client, text, placed)
    except DatabaseError as error:
        raise BadQuestion(_reason(error)) from error
    compact = msgspec.json.decode(found, type=_Compact)
    return SqlAnswer(compact.meta, compact.data)


def _rows(client: Client, text: str, placed: PlacedFacts | None) -> bytes:
    """The rows as ClickHouse sends them: of the view itself, where placed facts were dropped."""
    instead = text if placed is None else of_placed(text, placed.quoted)
    try:
        return client.raw_query(f"SELECT * FROM (\n{instead}\n)", fmt="JSONCompact")  # noqa: S608
    except DatabaseError as error:
        if instead == text or not are_missing(error):
            raise
    return client.raw_query(f"SELECT * FROM (\n{text}\n)", fmt="JSONCompact")  # noqa: S608


def of_placed(text: str, database: str) -> str:
    """A query, as ClickHouse writes it, that reads `PLACED_VIEW` in a database of placed facts."""
    if _NAMED.search(text):  # a name that the query gives to something of its own
        return text

    def read(found: re.Match[str]) -> str:
        alias = found[3] or f" AS {PLACED_VIEW}"
        return f"{found[1]}{found[2]}{database}.{PLACED_VIEW}{alias}"

    parts, begin = [], 0
    for literal in _LITERAL.finditer(text):
        parts += [_READ.sub(read, text[begin : literal.start()]), literal[0]]
        begin = literal.end()
    return "".join([*parts, _READ.sub(read, text[begin:])])


def _checked(client: Client, query: str) -> str:
    """The query as ClickHouse writes it. Raises `BadQuestion`."""
    if len(query) > LONGEST:
        raise BadQuestion(f"the query has {len(query)} characters; {LONGEST} are possible")
    try:
        text = client.raw_query(
            "SELECT formatQuery({query:String})",
            parameters={"query": query.strip().rstrip(";")},
            fmt="TSVRaw",
        ).decode()
    except DatabaseError as error:
        raise BadQuestion(_reason(error)) from error
    if text.lstrip("( \n").split(maxsplit=1)[0] not in ("SELECT", "WITH"):
        raise BadQuestion(
            "only SELECT can be asked; for the views there are, ask SELECT name FROM system.tables "
            "WHERE name LIKE 'v_%', for a view's columns SELECT name, type FROM system.columns "
            "WHERE table = 'v_events'"
        )
    bare = _LITERAL.sub("''", text)
    called = {name.lower() for name in _CALLED.findall(bare)}
    if _FILE.search(bare) or called & _outside(client):
        raise BadQuestion("a query reads tables and views of the warehouse, not files or servers")
    if _SETTINGS.search(bare):
        raise BadQuestion("a query can't change settings; leave SETTINGS out")
    return text.rstrip()


def _outside(client: Client) -> frozenset[str]:
    """The table functions that lead outside of the warehouse."""
    names = client.query("SELECT lower(name) FROM system.table_functions").result_rows
    return frozenset(name for (name,) in names) - _HARMLESS


def _reason(error: DatabaseError) -> str:
    """The message of ClickHouse, without its own frame."""
    text = str(error).removeprefix("Code: ")
    return re.sub(r"^\d+\. DB::Exception: ", "", text).strip()
