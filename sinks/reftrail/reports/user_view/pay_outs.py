"""Statements of what was paid out to a user."""

from collections.abc import Iterable
from operator import attrgetter
from typing import Any

from reftrail.contracts.money import amount_text
from reftrail.contracts.payouts import StatementStatus
from reftrail.contracts.times import rfc3339
from reftrail.reports.user_view.rows import StatementChangeRow, StatementRow


def statements_shown(
    found: Iterable[StatementRow], changes: Iterable[StatementChangeRow]
) -> list[dict[str, Any]]:
    """Each statement in its last revision and with its last status, the latest period first."""
    revised = sorted(found, key=attrgetter("revision"))
    last = {statement.statement_id: statement for statement in revised}.values()
    changed = sorted(changes, key=attrgetter("number"))
    status = {change.statement_id: change for change in changed}
    return [
        _shown(statement, status.get(statement.statement_id))
        for statement in sorted(
            last, key=lambda row: (-row.until_ms, row.currency, row.statement_id)
        )
    ]


def _shown(statement: StatementRow, change: StatementChangeRow | None) -> dict[str, Any]:
    return {
        "statement_id": statement.statement_id,
        "from": rfc3339(statement.from_ms),
        "until": rfc3339(statement.until_ms),
        "amount": amount_text(statement.total_micros, statement.currency),
        "currency": statement.currency,
        "status": StatementStatus.PREPARED if change is None else change.status,
        "carried_over": statement.carried_over,
        "since": rfc3339(statement.prepared_ms if change is None else change.ms),
    }
