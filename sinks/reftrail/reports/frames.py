"""Answers of reports as Parquet and Arrow, with the types of their measures."""

from io import BytesIO
from typing import Final

import polars as pl

from reftrail.reports.catalogue import ReportAnswer
from reftrail.reports.comparison import PREVIOUS_PREFIX
from reftrail.reports.report_files import MeasureKind, Report

_TYPES: Final = {
    MeasureKind.COUNT: pl.Int64(),
    MeasureKind.RATE: pl.Float64(),
    MeasureKind.NUMBER: pl.Float64(),
}


def as_parquet(report: Report, answer: ReportAnswer) -> bytes:
    """A Parquet file: counts are integers, rates and numbers floats, the rest is text."""
    out = BytesIO()
    _frame(report, answer).write_parquet(out)
    return out.getvalue()


def as_arrow(report: Report, answer: ReportAnswer) -> bytes:
    """The same as an Arrow IPC file (Feather)."""
    out = BytesIO()
    _frame(report, answer).write_ipc(out)
    return out.getvalue()


def _frame(report: Report, answer: ReportAnswer) -> pl.DataFrame:
    """Money stays a decimal string: its places differ by currency."""
    kinds = {measure.name: measure.kind for measure in report.measures}
    text = MeasureKind.TEXT
    schema = {
        name: _TYPES.get(kinds.get(name.removeprefix(PREVIOUS_PREFIX), text), pl.String())
        for name in answer.columns
    }
    return pl.DataFrame(answer.rows, schema=schema, orient="row")
