"""Withdrawals in the journal, and orders after them."""

import msgspec
import pytest
from support.fulfilment import an_order
from support.journal import again, begin, settle, take, take_in, withdraw, withdrawal, write_reports

from reftrail.contracts.codec import decode_as, encode
from reftrail.contracts.decisions import DeadLettered, RewardGranted, RewardWithdrawn
from reftrail.fulfilment.answers import Delivered
from reftrail.fulfilment.journal import Journal
from reftrail.fulfilment.outcomes import Again


def test_what_was_withdrawn_is_not_asked_for_however_long_it_would_have_waited(
    journal: Journal,
) -> None:
    take(journal, an_order(1), an_order(2))
    begin(journal)
    journal.record([Again(an_order(1).reward_id, due_at=9_999, in_doubt=False)])
    assert withdraw(journal, withdrawal(1), withdrawal(3), now=20) == 1
    begun = journal.begin("credit", 10, now=20)
    assert begun.due == []
    assert [due.order.reward_id for due in begun.withdrawn] == [an_order(1).reward_id]
    assert journal.unreported() == []
    assert journal.open_from(range(2)) == {0: 1}
    assert take(journal, an_order(1)) == 0, "the order that was withdrawn, read again"


def test_what_was_partly_withdrawn_is_asked_for_as_what_is_left(journal: Journal) -> None:
    take(journal, an_order(1))
    withdraw(journal, withdrawal(1, 3_000_000), now=1)
    withdraw(journal, withdrawal(1, 2_000_000), withdrawal(1, 3_000_000), now=1)
    (due,) = begin(journal)
    assert due.order.value_micros == 2_000_000
    verdict = settle(journal, due, Delivered())
    assert verdict.report.value_micros == 2_000_000


def test_what_may_be_done_is_asked_for_with_the_value_of_then(journal: Journal) -> None:
    take(journal, an_order(1))
    withdraw(journal, withdrawal(1, 3_000_000), now=1)
    (due,) = begin(journal)
    journal.record([Again(due.order.reward_id, due_at=5, in_doubt=True)])
    withdraw(journal, withdrawal(1, 1_000_000), now=6)
    (due,) = begin(journal, now=6)
    assert due.order.value_micros == 3_000_000
    journal.record([Again(due.order.reward_id, due_at=7, in_doubt=False)])
    (due,) = begin(journal, now=8)
    assert due.order.value_micros == 1_000_000


def test_what_is_withdrawn_while_it_may_be_done_is_left_to_a_person(journal: Journal) -> None:
    take(journal, an_order(1))
    begin(journal)
    withdraw(journal, withdrawal(1), now=1)
    journal.record([Again(an_order(1).reward_id, due_at=999, in_doubt=True)])
    assert begin(journal, now=2) == []
    (unreported,) = journal.unreported()
    assert unreported.report is None
    letter = decode_as(DeadLettered, unreported.letter)
    assert letter.reason == "withdrawn_in_doubt"
    assert an_order(1).reward_id in letter.detail
    write_reports(journal)
    assert journal.open_from(range(2)) == {}


def test_what_is_delivered_while_it_is_withdrawn_is_reported(journal: Journal) -> None:
    take(journal, an_order(1))
    (due,) = begin(journal)
    withdraw(journal, withdrawal(1), now=1)
    done = settle(journal, due, Delivered("x"))
    assert [unreported.report for unreported in journal.unreported()] == [encode(done.report)]


@pytest.mark.parametrize("at_once", [True, False])
def test_what_is_ordered_again_after_a_withdrawal_is_asked_for_once(
    journal: Journal, *, at_once: bool
) -> None:
    log: list[RewardGranted | RewardWithdrawn]
    log = [an_order(1), withdrawal(1), again(1, 3), an_order(2)]
    for nth in [0] if at_once else range(len(log)):
        take_in(journal, *(log if at_once else log[nth : nth + 1]), first=nth)
    assert {due.order.value_micros for due in begin(journal)} == {3_000_000, 5_000_000}
    take_in(journal, *log)
    assert begin(journal) == [], "the same log, read again"


def test_a_reward_is_asked_for_again_after_its_withdrawal_was_settled(journal: Journal) -> None:
    take(journal, an_order(1))
    withdraw(journal, withdrawal(1), now=1, first=1)
    assert begin(journal, now=2) == []
    assert take(journal, again(1), first=2, now=3) == 1
    withdraw(journal, withdrawal(1), now=4, first=1)
    (due,) = begin(journal, now=5)
    assert due.order == again(1)
    settle(journal, due, Delivered())
    assert take(journal, msgspec.structs.replace(again(1), event_id="third"), first=9) == 0


def test_what_may_be_done_is_asked_for_again_with_the_value_of_then(journal: Journal) -> None:
    take(journal, an_order(1))
    (due,) = begin(journal)
    withdraw(journal, withdrawal(1), now=1, first=1)
    journal.record([Again(due.order.reward_id, due_at=5, in_doubt=True)])
    assert begin(journal, now=6) == []
    write_reports(journal)
    take(journal, again(1, 3), first=2, now=7)
    (due,) = begin(journal, now=8)
    assert (due.order.value_micros, due.in_doubt) == (5_000_000, True)
    journal.record([Again(due.order.reward_id, due_at=9, in_doubt=False)])
    (due,) = begin(journal, now=9)
    assert due.order.value_micros == 3_000_000


def test_what_is_being_asked_for_goes_on_though_it_is_ordered_again(journal: Journal) -> None:
    take(journal, an_order(1))
    (due,) = begin(journal)
    withdraw(journal, withdrawal(1), now=1, first=1)
    take(journal, again(1), first=2, now=2)
    assert begin(journal, now=3) == []
    settle(journal, due, Delivered())
    assert begin(journal, now=4) == []
