"""Commissions of CSV exports, whose columns a mapping names.

A row is counted as a spreadsheet shows it: the titles are row 1, and a value with line breaks is
one row.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from reftrail.contracts.errors import ExpectedError
from reftrail.imports.columns import ColumnMapping, Meaning, States
from reftrail.imports.commission import (
    Commission,
    NotCash,
    Unreadable,
    first_customer,
    micros_of,
    name_or_none,
    places_of,
    usable_id,
)
from reftrail.imports.csv_amounts import minor_units

_DELIMITERS: Final = (",", ";", "\t", "|")
_ROUNDED: Final = re.compile(r"\d(?:[.,]\d+)?[eE]\+\d+")
"""A long number as spreadsheets save it, without its last digits."""
_SPREADSHEETS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""The first bytes of .xlsx and .ods, and of .xls."""
_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Row(NamedTuple):
    """A row of a table: its number, and its values by their columns' places."""

    number: int
    values: Sequence[str]


class Table(NamedTuple):
    """A CSV file: its titles, and its rows."""

    path: Path
    titles: Sequence[str]
    rows: Sequence[Row]

    def place_of(self, title: str) -> int | None:
        """The place of a column from 0; None if there is none such. Raises `ExpectedError`.

        A title differs from others by more than blanks and capitals, or is written as here.
        """
        found = [place for place, other in enumerate(self.titles) if other == title] or [
            place for place, other in enumerate(self.titles) if _plain(other) == _plain(title)
        ]
        if len(found) > 1:
            raise ExpectedError(
                f"{self.path} has the column {title!r} {len(found)} times; rename the others"
            )
        return found[0] if found else None


def is_csv(path: Path, text: bytes) -> bool:
    """Whether a file is a table: by its name, or since its first line has Dub's columns."""
    first = text.lstrip(b"\xef\xbb\xbf \r\n").partition(b"\n")[0].decode("utf-8", "replace")
    found = {_plain(title.strip('" \r')) for title in first.split(",")}
    return path.suffix.lower() == ".csv" or {"id", "earnings"} <= found


def read_table(path: Path, text: bytes, mapping: ColumnMapping | None = None) -> Table:
    """The table in a file, in the format that a mapping says. Raises `ExpectedError`."""
    encoding = mapping.csv.encoding if mapping else "utf-8"
    content = _decoded(path, text, encoding)
    delimiter = mapping.csv.delimiter if mapping else None
    first, _, rest = content.partition("\n")
    if (says := re.fullmatch(r"sep=(.)\r?", first)) is not None:
        content, delimiter = rest, delimiter or says[1]
    try:
        rows = list(_read(content, delimiter or _delimiter(content)))
    except csv.Error as error:
        raise ExpectedError(f"{path} is no CSV: {error}; export it anew") from error
    if not rows:
        raise ExpectedError(f"{path} has no row of titles; export it anew, with its titles")
    titles = [title.strip() for title in rows[0]]
    numbered = [Row(number, row) for number, row in enumerate(rows[1:], 2)]
    filled = [row for row in numbered if any(value.strip() for value in row.values)]
    for row in filled:
        if len(row.values) != len(titles):
            raise ExpectedError(
                f"{path} has {len(row.values)} values in row {row.number}, and {len(titles)} "
                f"columns: its titles must be row 1, and values that have a delimiter in quotes"
            )
    return Table(path, titles, filled)


def parts_of(
    table: Table, mapping: ColumnMapping, currency: str | None
) -> Iterator[tuple[int, Mapping[str, str]]]:
    """The rows of a table by their numbers, each with the values of the columns that are mapped.

    currency is that of commissions that name none. Raises `ExpectedError` for a table that lacks a
    column, or names no currency.
    """
    if not (mapping.columns.currency or mapping.constants.currency or currency):
        raise ExpectedError(
            f"nothing says the currency of {table.path}: name its column as columns.currency, or "
            f"give constants.currency or --currency"
        )
    places = _places(table, mapping)
    for number, values in table.rows:
        yield number, {title: values[place].strip() for title, place in places.items()}


