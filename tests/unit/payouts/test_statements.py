"""Statements: who gets how much for a period, and what may be approved."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from support.payouts import MemoryPayouts
from support.programme import T0, entry

from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.payouts import CarriedOver, CountedFrom, StatementStatus
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
)
from reftrail.payouts.commands import export_again

UNIT = 1_000_000
FIRST = Period(T0, T0 + 30 * DAY)
SECOND = Period(T0 + 30 * DAY, T0 + 60 * DAY)
AT = T0 + 100 * DAY
ANY = PayoutTerms(refund_window=0)


@dataclass
class Office:
    """A ledger and statements; pat prepares, ann approves and exports."""

    entries: list[RewardDecided] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.log = MemoryPayouts(lambda: self.entries)

    def earns(self, who: str, reward: str, value: int, status: str = "granted", **f: Any) -> None:
        fields: dict[str, Any] = {"kind": "payout", "beneficiary": who, "currency": "EUR"}
        found = entry(reward, who.upper(), "uma", value=value * UNIT, status=status, **(fields | f))
        self.entries.append(found)

    def prepares(self, period: Period = FIRST, terms: PayoutTerms = ANY) -> list[Statement]:
        return prepare_statements(self.log, terms, period, Act("pat", AT))[0]

    def approves(self, actor: str = "ann") -> tuple[list[str], list[str]]:
        approved, refused = approve_statements(self.log, lambda _: True, Act(actor, AT))
        return [statement.prepared.beneficiary for statement in approved], [
            refusal.why for refusal in refused
        ]


@pytest.fixture
def office() -> Office:
    return Office()


def totals(statements: list[Statement]) -> dict[tuple[str, str], int]:
    return {
        (
            statement.prepared.beneficiary,
            statement.prepared.currency,
        ): statement.prepared.total_micros // UNIT
        for statement in statements
    }


def test_currencies_are_never_added(office: Office) -> None:
    office.earns("amy", "r1", 10)
    office.earns("amy", "r2", 10, currency="USD")
    office.earns("amy", "r3", 5)
    office.earns("ben", "r4", 1)
    assert totals(office.prepares()) == {
        ("amy", "EUR"): 15,
        ("amy", "USD"): 10,
        ("ben", "EUR"): 1,
    }


def test_the_same_period_twice_gives_the_same_statements(office: Office) -> None:
    office.earns("amy", "r1", 10)
    (first,) = office.prepares()
    records = list(office.log.records)
    assert office.prepares() == []
    assert office.log.records == records
    assert [line.line_id for line in first.lines] != []
    other = Office(office.entries)
    (same,) = other.prepares()
    assert (same.id, [line.line_id for line in same.lines], same.prepared.digest) == (
        first.id,
        [line.line_id for line in first.lines],
        first.prepared.digest,
    )


def test_what_changed_since_is_a_further_revision(office: Office) -> None:
    office.earns("amy", "r1", 10)
    office.prepares()
    office.earns("amy", "r1", 10, "reversed")
    (second,) = office.prepares()
    assert second.prepared.revision == 2
    assert second.prepared.carried_over == CarriedOver.NOTHING_DUE
    assert second.lines == []


@pytest.mark.parametrize(
    ("counted_from", "window", "is_due"),
    [
        (CountedFrom.ORDER, 28, True),
        (CountedFrom.ORDER, 29, False),
        (CountedFrom.GRANT, 20, True),
        (CountedFrom.GRANT, 21, False),
    ],
)
def test_a_reward_waits_for_its_refund_window(
    office: Office, counted_from: CountedFrom, window: int, is_due: bool
) -> None:
    office.earns("amy", "r1", 10, event_time=T0 + 10 * DAY, action_time=T0 + 2 * DAY)
    terms = PayoutTerms(refund_window=window * DAY, counted_from=counted_from)
    assert bool(office.prepares(terms=terms)) is is_due


def test_what_was_granted_after_the_period_waits_for_the_next_one(office: Office) -> None:
    office.earns("amy", "r1", 10, event_time=T0 + 30 * DAY, action_time=T0)
    office.earns("ben", "r2", 10, event_time=T0, action_time=T0, decided_at=T0 + 31 * DAY)
    assert office.prepares() == []
    assert totals(office.prepares(SECOND)) == {("amy", "EUR"): 10, ("ben", "EUR"): 10}


def test_less_than_the_minimum_is_carried_over(office: Office) -> None:
    terms = PayoutTerms(refund_window=0, minimum={"EUR": "25"})  # type: ignore[dict-item]
    office.earns("amy", "r1", 20)
    office.earns("amy", "r2", 20, currency="USD")
    carried = {
        prepare.prepared.currency: prepare.prepared.carried_over
        for prepare in office.prepares(terms=terms)
    }
    assert carried == {"EUR": CarriedOver.BELOW_MINIMUM, "USD": None}
    assert office.approves() == (["amy"], ["it pays nothing: below_minimum"])
    office.earns("amy", "r3", 5)
    assert totals(office.prepares(SECOND, terms)) == {("amy", "EUR"): 25}


def test_a_debit_is_taken_off_and_carried_over_until_it_is_covered(office: Office) -> None:
    office.earns("amy", "r1", 30)
    office.prepares()
    office.approves()
    office.earns("amy", "r1", 30, "reversed", clawback_micros=30 * UNIT)
    office.earns("amy", "r2", 10)
    (carried,) = office.prepares(SECOND)
    assert carried.prepared.carried_over == CarriedOver.NEGATIVE
    assert (carried.prepared.credits_micros, carried.prepared.debits_micros) == (
        10 * UNIT,
        -30 * UNIT,
    )
    office.earns("amy", "r3", 25)
    third = Period(SECOND.until, SECOND.until + DAY)
    assert totals(office.prepares(third)) == {("amy", "EUR"): 5}
    office.approves()
    fourth = Period(third.until, third.until + DAY)
    assert office.prepares(fourth) == [], "the debit is settled by what it was taken off"


def test_a_manual_credit_to_a_paid_reward_pays_the_difference(office: Office) -> None:
    office.earns("amy", "r1", 30)
    office.prepares()
    office.approves()
    office.earns("amy", "r1", 4, "adjusted")
    (found,) = office.prepares(SECOND)
    assert [(line.amount_micros // UNIT, line.reason) for line in found.lines] == [(4, "adjusted")]


def test_an_adjustment_is_a_line_of_its_own_without_a_refund_window(office: Office) -> None:
    terms = PayoutTerms(refund_window=30 * DAY)
    office.earns("amy", "a1", 40, "held", action="adjustment:A1")
    office.earns("amy", "a2", 7, "adjusted", action="adjustment:A2", action_time=T0)
    office.earns("amy", "a3", -2, "adjusted", action="adjustment:A3")
    (found,) = office.prepares(terms=terms)
    assert [(line.amount_micros // UNIT, line.reason) for line in found.lines] == [
        (7, "adjusted"),
        (-2, "adjusted"),
    ]
    office.approves()
    office.earns("amy", "a1", 40, "adjusted", action="adjustment:A1")
    assert totals(office.prepares(SECOND, terms)) == {("amy", "EUR"): 40}


def test_a_declined_adjustment_is_in_no_statement(office: Office) -> None:
    office.earns("amy", "a1", 40, "held", action="adjustment:A1")
    office.earns("amy", "a1", 40, "rejected", action="adjustment:A1")
    assert office.prepares() == []


def test_a_reward_is_in_one_approved_statement(office: Office) -> None:
    """Although those of two periods, which overlap, have it before that."""
    office.earns("amy", "r1", 10)
    office.prepares(FIRST)
    office.prepares(Period(T0, T0 + 40 * DAY))
    approved, refused = office.approves()
    assert approved == ["amy"]
    assert refused == ["what is due has changed since it was prepared; prepare the period again"]
    office.earns("amy", "r2", 10)
    assert totals(office.prepares(Period(T0, T0 + 40 * DAY))) == {("amy", "EUR"): 10}


def test_what_was_reversed_after_its_preparation_is_not_approved(office: Office) -> None:
    office.earns("amy", "r1", 10)
    office.prepares()
    office.earns("amy", "r1", 4, "reversed", reasons=["partly_refunded"])
    approved, (why,) = office.approves()
    assert approved == []
    assert "prepare the period again" in why


def test_a_granted_reward_that_is_held_again_waits(office: Office) -> None:
    """As by a dispute: it isn't prepared, nor approved where it was prepared before."""
    office.earns("amy", "r1", 10)
    office.earns("ben", "r2", 10)
    office.earns("ben", "r2", 10, "held")
    assert totals(office.prepares()) == {("amy", "EUR"): 10}
    office.earns("amy", "r1", 10, "held")
    assert office.approves()[0] == []
    office.earns("ben", "r2", 0, "granted")
    assert totals(office.prepares(SECOND)) == {("ben", "EUR"): 10}


