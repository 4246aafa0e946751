"""Statements as they are, folded from the topic `payouts`, and what they settle of each reward."""

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import msgspec

from reftrail.contracts.external_inputs import FulfilmentOutcome
from reftrail.contracts.payouts import (
    StatementChanged,
    StatementLine,
    StatementPrepared,
    StatementStatus,
)
from reftrail.contracts.record import Micros, Record
from reftrail.rules.decider import derived_id

SETTLING: Final = frozenset(
    {StatementStatus.APPROVED, StatementStatus.EXPORTED, StatementStatus.PAID}
)
"""The statuses in which a statement's lines count as paid, so that no other statement pays them."""

_REFERENCE_LENGTH: Final = 16


@dataclass(slots=True)
class Statement:
    """A statement: its last revision with its lines, and what happened to it, in order."""

    prepared: StatementPrepared
    lines: list[StatementLine] = field(default_factory=list)
    changes: list[StatementChanged] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The statement's id."""
        return self.prepared.statement_id

    @property
    def status(self) -> StatementStatus:
        """The last status."""
        if not self.changes:
            return StatementStatus.PREPARED
        return StatementStatus(self.changes[-1].status)

    @property
    def is_settling(self) -> bool:
        """Whether its lines count as paid."""
        return self.status in SETTLING

    @property
    def reference(self) -> str:
        """The text by which providers name the payment."""
        return reference_of(self.id)

    @property
    def batch_id(self) -> str | None:
        """The batch that it was exported in last."""
        return next((change.batch_id for change in reversed(self.changes) if change.batch_id), None)

    def is_replaced_by(self, prepared: StatementPrepared) -> bool:
        """Whether a revision replaces it. What is approved stays as it is."""
        return not self.changes and self.prepared.revision < prepared.revision

    @property
    def was_paid(self) -> bool:
        """Whether a payment of it was reported at any time."""
        return any(change.status == StatementStatus.PAID for change in self.changes)


@dataclass(slots=True)
class Statements:
    """All statements, by id."""

    by_id: dict[str, Statement] = field(default_factory=dict)

    def apply(self, record: Record) -> None:
        """Count a record of the topic; those of one statement in the order of their writing."""
        match record:
            case StatementPrepared():
                known = self.by_id.get(record.statement_id)
                if known is None or known.is_replaced_by(record):
                    self.by_id[record.statement_id] = Statement(record)
            case StatementLine():
                statement = self.by_id[record.statement_id]
                lines = {line.line_id for line in statement.lines}
                if record.revision == statement.prepared.revision and record.line_id not in lines:
                    statement.lines.append(record)
            case StatementChanged():
                statement = self.by_id[record.statement_id]
                if record.number == len(statement.changes) + 1:
                    statement.changes.append(record)
            case _:
                raise TypeError(f"{type(record).__name__} is no record of pay-outs")

    def settled(self) -> Mapping[str, Micros]:
        """The amounts that statements settle of each reward, by reward_id."""
        found: dict[str, Micros] = {}
        for line in self._lines(settling=True):
            found[line.reward_id] = found.get(line.reward_id, 0) + line.amount_micros
        return found

    def seen(self) -> frozenset[str]:
        """The rewards that are in an approved statement, whatever became of that."""
        return frozenset(line.reward_id for line in self._lines(settling=False))

    def paid_once(self) -> frozenset[str]:
        """The rewards of which a payment was reported at any time."""
        paid = (statement for statement in self.by_id.values() if statement.was_paid)
        return frozenset(line.reward_id for statement in paid for line in statement.lines)

    def own_reports(self) -> frozenset[str]:
        """The event_ids of all reports of delivery that can come from statements."""
        return frozenset(
            report_id(line, FulfilmentOutcome.DELIVERED) for line in self._lines(settling=False)
        )

    def _lines(self, *, settling: bool) -> Iterator[StatementLine]:
        for statement in self.by_id.values():
            if statement.is_settling if settling else statement.changes:
                yield from statement.lines


def statements_of(records: Iterable[Record]) -> Statements:
    """The statements that the records of the topic make."""
    found = Statements()
    for record in records:
        found.apply(record)
    return found


def statement_id(beneficiary: str, currency: str, start: int, until: int) -> str:
    """The id of a statement: the same for the same beneficiary, currency and period, for ever."""
    return derived_id("statement", beneficiary, currency, str(start), str(until))


def line_id(its_statement: str, reward_id: str) -> str:
    """The id of a reward's line in a statement, in whatever revision."""
    return derived_id("statement-line", its_statement, reward_id)


def report_id(line: StatementLine, outcome: FulfilmentOutcome) -> str:
    """The event_id of a report on a line's reward: it follows from the line and the outcome."""
    return derived_id("payout", line.line_id, outcome)


def reference_of(its_statement: str) -> str:
    """A statement's reference: RT and 16 letters and digits, as short as banks want it.

    British banks take 18 characters of it, PayPal's Customer ID takes 30, and SEPA's end-to-end
    identification 35.
    """
    text = base64.b32encode(UUID(its_statement).bytes).decode()
    return f"RT{text[:_REFERENCE_LENGTH]}"


def digest_of(lines: Sequence[StatementLine]) -> str:
    """A SHA-256 of what the lines pay: line, reward and amount."""
    content = sorted((line.line_id, line.reward_id, line.amount_micros) for line in lines)
    return hashlib.sha256(msgspec.json.encode(content)).hexdigest()
