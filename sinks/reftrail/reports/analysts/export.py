"""Exports of whole views as Parquet or CSV.

ClickHouse in this process writes a file, in memory for some blocks only; a server sends the same
bytes over HTTP.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from clickhouse_connect.driver.client import Client

from reftrail.reports.formula_safety import formula_safe_sql
from reftrail.reports.questions import BadQuestion

TIMES: Final = {
    "v_events": "event_time",
    "v_signups_and_orders": "event_time",
    "v_orders": "event_time",
    "v_current_attributions": "event_time",
    "v_referred_users": "event_time",
    "v_rewards": "event_time",
    "v_reward_balances": "at",
    "v_activity_visits": "at",
    "v_activity_conversions": "at",
    "v_weeks_after_signup": "at",
    "v_activity_decisions": "at",
    "v_activity": "at",
    "v_statement_lines": "at",
    "v_suspicions": "at",
    "v_touch_credits": "at",
    "v_event_receipts": "at",
    "v_other_receipts": "at",
    "v_receipts": "at",
    "v_reconciliation": "at",
}
"""Column by which a view's rows belong to a period."""

_CHUNK: Final = 1 << 20
_DIRECTORY: Final = "export-"
_SETTINGS: Final[dict[str, Any]] = {"format_csv_null_representation": ""}
"""Empty text is written as `""`, null as nothing."""


class ExportFormat(StrEnum):
    """Format of an exported file."""

    PARQUET = "parquet"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class Export:
    """A view, as what, and the period of its rows (until excluded) where one was asked for."""

    view: str
    format: ExportFormat
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Exported:
    """Bytes of a file in chunks. size is their number, None where a server writes as it sends."""

    size: int | None
    chunks: Iterator[bytes]


@contextmanager
def exported(client: Client, asked: Export, scratch: Path | None) -> Iterator[Exported]:
    """Write a view; blocks. scratch is a directory for files of ClickHouse in this process.

    Raises `BadQuestion` if the view has no period and one was asked for.
    """
    query, parameters = _query(client, asked)
    written = "Parquet" if asked.format is ExportFormat.PARQUET else "CSVWithNames"
    if scratch is None:
        with client.raw_stream(query, parameters, _SETTINGS, written) as stream:
            yield Exported(None, iter(lambda: stream.read(_CHUNK), b""))
        return
    with TemporaryDirectory(dir=scratch, prefix=_DIRECTORY) as directory:
        path = Path(directory) / "rows"
        client.raw_query(f"{query} INTO OUTFILE '{path}'", parameters, _SETTINGS, written)
        with path.open("rb") as file:
            yield Exported(path.stat().st_size, iter(lambda: file.read(_CHUNK), b""))


def remove_unfinished(scratch: Path) -> None:
    """Remove files of exports that ended with their process."""
    for directory in scratch.glob(f"{_DIRECTORY}*"):
        shutil.rmtree(directory, ignore_errors=True)


def _query(client: Client, asked: Export) -> tuple[str, dict[str, Any]]:
    columns = client.query(f"DESCRIBE TABLE {asked.view}").result_rows
    wanted = ", ".join(_cell(name, kind, asked.format) for name, kind, *_ in columns)
    text = f"SELECT {wanted} FROM {asked.view} AS v"  # noqa: S608  (names from the code)
    if asked.since is None and asked.until is None:
        return text, {}
    if asked.view not in TIMES:
        raise BadQuestion(
            f"{asked.view} has no period; leave from and to out, or export one of "
            f"{', '.join(TIMES)}"
        )
    conditions = {"since": ">=", "until": "<"}
    given = {name: at for name in conditions if (at := getattr(asked, name)) is not None}
    time = f"v.{TIMES[asked.view]}"
    where = [f"{time} {conditions[name]} {{{name}:DateTime64(3, 'UTC')}}" for name in given]
    return f"{text} WHERE {' AND '.join(where)}", given


def _cell(name: str, kind: str, written: ExportFormat) -> str:
    is_text = kind in ("String", "Nullable(String)")
    if written is ExportFormat.CSV and is_text:
        return f"{formula_safe_sql(f'v.{name}')} AS {name}"
    return f"v.{name} AS {name}"
