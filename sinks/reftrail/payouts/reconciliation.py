"""Reconciliation of providers' reports about payments with the statements.

A payment that is reported again changes nothing. What can't be, or isn't as it was ordered, is a
difference, which a person has to look at, and changes nothing either.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from reftrail.contracts.decisions import RewardStatus
from reftrail.contracts.external_inputs import FulfilmentOutcome, FulfilmentReported
from reftrail.contracts.money import amount_text
from reftrail.contracts.payouts import StatementChanged, StatementLine, StatementStatus
from reftrail.contracts.record import Micros
from reftrail.payouts.changes import Act, changed
from reftrail.payouts.preparing import Ledger
from reftrail.payouts.statements import Statement, Statements, report_id

_ALLOWED: Final[Mapping[StatementStatus, frozenset[StatementStatus]]] = {
    StatementStatus.APPROVED: frozenset({StatementStatus.FAILED}),
    StatementStatus.EXPORTED: frozenset(
        {StatementStatus.PAID, StatementStatus.FAILED, StatementStatus.RETURNED}
    ),
    StatementStatus.PAID: frozenset({StatementStatus.RETURNED}),
    StatementStatus.FAILED: frozenset({StatementStatus.PAID}),
    StatementStatus.RETURNED: frozenset({StatementStatus.PAID}),
}
"""The statuses that may follow each other in reports.

An approval is taken back by reporting it as failed.
"""


class DifferenceKind(StrEnum):
    """The kind of a difference that needs somebody to look at it."""

    UNKNOWN_REFERENCE = "unknown_reference"
    UNKNOWN_STATUS = "unknown_status"
    PENDING = "pending"
    AMOUNT = "amount"
    CURRENCY = "currency"
    NOT_ALLOWED = "not_allowed"
    PAID_AGAIN = "paid_again"
    NOT_REPORTED = "not_reported"


@dataclass(frozen=True, slots=True)
class ProviderLine:
    """A line of a provider's report. status is None while the payment is under way.

    status_text is the provider's own word. amount_micros is None where the report has no amount.
    """

    reference: str
    status: StatementStatus | None
    status_text: str
    amount_micros: Micros | None = None
    currency: str | None = None
    provider_reference: str | None = None
    detail: str | None = None
    is_known_status: bool = True


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference, with the reference of the payment."""

    kind: DifferenceKind
    reference: str
    detail: str


@dataclass(slots=True)
class Reconciled:
    """The outcome: records to write, differences, and how many lines said nothing new."""

    changes: list[StatementChanged] = field(default_factory=list)
    reports: list[FulfilmentReported] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    known: int = 0

    def differ(self, kind: DifferenceKind, reference: str, detail: str) -> None:
        """Add a difference."""
        self.differences.append(Difference(kind, reference, detail))


def reconcile(
    ledger: Ledger,
    statements: Statements,
    lines: Sequence[ProviderLine],
    act: Act,
    *,
    is_whole: bool,
) -> Reconciled:
    """Compare a provider's report with the statements. What follows is added to statements.

    is_whole: the report is about whole batches, so that a payment it doesn't have is a difference.
    """
    found = Reconciled()
    by_reference = {
        name: statement
        for statement in statements.by_id.values()
        for name in (statement.reference, statement.id)
    }
    batches: set[str] = set()
    reported: set[str] = set()
    for line in lines:
        statement = by_reference.get(line.reference)
        if statement is None:
            detail = f"no statement has this reference; it is {line.status_text}"
            found.differ(DifferenceKind.UNKNOWN_REFERENCE, line.reference, detail)
            continue
        reported.add(statement.id)
        batches.update({statement.batch_id} - {None})  # type: ignore[arg-type]
        _take(found, ledger, statements, statement, line, act)
    for statement in statements.by_id.values() if is_whole else ():
        is_open = statement.status == StatementStatus.EXPORTED and statement.id not in reported
        if is_open and statement.batch_id in batches:
            detail = f"{_amount(statement)} to {statement.prepared.beneficiary} was exported too"
            found.differ(DifferenceKind.NOT_REPORTED, statement.reference, detail)
    return found


