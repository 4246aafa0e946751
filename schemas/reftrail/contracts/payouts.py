"""Records about pay-outs: statements of what beneficiaries are due, and what became of them.

No record carries a beneficiary's payment details (`infra/adr/0019-statements-from-the-log.md`).
"""

from enum import StrEnum

from reftrail.contracts.record import Micros, Millis, Record


class LineReason(StrEnum):
    """The reason for which a reward is in a statement."""

    EARNED = "earned"
    RETRIED = "retried"
    ADJUSTED = "adjusted"
    CLAWBACK = "clawback"


class CarriedOver(StrEnum):
    """The reason for which a statement pays nothing, so that its lines stay due."""

    BELOW_MINIMUM = "below_minimum"
    NEGATIVE = "negative"
    NOTHING_DUE = "nothing_due"


class CountedFrom(StrEnum):
    """The time from which a reward's refund window is counted."""

    ORDER = "order"
    GRANT = "grant"


class StatementStatus(StrEnum):
    """Status of a statement. All but prepared are reported by a `StatementChanged`."""

    PREPARED = "prepared"
    APPROVED = "approved"
    EXPORTED = "exported"
    PAID = "paid"
    FAILED = "failed"
    RETURNED = "returned"


class StatementPrepared(Record, frozen=True, kw_only=True):
    """The sum due to a beneficiary in a currency for a period; a line for each reward follows.

    statement_id follows from beneficiary, currency and period. A statement that is prepared again
    with another content has the next revision; the last one counts. The period is from
    period_from up to period_until, which is excluded. credits_micros and debits_micros add the
    lines up by their sign (debits are negative), total_micros is their sum. lines is how many there
    are, digest a SHA-256 of them. carried_over, a value of `CarriedOver`, says why nothing is paid.

    kinds, minimum_micros, refund_window_ms, counted_from and two_people are the terms: the kinds of
    rewards gathered, the least sum that is paid, for how long after counted_from (a value of
    `CountedFrom`) a reward waits, and whether someone else than prepared_by has to approve.
    ledger_positions says which entries of the topic `rewards` were counted: those before these
    offsets, as a JSON object by partition.
    """

    statement_id: str
    revision: int
    beneficiary: str
    currency: str
    period_from: Millis
    period_until: Millis
    total_micros: Micros
    credits_micros: Micros
    debits_micros: Micros
    lines: int
    digest: str
    carried_over: str | None = None
    kinds: list[str] = []  # noqa: RUF012  (every record gets its own)
    minimum_micros: Micros
    refund_window_ms: Millis
    counted_from: str
    two_people: bool
    prepared_by: str
    ledger_positions: str


class StatementLine(Record, frozen=True, kw_only=True):
    """A reward in a revision of a statement. line_id follows from statement_id and reward_id.

    entitled_micros is what the ledger says the reward is worth, settled_micros what earlier
    statements, or others, have paid of it; amount_micros is the difference, negative where it is
    taken back. reason is a value of `LineReason`. code, user_id, role and action are the reward's.
    """

    line_id: str
    statement_id: str
    revision: int
    beneficiary: str
    reward_id: str
    code: str
    user_id: str
    role: str
    action: str
    kind: str
    campaign_id: str | None = None
    order_id: str | None = None
    currency: str
    entitled_micros: Micros
    settled_micros: Micros
    amount_micros: Micros
    reason: str


class StatementChanged(Record, frozen=True, kw_only=True):
    """A revision of a statement was approved or exported, or its payment was paid or failed.

    number counts the changes of a statement from 1: the last one counts. status is a value of
    `StatementStatus`. actor is who did it or brought the report. batch_id is common to the
    statements of one exported file, format its layout. provider_reference is what the provider
    calls the payment, detail its words on it.
    """

    statement_id: str
    revision: int
    beneficiary: str
    number: int
    status: str
    actor: str
    amount_micros: Micros
    currency: str
    batch_id: str | None = None
    format: str | None = None
    provider_reference: str | None = None
    detail: str | None = None
