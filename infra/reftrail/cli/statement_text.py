"""Statements of pay-outs as a terminal and as JSON shows them."""

from collections.abc import Iterator
from typing import Any

from reftrail.contracts.money import amount_text
from reftrail.contracts.times import rfc3339
from reftrail.payouts import Statement


def is_named(statement: Statement, name: str) -> bool:
    """Whether a name is the statement's reference or id."""
    return name in (statement.id, statement.reference)


def status_text(statement: Statement) -> str:
    """The status; of what pays nothing, why."""
    return statement.prepared.carried_over or statement.status


def statement_line(statement: Statement) -> str:
    """A statement in a line: reference, period, amount, status, and whose it is."""
    given = statement.prepared
    first, after = rfc3339(given.period_from)[:10], rfc3339(given.period_until)[:10]
    money = f"{amount_text(given.total_micros, given.currency)} {given.currency}"
    return (
        f"{statement.reference}  {first}..{after}  {money:>16}  {status_text(statement):<13} "
        f"{given.beneficiary}"
    )


def statement_text(statement: Statement) -> Iterator[str]:
    """A statement in lines, with its rewards and what became of it."""
    given = statement.prepared
    currency = given.currency
    yield statement_line(statement)
    yield f"  statement {statement.id} revision {given.revision}, by {given.prepared_by}"
    yield f"  entries of rewards before {given.ledger_positions}"
    for line in statement.lines:
        yield (
            f"  {amount_text(line.amount_micros, currency):>12} {currency} {line.reason:<9} "
            f"{line.code} {line.user_id} {line.role} {line.action}"
            + (f" order {line.order_id}" if line.order_id else "")
        )
    yield f"  {amount_text(given.total_micros, currency):>12} {currency} in all"
    for change in statement.changes:
        said = [change.provider_reference, change.detail, change.format, change.batch_id]
        words = ", ".join(word for word in said if word)
        yield f"  {rfc3339(change.event_time)}  {change.status} by {change.actor}" + (
            f": {words}" if words else ""
        )


def statement_json(statement: Statement) -> dict[str, Any]:
    """A statement with all of its records."""
    return {
        "reference": statement.reference,
        "status": statement.status,
        "statement": statement.prepared,
        "lines": statement.lines,
        "changes": statement.changes,
    }
