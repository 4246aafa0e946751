"""Tables of codes in files, of whatever length: CSV, JSON lines or Parquet, by the suffix.

Memory is that of one batch, whether a file is read or written.
"""

import csv
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, TypeAlias

import msgspec
import polars as pl
from polars.io.plugins import register_io_source

from reftrail.contracts.errors import ExpectedError

Columns: TypeAlias = Mapping[str, pl.DataType | type[pl.DataType]]

LIST_SEPARATOR: Final = "|"
"""Between the values of a list in a cell of a CSV file: web|app."""

_BATCH: Final = 1 << 16


class FileKind(StrEnum):
    """Format of a file with a table."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


class Row(NamedTuple):
    """One record of a file; number is its first line, from 1, or that of the row in Parquet."""

    number: int
    values: dict[str, Any]


def kind_of(path: Path) -> FileKind:
    """The format by a file's suffix. Raises `ExpectedError` for an unknown one."""
    suffix = path.suffix.lower().removeprefix(".")
    if suffix not in tuple(FileKind):
        known = ", ".join(f".{kind}" for kind in FileKind)
        raise ExpectedError(f"{path}: the name must end with one of {known}")
    return FileKind(suffix)


@contextmanager
def room_for(path: Path) -> Iterator[Path]:
    """A file beside the wanted one, which takes its place once all went well.

    Entered before codes are issued, so that none are issued for a file that can't be written.
    Readable by its owner alone: who has a code can use it. Raises `ExpectedError` if the file is
    there already (the codes in it may be nowhere else), or can't be written.
    """
    kind_of(path)
    if path.exists():
        raise ExpectedError(f"{path} is there already; move it away, or choose another name")
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        os.close(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise ExpectedError(f"cannot write {path}: {error.strerror}") from error
    try:
        yield beside
        beside.replace(path)
    finally:
        with suppress(OSError):
            beside.unlink()


def write_table(
    path: Path, kind: FileKind, columns: Columns, frames: Iterator[pl.DataFrame]
) -> None:
    """Write frames of these columns, one after the other."""
    match kind:
        case FileKind.PARQUET:
            _write_parquet(path, columns, frames)
        case FileKind.JSONL:
            with path.open("wb") as out:
                for frame in frames:
                    frame.write_ndjson(out)
        case FileKind.CSV:
            with path.open("wb") as out:
                pl.DataFrame(schema=_flat(columns)).write_csv(out)
                for frame in frames:
                    frame.with_columns(_joined(columns)).write_csv(out, include_header=False)


def read_table(path: Path) -> Iterator[Row]:
    """The records of a file, without what is empty.

    Raises `ExpectedError` that names the line which can't be read.
    """
    kind = kind_of(path)
    try:
        if kind is FileKind.PARQUET:
            yield from _parquet(path)
        else:
            with path.open("rb") as file:
                yield from (_csv if kind is FileKind.CSV else _json_lines)(path, file)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ExpectedError(f"cannot read {path}: {error}") from error


def _write_parquet(path: Path, columns: Columns, frames: Iterator[pl.DataFrame]) -> None:
    """Row group by row group; what goes wrong in the frames is raised as it was."""
    raised: list[Exception] = []

    def source(*_: object) -> Iterator[pl.DataFrame]:
        try:
            yield from frames
        except Exception as error:
            raised.append(error)
            raise

    try:
        register_io_source(source, schema=dict(columns)).sink_parquet(path)
    except pl.exceptions.PolarsError:
        if raised:
            raise raised[0] from None
        raise


def _csv(path: Path, file: BinaryIO) -> Iterator[Row]:
    number = 1
    try:
        rows = csv.reader((line.decode("utf-8-sig") for line in file), strict=True)
        header = [name.strip() for name in next(rows, [])]
        if not header or not all(header) or len(set(header)) < len(header):
            raise ExpectedError(f"{path}: the first line must name the columns, each once")
        number = rows.line_num + 1
        for cells in rows:
            if len(cells) > len(header):
                raise ExpectedError(
                    f"{path}, line {number}: has {len(cells)} cells, but the first line names "
                    f"{len(header)} columns"
                )
            found = zip(header, (cell.strip() for cell in cells), strict=False)
            if values := {name: cell for name, cell in found if cell}:
                yield Row(number, values)
            number = rows.line_num + 1
    except (UnicodeDecodeError, csv.Error) as error:
        raise ExpectedError(f"{path}, line {number}: is not CSV in UTF-8: {error}") from error


def _json_lines(path: Path, file: BinaryIO) -> Iterator[Row]:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            values = msgspec.json.decode(line.removeprefix(b"\xef\xbb\xbf"), type=dict[str, Any])
        except (msgspec.DecodeError, RecursionError) as error:
            raise ExpectedError(f"{path}, line {number}: is not a JSON object: {error}") from error
        yield Row(number, {name: value for name, value in values.items() if value is not None})


def _parquet(path: Path) -> Iterator[Row]:
    table, start = pl.scan_parquet(path), 0
    while rows := table.slice(start, _BATCH).collect().to_dicts():
        for number, values in enumerate(rows, start + 1):
            yield Row(number, {name: value for name, value in values.items() if value is not None})
        start += len(rows)


def _flat(columns: Columns) -> Columns:
    return {name: pl.String if kind == pl.List else kind for name, kind in columns.items()}


def _joined(columns: Columns) -> list[pl.Expr]:
    lists = [name for name, kind in columns.items() if kind == pl.List]
    return [pl.col(name).list.join(LIST_SEPARATOR) for name in lists]