def commission_of(
    values: Mapping[str, str], mapping: ColumnMapping, currency: str | None
) -> Commission:
    """The commission in a row. Raises `Unreadable`, or `NotCash` for what isn't money."""
    columns = mapping.columns
    if columns.unit and mapping.units and not _has(mapping.units.cash, values[columns.unit]):
        raise NotCash(values[columns.unit] or "no unit")
    its_id = _its_id(values, columns.id)
    email = name_or_none(values[columns.earner_email]) if columns.earner_email else None
    earner = values[columns.earner_id] if columns.earner_id else email
    if not earner:
        raise Unreadable(f"it has no {columns.earner_id or columns.earner_email}")
    named = values[columns.currency] if columns.currency else mapping.constants.currency
    if not (named := named or currency):
        raise Unreadable(f"it has no {columns.currency}; give it with --currency")
    places = places_of(named)
    minor = minor_units(values[columns.amount], mapping.amounts, named.upper(), places)
    state = values[columns.state]
    return Commission(
        its_id,
        earner,
        email,
        name_or_none(values[columns.link_token]) if columns.link_token else None,
        first_customer(*(values[title] for title in columns.customers()), earner),
        micros_of(minor, places, "the amount") if _is_open(state, mapping.states) else 0,
        named.upper(),
        state,
    )


def _is_open(state: str, states: States) -> bool:
    meaning = states.meaning(state)
    if meaning is None:
        raise Unreadable(
            f"its state {state!r} isn't known: whether it is owed can't be told; the mapping knows "
            f"{states.known()}"
        )
    return meaning is Meaning.OPEN


def _its_id(values: Mapping[str, str], title: str) -> str:
    if not (its_id := values[title]):
        raise Unreadable(f"it has no {title}")
    if _ROUNDED.fullmatch(its_id):
        raise Unreadable(
            f"its id {its_id!r} is a long number that a spreadsheet has rounded; take the file as "
            f"it was exported"
        )
    return usable_id(its_id)


def _has(known: Sequence[str], value: str) -> bool:
    return value.casefold() in {name.casefold() for name in known}


def _decoded(path: Path, text: bytes, encoding: str) -> str:
    if text.startswith(_SPREADSHEETS):
        raise ExpectedError(f"{path} is a spreadsheet or an archive; save it as CSV in UTF-8")
    try:
        decoded = text.decode(encoding)
    except UnicodeError as error:
        guess = "utf-16" if text.startswith(_UTF_16) else "windows-1252"
        line = text[: getattr(error, "start", 0)].count(b"\n") + 1
        raise ExpectedError(
            f"{path}, line {line}: this is not {encoding} ({getattr(error, 'reason', error)}); "
            f'save the file as UTF-8, or give its encoding, such as csv.encoding = "{guess}", in '
            f"--columns"
        ) from error
    if _as_utf_8(text) not in (None, decoded):
        raise ExpectedError(
            f'{path} is UTF-8, and csv.encoding = "{encoding}" would read other characters; leave '
            f"it out"
        )
    return decoded.removeprefix("\ufeff").lstrip("\r\n")


def _as_utf_8(text: bytes) -> str | None:
    """A text in UTF-8; None if it isn't, which texts in other encodings never are by chance."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        return None


def _read(content: str, delimiter: str) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True)


def _delimiter(content: str) -> str:
    """The delimiter of a table: the one by which it has most titles."""

    def titles(delimiter: str) -> int:
        try:
            return len(next(_read(content, delimiter), []))
        except csv.Error:  # after the quote of a title comes another delimiter
            return 0

    return max(_DELIMITERS, key=titles)


def _places(table: Table, mapping: ColumnMapping) -> dict[str, int]:
    """The places of the columns that a mapping names. Raises `ExpectedError`."""
    places = {title: table.place_of(title) for title in _named(mapping)}
    if missing := [title for title, place in places.items() if place is None]:
        there = ", ".join(title for title in table.titles if title)
        raise ExpectedError(
            f"{table.path} lacks the columns {', '.join(missing)}; its columns are {there}; "
            f"export it with them, or name the right ones in --columns"
        )
    return {title: place for title, place in places.items() if place is not None}


def _named(mapping: ColumnMapping) -> list[str]:
    columns = mapping.columns
    titles = [
        columns.id,
        columns.amount,
        columns.currency,
        columns.state,
        columns.earner_id,
        columns.earner_email,
        columns.link_token,
        columns.unit,
        *columns.customers(),
    ]
    return list(dict.fromkeys(title for title in titles if title))


def _plain(title: str) -> str:
    """A title by which partnerId and Partner ID are one."""
    return title.replace(" ", "").casefold()
