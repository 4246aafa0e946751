"""Statements for a period, computed from the ledger and from what statements settled before."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from reftrail.contracts.adjustments import is_adjustment
from reftrail.contracts.decisions import RewardStatus
from reftrail.contracts.payouts import (
    CarriedOver,
    CountedFrom,
    LineReason,
    StatementLine,
    StatementPrepared,
)
from reftrail.contracts.record import Micros, Millis, Record
from reftrail.payouts.ledger import RewardAccount
from reftrail.payouts.statements import (
    Statement,
    Statements,
    digest_of,
    line_id,
    statement_id,
)
from reftrail.payouts.terms import PayoutTerms, Period
from reftrail.rules.decider import derived_id

_WAITING: Final = (RewardStatus.HELD, RewardStatus.REJECTED)
"""The statuses in which nothing is paid: a granted reward may be held again, as by a dispute."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """The accounts of rewards by reward_id, and which entries of the log they count."""

    accounts: Mapping[str, RewardAccount]
    positions: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Due:
    """The amount due for a reward, or to be taken back for it where it is negative."""

    account: RewardAccount
    entitled_micros: Micros
    settled_micros: Micros
    was_in_statement: bool

    @property
    def micros(self) -> Micros:
        """The amount."""
        return self.entitled_micros - self.settled_micros

    @property
    def reason(self) -> LineReason:
        """The reason for which the reward is in a statement."""
        if is_adjustment(self.account.action):
            return LineReason.ADJUSTED
        if self.micros < 0:
            return LineReason.CLAWBACK
        if self.settled_micros:
            return LineReason.ADJUSTED
        return LineReason.RETRIED if self.was_in_statement else LineReason.EARNED

    def is_ready(self, terms: PayoutTerms, until: Millis) -> bool:
        """Whether it belongs to a period: a debit always, a credit after its refund window.

        A credit by hand has none.
        """
        if self.micros <= 0:
            return self.micros < 0
        granted_at, acted_at = self.account.granted_at, self.account.acted_at
        if granted_at is None or granted_at >= until or self.account.status in _WAITING:
            return False
        if is_adjustment(self.account.action):
            return True
        counted_from = granted_at
        if terms.counted_from == CountedFrom.ORDER and acted_at is not None:
            counted_from = acted_at
        return counted_from + terms.refund_window <= until


def dues(ledger: Ledger, statements: Statements) -> Iterator[Due]:
    """The amount due for each reward now, whatever its refund window; nothing where that is 0."""
    settled, seen, own = statements.settled(), statements.seen(), statements.own_reports()
    for its_id, account in ledger.accounts.items():
        paid = settled.get(its_id, 0)
        by_others = account.delivered_by_others(own)
        due = Due(account, account.entitled(paid + by_others), paid + by_others, its_id in seen)
        if due.micros:
            yield due


def prepared(
    ledger: Ledger, statements: Statements, terms: PayoutTerms, period: Period
) -> list[Statement]:
    """The statements for a period, one for each beneficiary and currency, without who and when.

    Those that were prepared before for the period are among them, even if nothing is due now;
    revision is 0 in all.
    """
    gathered: dict[tuple[str, str], list[Due]] = {}
    for due in dues(ledger, statements):
        beneficiary = due.account.beneficiary
        is_gathered = beneficiary is not None and due.account.kind in terms.kinds
        if is_gathered and due.is_ready(terms, period.until):
            whose = (str(beneficiary), due.account.currency)
            gathered.setdefault(whose, []).append(due)
    for known in statements.by_id.values():
        given = known.prepared
        if (given.period_from, given.period_until) == (period.start, period.until):
            gathered.setdefault((given.beneficiary, given.currency), [])
    return [
        _statement(ledger, terms, period, whose, found) for whose, found in sorted(gathered.items())
    ]


def _statement(
    ledger: Ledger,
    terms: PayoutTerms,
    period: Period,
    whose: tuple[str, str],
    found: Sequence[Due],
) -> Statement:
    beneficiary, currency = whose
    its_id = statement_id(beneficiary, currency, period.start, period.until)
    ordered = sorted(found, key=lambda due: due.account.reward_id)
    lines = [_line(its_id, beneficiary, due) for due in ordered]
    total = sum(line.amount_micros for line in lines)
    minimum = terms.minimum.get(currency, 0)
    header = StatementPrepared(
        event_id="",
        event_time=0,
        received_at=0,
        statement_id=its_id,
        revision=0,
        beneficiary=beneficiary,
        currency=currency,
        period_from=period.start,
        period_until=period.until,
        total_micros=total,
        credits_micros=sum(max(line.amount_micros, 0) for line in lines),
        debits_micros=sum(min(line.amount_micros, 0) for line in lines),
        lines=len(lines),
        digest=digest_of(lines),
        carried_over=_carried_over(lines, total, minimum),
        kinds=list(terms.kinds),
        minimum_micros=minimum,
        refund_window_ms=terms.refund_window,
        counted_from=terms.counted_from,
        two_people=terms.two_people,
        prepared_by="",
        ledger_positions=positions_text(ledger.positions),
    )
    return Statement(header, lines)


def _carried_over(
    lines: Sequence[StatementLine], total: Micros, minimum: Micros
) -> CarriedOver | None:
    if not lines:
        return CarriedOver.NOTHING_DUE
    if total <= 0:
        return CarriedOver.NEGATIVE
    return CarriedOver.BELOW_MINIMUM if total < minimum else None


def _line(its_statement: str, beneficiary: str, due: Due) -> StatementLine:
    account = due.account
    return StatementLine(
        event_id="",
        event_time=0,
        received_at=0,
        line_id=line_id(its_statement, account.reward_id),
        statement_id=its_statement,
        revision=0,
        beneficiary=beneficiary,
        reward_id=account.reward_id,
        code=account.code,
        user_id=account.user_id,
        role=account.role,
        action=account.action,
        kind=account.kind,
        campaign_id=account.campaign_id,
        order_id=account.order_id,
        currency=account.currency,
        entitled_micros=due.entitled_micros,
        settled_micros=due.settled_micros,
        amount_micros=due.micros,
        reason=due.reason,
    )


def is_same(found: Statement, known: Statement) -> bool:
    """Whether a statement pays the same, for the same reason, under the same terms, as another."""
    return _content(found.prepared) == _content(known.prepared)


def _content(given: StatementPrepared) -> tuple[object, ...]:
    terms = (given.kinds, given.minimum_micros, given.refund_window_ms, given.counted_from)
    return (given.digest, given.carried_over, given.two_people, *terms)


def records_of(found: Statement, revision: int, actor: str, at: Millis) -> list[Record]:
    """The records that write a statement as a revision, prepared by somebody at a time."""
    times = {"event_time": at, "received_at": at, "revision": revision}
    header = msgspec.structs.replace(
        found.prepared,
        event_id=derived_id("statement-prepared", found.id, str(revision)),
        prepared_by=actor,
        **times,
    )
    return [header, *_written_lines(found.lines, times)]


def _written_lines(
    lines: Iterable[StatementLine], times: Mapping[str, int]
) -> Iterator[StatementLine]:
    for line in lines:
        event_id = derived_id("statement-line", line.line_id, str(times["revision"]))
        yield msgspec.structs.replace(line, event_id=event_id, **times)


def positions_text(positions: Mapping[int, int]) -> str:
    """Offsets by partition, as statements have them."""
    return msgspec.json.encode({str(key): positions[key] for key in sorted(positions)}).decode()
