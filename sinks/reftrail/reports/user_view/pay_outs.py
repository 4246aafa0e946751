"""Statements of what was paid out to a user."""

from collections.abc import Iterable
from typing import Any

from reftrail.contracts.money import amount_text
from reftrail.contracts.times import rfc3339
from reftrail.reports.user_view.rows import StatementRow


def statements_shown(found: Iterable[StatementRow]) -> list[dict[str, Any]]:
    """Statements with amount and status, the latest period first."""
    return [
        {
            "statement_id": statement.statement_id,
            "from": rfc3339(statement.from_ms),
            "until": rfc3339(statement.until_ms),
            "amount": amount_text(statement.total_micros, statement.currency),
            "currency": statement.currency,
            "status": statement.status,
            "carried_over": statement.carried_over,
            "since": rfc3339(statement.since_ms),
        }
        for statement in sorted(
            found,
            key=lambda statement: (-statement.until_ms, statement.currency, statement.statement_id),
        )
    ]
