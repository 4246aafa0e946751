"""Records of a file, one after another, in constant memory."""

import csv
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, TypeAlias
from uuid import UUID

import msgspec

from reftrail.contracts.errors import ExpectedError

_CSV_SUFFIXES: Final = {".csv": ",", ".tsv": "\t"}
_LONGEST_LINE: Final = 2**20
_Parse: TypeAlias = Callable[[bytes], dict[str, Any] | str]


class Line(NamedTuple):
    """One record of a file.

    number is that of its first line, from 1; end the byte after it. content is the record, or says
    what is wrong with it. chain is a digest of all records up to this one.
    """

    number: int
    end: int
    content: dict[str, Any] | str
    chain: bytes

    @property
    def event_id(self) -> str:
        """An id that the same line of the same file always has, under whatever name.

        Records that were appended to the file since do not change it.
        """
        return str(UUID(bytes=self.chain[:16], version=5))


@dataclass(frozen=True, slots=True)
class LineFormat:
    """The format of a file. JSON lines."""

    delimiter: str | None
    encoding: str = "utf-8"


def format_of(path: Path, delimiter: str | None = None, encoding: str = "utf-8") -> LineFormat:
    """The format by the file's suffix: .csv and .tsv, all else JSON lines."""
    by_suffix = _CSV_SUFFIXES.get(path.suffix.lower())
    return LineFormat(by_suffix and (delimiter or by_suffix), encoding)


def read_lines(file: BinaryIO, written: LineFormat) -> Iterator[Line]:
    """The records of a file from its beginning; empty lines are none.

    Raises `ExpectedError` if a CSV file has no header, or a line is longer than 1 MB.
    """
    physical = _physical_lines(file)
    if written.delimiter is None:
        yield from _chained(physical, _json_record)
        return
    rows = _rows(physical)
    _, _, header = next(rows, (0, 0, b""))
    columns = _cells(header, written)
    if (
        isinstance(columns, str)
        or not columns
        or not all(columns)
        or len(set(columns)) < len(columns)
    ):
        raise ExpectedError(
            "the first line of a CSV file must name its columns, each once and none empty"
        )
    yield from _chained(rows, lambda row: _csv_record(row, columns, written), begin=header)


def _chained(
    records: Iterator[tuple[int, int, bytes]], parse: _Parse, begin: bytes = b""
) -> Iterator[Line]:
    chain = hashlib.sha256(begin.strip()).digest()
    for number, end, raw in records:
        text = raw.strip()
        if text:
            chain = hashlib.sha256(chain + text).digest()
            yield Line(number, end, parse(text), chain)


def _physical_lines(file: BinaryIO) -> Iterator[tuple[int, int, bytes]]:
    """(number, byte after it, content) of each line."""
    number = end = 0
    while line := file.readline(_LONGEST_LINE + 1):
        number, end = number + 1, end + len(line)
        if len(line) > _LONGEST_LINE:
            raise ExpectedError(f"line {number} is longer than {_LONGEST_LINE} bytes")
        yield number, end, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line


def _rows(lines: Iterator[tuple[int, int, bytes]]) -> Iterator[tuple[int, int, bytes]]:
    """The same for CSV rows, which go on over a line's end while a quote is open."""
    for number, end, line in lines:
        row, last = line, end
        while row.count(b'"') % 2:
            _, last, more = next(lines, (0, last, b""))
            if not more or len(row) > _LONGEST_LINE:
                break
            row += more
        yield number, last, row


def _json_record(text: bytes) -> dict[str, Any] | str:
    try:
        record = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        return f"is not JSON: {error}"
    return record if isinstance(record, dict) else "is not a JSON object"


def _csv_record(text: bytes, columns: list[str], written: LineFormat) -> dict[str, Any] | str:
    cells = _cells(text, written)
    if isinstance(cells, str):
        return cells
    if len(cells) != len(columns):
        return f"has {len(cells)} cells; the header names {len(columns)} columns"
    return {name: cell for name, cell in zip(columns, cells, strict=True) if cell}


def _cells(text: bytes, written: LineFormat) -> list[str] | str:
    try:
        row = text.decode(written.encoding)
        cells = next(csv.reader([row], delimiter=written.delimiter or ",", strict=True), [])
    except (UnicodeError, csv.Error) as error:
        return f"is not CSV in {written.encoding}: {error}"
    return [cell.strip() for cell in cells]
