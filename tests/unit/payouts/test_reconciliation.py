"""Reports of providers: taken once, compared with what was ordered, reported to the rewards."""

from typing import Any

import pytest
from support.payouts import MemoryPayouts
from support.programme import T0, entry

from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.external_inputs import FulfilmentOutcome, FulfilmentReported
from reftrail.contracts.payouts import StatementStatus
from reftrail.contracts.record import DAY
from reftrail.payouts import (
    LAYOUTS,
    Act,
    Payee,
    PayoutTerms,
    Period,
    Statement,
    approve_statements,
    export_statements,
    prepare_statements,
    provider_line,
    report_payments,
)
from reftrail.payouts.reconciliation import DifferenceKind, Reconciled

UNIT = 1_000_000
ACT = Act("ann", T0 + 400 * DAY)
TERMS = PayoutTerms(refund_window=0, two_people=False)
PAYEES = {name: Payee(email=f"{name}@example.com") for name in ("amy", "ben")}


class Office:
    """Amy is owed 10 euros for one reward, ben 20 for two; both have a statement, exported."""

    def __init__(self) -> None:
        self.entries: list[RewardDecided] = []
        self.reports: list[FulfilmentReported] = []
        self.log = MemoryPayouts(lambda: self.entries, self.reports.extend)
        self.months = 0
        self.adds("amy", "r1", "granted", 10)
        self.adds("ben", "r2", "granted", 15)
        self.adds("ben", "r3", "granted", 5)
        self.exports()

    def adds(self, who: str, reward: str, status: str, value: int, **given: Any) -> None:
        fields: dict[str, Any] = {"kind": "payout", "beneficiary": who, "currency": "EUR"}
        value *= UNIT
        self.entries.append(
            entry(reward, who.upper(), "uma", value=value, status=status, **(fields | given))
        )

    def exports(self) -> list[str]:
        """The beneficiaries of the next month's statements, which are approved and exported."""
        start = T0 + 30 * DAY * self.months
        self.months += 1
        prepare_statements(self.log, TERMS, Period(start, start + 30 * DAY), ACT)
        approve_statements(self.log, lambda _: True, ACT)
        exported = export_statements(self.log, lambda _: True, LAYOUTS["paypal"], PAYEES, ACT)
        return [statement.prepared.beneficiary for statement in exported.statements]

    def statement(self, who: str) -> Statement:
        """The last one."""
        found = [
            statement
            for statement in self.log.statements().by_id.values()
            if statement.prepared.beneficiary == who and statement.changes
        ]
        return max(found, key=lambda statement: statement.prepared.period_from)

    def report(self, who: str, status: str, **given: str) -> Reconciled:
        line = provider_line(self.statement(who).reference, status, **given)
        return report_payments(self.log, [line], ACT)


@pytest.fixture
def office() -> Office:
    return Office()


def kinds(found: Reconciled) -> list[str]:
    return [difference.kind for difference in found.differences]


def test_a_payment_delivers_each_reward_in_it(office: Office) -> None:
    office.report("ben", "Completed", amount="20.00", currency="eur", provider_reference="PP-1")
    assert office.statement("ben").status == StatementStatus.PAID
    assert [
        (report.reward_id, report.outcome, report.value_micros) for report in office.reports
    ] == [
        ("r2", FulfilmentOutcome.DELIVERED, 15 * UNIT),
        ("r3", FulfilmentOutcome.DELIVERED, 5 * UNIT),
    ]
    assert {(report.code, report.role, report.action) for report in office.reports} == {
        ("BEN", "referrer", "signup")
    }


def test_the_same_report_again_changes_nothing(office: Office) -> None:
    office.report("amy", "paid", provider_reference="PP-1")
    reports, records = list(office.reports), list(office.log.records)
    again = office.report("amy", "paid", provider_reference="PP-1")
    assert (again.known, again.changes, again.differences) == (1, [], [])
    assert (office.reports, office.log.records) == (reports, records)


def test_a_failed_payment_goes_into_the_next_statement(office: Office) -> None:
    """Whether the ledger has heard of it by then or not."""
    office.report("amy", "failed", detail="no such account")
    (report,) = office.reports
    assert (report.outcome, report.detail) == (FulfilmentOutcome.FAILED, "no such account")
    assert report.value_micros is None
    first = office.statement("amy")
    assert office.exports() == ["amy"]
    second = office.statement("amy")
    assert second.reference != first.reference
    assert [(line.reason, line.amount_micros) for line in second.lines] == [("retried", 10 * UNIT)]
    office.adds("amy", "r1", "failed", 10)
    office.report("amy", "paid")
    office.adds("amy", "r1", "granted", 10, reasons=["delivered_in_time"])
    assert office.exports() == []


