"""Formats in which a report is answered over HTTP."""

from collections.abc import Callable
from typing import Final, TypeAlias

from reftrail.reports.catalogue import ReportAnswer
from reftrail.reports.questions import BadQuestion
from reftrail.reports.rendering import AnswerFormat, as_csv, as_json, as_table
from reftrail.reports.report_files import Report

Writer: TypeAlias = Callable[[Report, ReportAnswer], bytes | str]


def as_parquet(report: Report, answer: ReportAnswer) -> bytes:
    """An answer as Parquet. polars is imported with the first one: a fifth of a host's start."""
    from reftrail.reports import frames  # noqa: PLC0415

    return frames.as_parquet(report, answer)


def as_arrow(report: Report, answer: ReportAnswer) -> bytes:
    """An answer as Arrow."""
    from reftrail.reports import frames  # noqa: PLC0415

    return frames.as_arrow(report, answer)


FORMATS: Final[dict[str, tuple[str, Writer]]] = {
    AnswerFormat.TABLE: ("text/plain", as_table),
    AnswerFormat.JSON: ("application/json", lambda _, found: as_json(found)),
    AnswerFormat.CSV: ("text/csv", as_csv),
    "parquet": ("application/vnd.apache.parquet", as_parquet),
    "arrow": ("application/vnd.apache.arrow.file", as_arrow),
}
"""The media type of each format, and how an answer is written in it."""


def format_of(given: str) -> tuple[str, Writer]:
    """The media type and the writer of a format. Raises `BadQuestion` if there is none."""
    if given not in FORMATS:
        raise BadQuestion(f"there is no format {given!r}; choose of {', '.join(FORMATS)}")
    return FORMATS[given]
