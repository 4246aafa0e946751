"""Questions to reports as analysts ask them, by dimensions and for a period."""

from typing import Any

from reftrail.reports.catalogue import ask, find
from reftrail.reports.questions import question
from support.clickhouse import ClickHouse


def report(
    clickhouse: ClickHouse, name: str, *by: str, since: str | None = None, until: str | None = None
) -> list[dict[str, Any]]:
    return ask(clickhouse.reading, find(name), question(by, since, until), None).rows