def test_a_credit_by_hand_that_wasn_t_paid_is_reported_too(office: Office) -> None:
    office.adds("ben", "a1", "adjusted", 5, action="adjustment:A1")
    assert office.exports() == ["ben"]
    office.report("ben", "failed")
    (report,) = office.reports
    assert (report.reward_id, report.outcome) == ("a1", FulfilmentOutcome.FAILED)


def test_money_that_came_back_goes_into_the_next_statement(office: Office) -> None:
    """Nothing is reported to the ledger: a reward that was delivered can't fail any more."""
    office.report("amy", "paid", provider_reference="PP-1")
    office.adds("amy", "r1", "fulfilled", 10, cause_event_id=office.reports[0].event_id)
    assert office.exports() == []
    office.report("amy", "returned", provider_reference="PP-1")
    assert [report.outcome for report in office.reports] == [FulfilmentOutcome.DELIVERED]
    assert office.exports() == ["amy"]
    assert office.statement("amy").lines[0].amount_micros == 10 * UNIT


def test_an_old_report_that_is_read_again_pays_nothing(office: Office) -> None:
    """The file of the payment, after the one that says the money came back."""
    first = office.statement("amy").reference
    office.report("amy", "paid", provider_reference="PP-1")
    office.report("amy", "returned", provider_reference="PP-1")
    line = provider_line(first, "paid", provider_reference="PP-1")
    found = report_payments(office.log, [line], ACT)
    assert (found.known, found.changes) == (1, [])
    assert office.exports() == ["amy"]


def test_a_failure_after_a_payment_that_the_ledger_has_not_heard_of_is_not_told(
    office: Office,
) -> None:
    """Else the reward's delivery and its failure would come to the rules in this order."""
    office.report("amy", "paid", provider_reference="PP-1")
    office.report("amy", "returned")
    assert office.exports() == ["amy"]
    office.report("amy", "failed")
    assert [report.outcome for report in office.reports] == [FulfilmentOutcome.DELIVERED]


def test_a_failed_payment_that_arrives_after_all_is_taken_back_later(office: Office) -> None:
    first = office.statement("amy").reference
    office.report("amy", "failed")
    office.exports()
    office.report("amy", "paid")
    late = provider_line(first, "paid", provider_reference="PP-1")
    found = report_payments(office.log, [late], ACT)
    assert kinds(found) == [DifferenceKind.PAID_AGAIN]
    assert len(found.changes) == 1, "the money is gone"
    assert office.exports() == []
    carried = [
        statement.prepared
        for statement in office.log.statements().by_id.values()
        if statement.prepared.carried_over == "negative"
    ]
    assert [(statement.beneficiary, statement.total_micros) for statement in carried] == [
        ("amy", -10 * UNIT)
    ]


@pytest.mark.parametrize(
    ("status", "given", "kind"),
    [
        ("paid", {"amount": "9.99"}, DifferenceKind.AMOUNT),
        ("paid", {"currency": "USD"}, DifferenceKind.CURRENCY),
        ("Unclaimed", {}, DifferenceKind.PENDING),
        ("vanished", {}, DifferenceKind.UNKNOWN_STATUS),
    ],
)
def test_what_differs_is_listed_and_changes_nothing(
    office: Office, status: str, given: dict[str, str], kind: DifferenceKind
) -> None:
    found = office.report("amy", status, **given)
    assert kinds(found) == [kind]
    assert (found.changes, office.reports) == ([], [])
    assert office.statement("amy").status == StatementStatus.EXPORTED


def test_what_the_provider_says_nothing_of_is_listed(office: Office) -> None:
    """In a report on a whole batch, not where somebody reports one payment."""
    line = provider_line(office.statement("amy").reference, "paid")
    assert kinds(report_payments(office.log, [line], ACT)) == []
    found = report_payments(office.log, [line], ACT, is_whole=True)
    assert [(difference.kind, difference.reference) for difference in found.differences] == [
        (DifferenceKind.NOT_REPORTED, office.statement("ben").reference)
    ]


def test_a_payment_of_nobody_is_listed(office: Office) -> None:
    found = report_payments(office.log, [provider_line("RTX", "paid")], ACT)
    assert kinds(found) == [DifferenceKind.UNKNOWN_REFERENCE]


def test_what_was_not_exported_can_fail_but_not_be_paid(office: Office) -> None:
    """So an approval is taken back."""
    office.adds("amy", "r4", "granted", 7)
    start = T0 + 200 * DAY
    prepare_statements(office.log, TERMS, Period(start, start + DAY), ACT)
    approve_statements(office.log, lambda _: True, ACT)
    assert kinds(office.report("amy", "paid")) == [DifferenceKind.NOT_ALLOWED]
    assert len(office.report("amy", "failed").changes) == 1
    assert office.statement("amy").status == StatementStatus.FAILED
    assert office.exports() == ["amy"], "its reward is due again"
