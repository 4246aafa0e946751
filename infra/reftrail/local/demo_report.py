"""Report of the demo at the end: numbers of the reports, and their comparison with the truth."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reftrail.contracts.record import MICROS_PER_UNIT, Micros
from reftrail.simulator import Comparison

_COLUMNS: Final = {
    "views": "views",
    "clicks": "clicks",
    "signups": "signups",
    "purchases": "purchases",
    "attributed": "attributed",
    "rewards_granted": "rewards",
    "conversion_rate": "conversion",
}
"""Columns of the funnel report, and their headings in 80 characters."""

_MOST_TOLD: Final = 10

_BY_TIERS: Final = (
    "What is earned by tiers differs from run to run of one seed: a partner earns\n"
    "more from the fifth customer on, and again from the twentieth, and arrival\n"
    "decides which customer is which."
)


def funnel_table(title: str, dimension: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    """The funnel by one dimension; conversion is of visitors who clicked, who signed up."""
    table = Table(
        title=f"\n{title}", title_justify="left", box=None, pad_edge=False, collapse_padding=True
    )
    table.add_column("", no_wrap=True)
    for heading in _COLUMNS.values():
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(row[dimension] or "(none)", *(_number(row[name]) for name in _COLUMNS))
    return table


def verdict(comparison: Comparison) -> RenderableType:
    """The number of correct results, and the first of the others."""
    lines = Table.grid(padding=(0, 2))
    for name, value, is_right in (
        ("events", f"{comparison.events:,} sent", True),
        ("events lost", f"{comparison.lost:,}", not comparison.lost),
        ("events doubled", f"{comparison.doubled:,}", not comparison.doubled),
        _share("attributions right", comparison.attributions_right, comparison.attributions),
        _share("rewards right", comparison.rewards_right, comparison.rewards),
        _share("adjustments right", comparison.adjustments_right, comparison.adjustments),
        _paid(comparison),
        *_paid_by_tiers(comparison),
        ("reports", *_reports(comparison)),
    ):
        lines.add_row(name, Text(value, style="green" if is_right else "bold red"))
    by_tiers = [Text(f"\n{_BY_TIERS}", style="dim")] if comparison.paid_by_tiers else []
    return Group("", lines, *by_tiers, *_difference_lines(comparison.differences))


def _paid(comparison: Comparison) -> tuple[str, str, bool]:
    """Worth of the ledger by currency, rounded to units; each reward was compared exactly."""
    is_right = (comparison.rewards_right, comparison.adjustments_right) == (
        comparison.rewards,
        comparison.adjustments,
    )
    return "ledger worth", _sums(comparison.paid) or "nothing", is_right


def _paid_by_tiers(comparison: Comparison) -> Iterable[tuple[str, str, bool]]:
    if comparison.paid_by_tiers:
        yield "of it by tiers", _sums(comparison.paid_by_tiers), True


def _sums(paid: Mapping[str, Micros]) -> str:
    return ", ".join(f"{round(micros / MICROS_PER_UNIT):,} {name}" for name, micros in paid.items())


def _reports(comparison: Comparison) -> tuple[str, bool]:
    wrong = comparison.report_differences
    return ("every count as expected", True) if not wrong else (f"{wrong} counts wrong", False)


def _share(name: str, right: int, expected: int) -> tuple[str, str, bool]:
    return name, f"{right:,} of {expected:,}", right == expected


def _difference_lines(differences: Sequence[str]) -> Iterable[RenderableType]:
    if differences:
        yield Text(f"\n{len(differences)} differences, the first of them:", style="bold red")
        yield from (Text(f"- {line}") for line in differences[:_MOST_TOLD])


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:.1%}"
