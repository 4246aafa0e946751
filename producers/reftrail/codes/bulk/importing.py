"""Import of a file of codes: all of them, or none if a line is at fault, unless asked otherwise."""

from array import array
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from reftrail.codes.bulk.files import FileKind, write_table
from reftrail.codes.bulk.rows import BadRow, Columns, GoodRow, read_rows
from reftrail.codes.model import By, GivenCode
from reftrail.codes.service import CodeService

_REPORTED: Final = {"line": pl.Int64, "code": pl.String, "why": pl.String}


@dataclass(frozen=True, slots=True)
class ImportReport:
    """Outcome for a file. faults are lines that can't be read or clash, by line.

    Not is_taken_over: nothing was, because of them.
    """

    added: int
    unchanged: int
    faults: tuple[BadRow, ...]
    is_taken_over: bool

    def write(self, path: Path, kind: FileKind) -> None:
        """The lines at fault, as a table."""
        rows = [(fault.line, fault.code, fault.why) for fault in self.faults]
        write_table(path, kind, _REPORTED, iter([pl.DataFrame(rows, _REPORTED, orient="row")]))


class Codes:
    """The codes of a file's good lines, as often as they are asked for.

    lines are the numbers of those that were given out last, in order.
    """

    def __init__(self, path: Path, columns: Columns, read: Callable[[], object]) -> None:
        self._path = path
        self._columns = columns
        self._read = read
        self.lines = array("Q")

    def __iter__(self) -> Iterator[GivenCode]:
        """Begin again at the beginning of the file."""
        self.lines = array("Q")
        for row in read_rows(self._path, self._columns):
            if isinstance(row, GoodRow):
                self.lines.append(row.line)
                yield row.given
                self._read()


def import_file(  # noqa: PLR0913  (each by name)
    service: CodeService,
    path: Path,
    columns: Columns,
    by: By,
    *,
    check_campaigns: Callable[[AbstractSet[str]], None],
    skip: bool = False,
    read: Callable[[], object] = lambda: None,
) -> ImportReport:
    """Take over the codes of a file; skip: also if some lines are at fault, without those.

    The file is read twice: all lines are judged before one is taken over. Twice the same line is
    once. check_campaigns is called with all campaigns named; read, for each line taken over. Raises
    `ExpectedError` if the file can't be read.
    """
    bad: list[BadRow] = []
    campaigns: set[str] = set()
    for row in read_rows(path, columns):
        if isinstance(row, GoodRow):
            campaigns.add(row.given.terms.campaign_id)
        else:
            bad.append(row)
    check_campaigns(campaigns)
    if bad and not skip:
        return ImportReport(0, 0, tuple(bad), is_taken_over=False)
    codes = Codes(path, columns, read)
    imported = service.import_codes(codes, by, skip_clashes=skip)
    clashes = [
        BadRow(codes.lines[clash.place - 1], clash.code, clash.why) for clash in imported.clashes
    ]
    faults = tuple(sorted([*bad, *clashes], key=_line))
    return ImportReport(
        imported.added, imported.unchanged, faults, is_taken_over=skip or not imported.clashes
    )


def _line(fault: BadRow) -> int:
    return fault.line
