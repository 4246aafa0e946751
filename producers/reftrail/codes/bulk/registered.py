"""Registered codes as rows, for files and other tables."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import polars as pl

from reftrail.codes.bulk.files import Columns, kind_of, room_for, write_table
from reftrail.codes.model import Code
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.record import Millis
from reftrail.contracts.times import moment

_TIME: Final = pl.Datetime("ms", "UTC")

COLUMNS: Final[Columns] = {
    "code": pl.String,
    "campaign_id": pl.String,
    "owner_user_id": pl.String,
    "category": pl.String,
    "channel": pl.String,
    "status": pl.String,
    "created_at": _TIME,
    "expires_at": _TIME,
    "max_uses": pl.Int64,
    "max_distributes": pl.Int64,
    "distributed": pl.Int64,
    "channels": pl.List(pl.String),
    "regions": pl.List(pl.String),
    "record_kind": pl.String,
    "record_id": pl.String,
    "origin": pl.String,
    "notes": pl.String,
}


def row_of(code: Code, at: Millis) -> dict[str, Any]:
    """The state of a code at a time, by the names of `COLUMNS`."""
    found = code.changed
    own = {
        "status": code.status_at(at).value,
        "created_at": moment(found.created_at),
        "expires_at": moment(found.expires_at),
        "distributed": code.distributed,
    }
    return {name: own[name] if name in own else getattr(found, name) for name in COLUMNS}


def code_frames(codes: Iterable[Sequence[Code]], at: Millis) -> Iterator[pl.DataFrame]:
    """Codes as frames of `COLUMNS`, one for each sequence that has any."""
    for some in codes:
        if some:
            yield pl.DataFrame([row_of(code, at) for code in some], schema=dict(COLUMNS))


def write_codes(
    path: Path,
    codes: Iterable[Sequence[Code]],
    at: Millis,
    written: Callable[[int], None] = lambda _: None,
) -> int:
    """Write codes to a new file as they stand at a time; how many there were.

    Where codes are issued while they are written, those before an error stay issued, and stand in
    the store. Raises `ExpectedError` if the file can't be written.
    """
    count = 0

    def counted() -> Iterator[Sequence[Code]]:
        nonlocal count
        for some in codes:
            yield some
            count += len(some)
            written(len(some))

    with room_for(path) as beside:
        try:
            write_table(beside, kind_of(path), COLUMNS, code_frames(counted(), at))
        except (OSError, pl.exceptions.PolarsError) as error:
            raise ExpectedError(f"cannot write {path}: {error}") from error
    return count
