"""Approval and export of statements, as pure decisions: records to write, and refusals."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from reftrail.contracts.names import is_same_person
from reftrail.contracts.payouts import CountedFrom, StatementChanged, StatementStatus
from reftrail.contracts.record import Millis
from reftrail.payouts.preparing import Ledger, is_same, prepared
from reftrail.payouts.statements import Statement, Statements
from reftrail.payouts.terms import PayoutTerms, Period
from reftrail.rules.decider import derived_id


@dataclass(frozen=True, slots=True)
class Act:
    """An act's author and time."""

    actor: str
    at: Millis


@dataclass(frozen=True, slots=True)
class Refused:
    """A statement with which something wasn't done, and why."""

    statement: Statement
    why: str


def changed(
    statement: Statement, status: StatementStatus, act: Act, **given: Any
) -> StatementChanged:
    """The record of the next change of a statement; given are its further fields."""
    number = len(statement.changes) + 1
    return StatementChanged(
        event_id=derived_id("statement-changed", statement.id, str(number)),
        event_time=act.at,
        received_at=act.at,
        statement_id=statement.id,
        revision=statement.prepared.revision,
        beneficiary=statement.prepared.beneficiary,
        number=number,
        status=status,
        actor=act.actor,
        amount_micros=statement.prepared.total_micros,
        currency=statement.prepared.currency,
        **given,
    )


def approve(
    ledger: Ledger, statements: Statements, chosen: Iterable[Statement], act: Act
) -> tuple[list[StatementChanged], list[Refused]]:
    """Approve statements that are what they would be if they were prepared now.

    So a reward is never in two approved statements, and nothing is approved that was reversed after
    its preparation. What is approved is added to statements.
    """
    changes: list[StatementChanged] = []
    refused: list[Refused] = []
    for group in _by_terms(chosen):
        terms, period = _terms_of(group[0]), _period_of(group[0])
        now = {statement.id: statement for statement in prepared(ledger, statements, terms, period)}
        for statement in group:
            why = _why_not_approved(statement, now.get(statement.id), act.actor)
            if why is not None:
                refused.append(Refused(statement, why))
                continue
            change = changed(statement, StatementStatus.APPROVED, act)
            statements.apply(change)
            changes.append(change)
    return changes, refused


def export(
    statements: Statements, chosen: Sequence[Statement], layout: str, act: Act
) -> tuple[str, list[StatementChanged]]:
    """Export approved statements as one batch; its id follows from them."""
    approved = [statement for statement in chosen if statement.status == StatementStatus.APPROVED]
    numbered = sorted(f"{statement.id}:{len(statement.changes)}" for statement in approved)
    batch = derived_id("payout-batch", layout, *numbered)
    changes = []
    for statement in approved:
        status = StatementStatus.EXPORTED
        change = changed(statement, status, act, batch_id=batch, format=layout)
        statements.apply(change)
        changes.append(change)
    return batch, changes


def _why_not_approved(statement: Statement, now: Statement | None, actor: str) -> str | None:
    given = statement.prepared
    if statement.status != StatementStatus.PREPARED:
        return f"it is {statement.status} already"
    if given.carried_over is not None:
        return f"it pays nothing: {given.carried_over}"
    if given.two_people and is_same_person(given.prepared_by, actor):
        return f"{actor} prepared it; somebody else has to approve it"
    if now is None or not is_same(now, statement):
        return "what is due has changed since it was prepared; prepare the period again"
    return None


def _terms_of(statement: Statement) -> PayoutTerms:
    given = statement.prepared
    return PayoutTerms.model_construct(
        kinds=tuple(given.kinds),
        refund_window=given.refund_window_ms,
        counted_from=CountedFrom(given.counted_from),
        minimum={given.currency: given.minimum_micros},
        two_people=given.two_people,
    )


def _period_of(statement: Statement) -> Period:
    return Period(statement.prepared.period_from, statement.prepared.period_until)


def _by_terms(chosen: Iterable[Statement]) -> Iterator[list[Statement]]:
    """Statements that one computation compares: of the same period, terms and currency."""
    groups: dict[str, list[Statement]] = {}
    for statement in chosen:
        given = statement.prepared
        key = (
            f"{_period_of(statement)}{given.kinds}{given.minimum_micros}{given.refund_window_ms}"
            f"{given.counted_from}{given.two_people}{given.currency}"
        )
        groups.setdefault(key, []).append(statement)
    yield from groups.values()