def test_an_approved_statement_stays_as_it_is(office: Office) -> None:
    office.earns("amy", "r1", 10)
    office.prepares()
    office.approves()
    office.earns("amy", "r1", 10, "reversed")
    assert office.prepares() == []
    assert office.approves() == ([], ["it is approved already"])


def test_who_prepared_does_not_approve_if_the_terms_say_so(office: Office) -> None:
    office.earns("amy", "r1", 10)
    office.prepares()
    assert office.approves("pat") == (
        [],
        ["pat prepared it; somebody else has to approve it"],
    )
    for spelt in ("Pat", " pat ", "p at", "\uff50at"):
        assert office.approves(spelt)[0] == []
    alone = PayoutTerms(refund_window=0, two_people=False)
    assert len(office.prepares(terms=alone)) == 1, "other terms are another revision"
    assert office.approves("pat") == (["amy"], [])


def test_a_period_that_is_not_over_is_not_prepared(office: Office) -> None:
    with pytest.raises(ExpectedError, match="still to come"):
        office.prepares(Period(T0, AT + 1))


def test_a_statement_says_what_it_rests_on(office: Office) -> None:
    office.earns("amy", "r1", 10, order_id="o1", campaign_id="spring")
    (found,) = office.prepares()
    assert found.prepared.ledger_positions == '{"0":1}'
    (line,) = found.lines
    assert (line.entitled_micros, line.settled_micros, line.order_id) == (10 * UNIT, 0, "o1")


def test_an_export_is_once_and_can_be_written_again(office: Office) -> None:
    office.earns("amy", "r1", 10)
    office.earns("ben", "r2", 10)
    office.prepares()
    office.approves()
    payees = {"amy": Payee(email="amy@example.com")}
    act, layout = Act("ann", AT), LAYOUTS["paypal"]
    first = export_statements(office.log, lambda _: True, layout, payees, act)
    assert [gap.statement.prepared.beneficiary for gap in first.missing] == ["ben"]
    assert len(first.text.splitlines()) == 1
    nothing = export_statements(office.log, lambda _: True, layout, payees, act)
    assert (nothing.text, nothing.statements) == ("", [])
    again = export_again(office.log.statements(), first.batch_id, layout, payees)
    assert again.text == first.text
    statuses = {statement.prepared.beneficiary: statement.status for statement in again.statements}
    assert statuses == {"amy": StatementStatus.EXPORTED}
    with pytest.raises(ExpectedError, match="nothing of the batch"):
        export_again(office.log.statements(), "another", layout, payees)