def _take(  # noqa: PLR0913, PLR0917 - what a line is compared with
    found: Reconciled,
    ledger: Ledger,
    statements: Statements,
    statement: Statement,
    line: ProviderLine,
    act: Act,
) -> None:
    """Take one line about a known statement."""
    if difference := _difference(statement, line):
        found.differences.append(difference)
        return
    assert line.status is not None
    if _is_known(statement, line):
        found.known += 1
        return
    if line.status not in _ALLOWED.get(statement.status, ()):
        detail = f"the statement is {statement.status}, and can't be {line.status} now"
        found.differ(DifferenceKind.NOT_ALLOWED, line.reference, detail)
        return
    is_late = line.status == StatementStatus.PAID and not statement.is_settling
    if is_late and (others := _settled_elsewhere(statements, statement)):
        detail = f"it was {statement.status} before, and its rewards are in {', '.join(others)} too"
        found.differ(DifferenceKind.PAID_AGAIN, line.reference, detail)
    reports = _reports(ledger, statements, statement, line, act)
    change = changed(
        statement,
        line.status,
        act,
        batch_id=statement.batch_id,
        provider_reference=line.provider_reference,
        detail=line.detail,
    )
    statements.apply(change)
    found.changes.append(change)
    found.reports.extend(reports)


def _difference(statement: Statement, line: ProviderLine) -> Difference | None:
    """The reason for which a line can't be taken, by its own content."""
    ordered = statement.prepared
    if line.status is None:
        kind = DifferenceKind.PENDING if line.is_known_status else DifferenceKind.UNKNOWN_STATUS
        return Difference(kind, line.reference, f'the provider says "{line.status_text}"')
    if line.currency is not None and line.currency != ordered.currency:
        detail = f"{_amount(statement)} was ordered, in {line.currency} it was {line.status}"
        return Difference(DifferenceKind.CURRENCY, line.reference, detail)
    if line.amount_micros is not None and line.amount_micros != ordered.total_micros:
        given = amount_text(line.amount_micros, ordered.currency)
        detail = f"{_amount(statement)} was ordered, {given} was {line.status}"
        return Difference(DifferenceKind.AMOUNT, line.reference, detail)
    return None


def _is_known(statement: Statement, line: ProviderLine) -> bool:
    """Whether a line says what is known, or repeats an earlier report about the statement.

    So a report of payment that is read again after the money came back doesn't pay it again.
    """
    if statement.status == line.status:
        return True
    return any(
        change.status == line.status and change.provider_reference == line.provider_reference
        for change in statement.changes
    )


def _settled_elsewhere(statements: Statements, statement: Statement) -> list[str]:
    """The references of other settling statements that pay for rewards of this one."""
    rewards = {line.reward_id for line in statement.lines}
    return sorted(
        other.reference
        for other in statements.by_id.values()
        if other is not statement
        and other.is_settling
        and any(line.reward_id in rewards and line.amount_micros > 0 for line in other.lines)
    )


def _reports(
    ledger: Ledger, statements: Statements, statement: Statement, line: ProviderLine, act: Act
) -> Iterable[FulfilmentReported]:
    """The reports on the rewards that a payment gives.

    A reward that was delivered before can't fail any more: what came back is due again, and the
    statements know that, not the ledger.
    """
    given = [entry for entry in statement.lines if entry.amount_micros > 0]
    if line.status == StatementStatus.PAID:
        return [
            _report(statement, entry, FulfilmentOutcome.DELIVERED, line, act) for entry in given
        ]
    delivered = statements.paid_once()
    return [
        _report(statement, entry, FulfilmentOutcome.FAILED, line, act)
        for entry in given
        if entry.reward_id not in delivered and _is_in_balance(ledger, entry.reward_id)
    ]


def _is_in_balance(ledger: Ledger, reward_id: str) -> bool:
    """Whether a reward, or a credit by hand, counts as owed until its delivery is reported."""
    account = ledger.accounts.get(reward_id)
    return account is not None and account.status in (RewardStatus.GRANTED, RewardStatus.ADJUSTED)


def _report(
    statement: Statement,
    line: StatementLine,
    outcome: FulfilmentOutcome,
    provider: ProviderLine,
    act: Act,
) -> FulfilmentReported:
    is_delivered = outcome == FulfilmentOutcome.DELIVERED
    return FulfilmentReported(
        event_id=report_id(line, outcome),
        event_time=act.at,
        received_at=act.at,
        code=line.code,
        user_id=line.user_id,
        reward_id=line.reward_id,
        role=line.role,
        outcome=outcome,
        kind=line.kind,
        attempts=1,
        reference=statement.reference,
        detail=None if is_delivered else provider.detail or provider.status_text,
        action=line.action,
        value_micros=line.amount_micros if is_delivered else None,
    )


def _amount(statement: Statement) -> str:
    given = statement.prepared
    return f"{amount_text(given.total_micros, given.currency)} {given.currency}"
