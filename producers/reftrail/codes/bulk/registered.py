"""Registered codes as rows: to files, and to whatever else reads tables."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import polars as pl

from reftrail.codes.bulk.files import Columns
from reftrail.codes.terms import Code
from reftrail.contracts.record import Millis

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
    """A code as it stands at a time, by the names of `COLUMNS`."""
    found = code.changed
    own = {
        "status": code.status_at(at).value,
        "created_at": time_of(found.created_at),
        "expires_at": time_of(found.expires_at),
        "distributed": code.distributed,
    }
    return {name: own[name] if name in own else getattr(found, name) for name in COLUMNS}


def code_frames(codes: Iterable[Sequence[Code]], at: Millis) -> Iterator[pl.DataFrame]:
    """Codes as frames of `COLUMNS`, one for each sequence that has any."""
    for some in codes:
        if some:
            yield pl.DataFrame([row_of(code, at) for code in some], schema=dict(COLUMNS))


def time_of(at: Millis | None) -> datetime | None:
    """A record's time."""
    return None if at is None else datetime.fromtimestamp(at / 1000, UTC)
