"""The commands about pay-outs: each reads the log to its end, decides, and writes what follows."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.external_inputs import FulfilmentReported
from reftrail.contracts.payouts import StatementStatus
from reftrail.contracts.record import Record
from reftrail.contracts.times import rfc3339
from reftrail.payouts.changes import Act, Refused, approve, export
from reftrail.payouts.layouts import Layout, Missing, file_text, payable
from reftrail.payouts.payees import Payee
from reftrail.payouts.preparing import Ledger, is_same, prepared, records_of
from reftrail.payouts.reconciliation import ProviderLine, Reconciled, reconcile
from reftrail.payouts.statements import Statement, Statements
from reftrail.payouts.terms import PayoutTerms, Period


class Log(Protocol):
    """The part of `PayoutWriter` that commands need."""

    def ledger(self, kinds: Sequence[str]) -> Ledger:
        """The accounts of all rewards of some kinds."""

    def statements(self) -> Statements:
        """All statements."""

    def write(self, records: Sequence[Record], reports: Sequence[FulfilmentReported] = ()) -> None:
        """Write all, or nothing."""


Choice = Callable[[Statement], bool]
"""Says which statements a command is about."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A file for a provider: its text, the statements in it, and those that lack something."""

    batch_id: str
    text: str
    statements: Sequence[Statement]
    missing: Sequence[Missing]


def prepare_statements(
    log: Log, terms: PayoutTerms, period: Period, act: Act
) -> tuple[list[Statement], list[Statement]]:
    """Prepare a period's statements; answers those written now, and those that were so already.

    A statement that was approved stays as it is: what became due since goes into the next period's.
    """
    if period.until > act.at:
        raise ExpectedError(
            f"the period ends at {rfc3339(period.until)}, which is still to come; prepare it then, "
            f"or give one that is over"
        )
    statements = log.statements()
    written: list[Statement] = []
    unchanged: list[Statement] = []
    records: list[Record] = []
    for found in prepared(log.ledger(terms.kinds), statements, terms, period):
        known = statements.by_id.get(found.id)
        if known is not None and (known.changes or is_same(found, known)):
            unchanged.append(known)
            continue
        revision = 1 if known is None else known.prepared.revision + 1
        new = records_of(found, revision, act.actor, act.at)
        records.extend(new)
        for record in new:
            statements.apply(record)
        written.append(statements.by_id[found.id])
    log.write(records)
    return written, unchanged


def approve_statements(log: Log, choice: Choice, act: Act) -> tuple[list[Statement], list[Refused]]:
    """Approve the chosen statements that pay something; answers those approved, and refusals."""
    statements = log.statements()
    chosen = _chosen(statements, choice)
    kinds = sorted({kind for statement in chosen for kind in statement.prepared.kinds})
    changes, refused = approve(log.ledger(kinds), statements, chosen, act)
    log.write(changes)
    return [statements.by_id[change.statement_id] for change in changes], refused


def export_statements(  # noqa: PLR0913, PLR0917 - what a file is made of
    log: Log,
    choice: Choice,
    layout: Layout,
    payees: Mapping[str, Payee],
    act: Act,
    note: str = "",
    limit: int | None = None,
) -> Exported:
    """Export the chosen statements that are approved, of those whose payees have what is needed.

    The others stay approved. Nothing is written where the layout can't have them.
    """
    statements = log.statements()
    approved = [
        statement
        for statement in _chosen(statements, choice)
        if statement.status == StatementStatus.APPROVED
    ]
    found, missing = payable(layout, approved, payees)
    found = found[:limit]
    text = file_text(layout, found, payees, note)
    batch, changes = export(statements, found, layout.name, act)
    log.write(changes)
    return Exported(batch, text, found, missing)


def export_again(
    statements: Statements, batch: str, layout: Layout, payees: Mapping[str, Payee], note: str = ""
) -> Exported:
    """The file of a batch again, of the statements in it that nothing was reported about."""
    chosen = [
        statement
        for statement in statements.by_id.values()
        if statement.batch_id == batch and statement.status == StatementStatus.EXPORTED
    ]
    if not chosen:
        raise ExpectedError(
            f"nothing of the batch {batch} is still to be paid; see: reftrail payouts list"
        )
    found, missing = payable(layout, sorted(chosen, key=_order), payees)
    return Exported(batch, file_text(layout, found, payees, note), found, missing)


def report_payments(
    log: Log, lines: Sequence[ProviderLine], act: Act, *, is_whole: bool = False
) -> Reconciled:
    """Take a provider's report: write what follows, and answer that and the differences."""
    statements = log.statements()
    kinds = {kind for statement in statements.by_id.values() for kind in statement.prepared.kinds}
    found = reconcile(log.ledger(sorted(kinds)), statements, lines, act, is_whole=is_whole)
    log.write(found.changes, found.reports)
    return found


def _chosen(statements: Statements, choice: Choice) -> list[Statement]:
    return sorted(filter(choice, _all(statements)), key=_order)


def _all(statements: Statements) -> Iterable[Statement]:
    return statements.by_id.values()


def _order(statement: Statement) -> tuple[int, str, str]:
    given = statement.prepared
    return given.period_from, given.beneficiary, given.currency
