"""A report's rows by dimensions and period, as asked of the warehouse."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from reftrail.reports.catalogue import ask, find
from reftrail.reports.questions import ALL, question
from support.clickhouse import ClickHouse
from support.placing import placed_facts

OWN: Final = ("campaign_id", "category", "channel")
KEPT: Final = (*OWN, "utm_source")
"""Dimensions that a fact has by itself."""

Period = tuple[str | None, str | None]
Rows = dict[tuple[str | None, ...], dict[str, Any]]


@dataclass(frozen=True)
class Asked:
    """Dimensions, and days from since to before until."""

    by: Sequence[str]
    since: str | None
    until: str | None

    @property
    def keys(self) -> list[str]:
        return [f"by_{nth}" for nth in range(len(self.by))]

    def of(self, clickhouse: ClickHouse, report: str, *more: str) -> Rows:
        """The figures of the report, by dimensions; without rows of zeros.

        They are read in placed facts, which `same_of_views` compares with the views: to plan a
        question of these takes a third of a second of processor time.
        """
        asked = question(self.by or [ALL], self.since, self.until)
        answer = ask(clickhouse.reading, find(report), asked, None, placed_facts(clickhouse))
        keys = [*answer.columns[: len(self.by)], *more]
        counted = [measure.name for measure in find(report).measures if measure.kind == "count"]
        rows = [row for row in answer.rows if any(row[name] for name in counted)]
        return {tuple(row[key] for key in keys): without(row, keys) for row in rows}


def same_of_views(clickhouse: ClickHouse, report: str, asked: Asked) -> None:
    """Assert that views say of a report what is placed, by all dimensions that are asked for."""
    wanted = question(asked.by or [ALL], asked.since, asked.until)
    of_views = ask(clickhouse.reading, find(report), wanted, None)
    placed = ask(clickhouse.reading, find(report), wanted, None, placed_facts(clickhouse))
    assert of_views.rows
    assert placed.rows == of_views.rows


def without(row: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in keys}
