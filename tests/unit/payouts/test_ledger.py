"""Worth of a reward, and the amount delivered of it, entry by entry."""

from typing import Any

import pytest
from support.programme import entry

from reftrail.contracts.decisions import RewardDecided
from reftrail.payouts.ledger import RewardAccount, accounts_of


def of(status: str, value: int, *reasons: str, cause: str = "", **given: Any) -> RewardDecided:
    fields = {"kind": "payout", "beneficiary": "amy", "reasons": list(reasons)}
    if cause:
        fields["cause_event_id"] = cause
    return entry("r1", "AMY", "uma", value=value, status=status, **(fields | given))


def account(*entries: RewardDecided) -> RewardAccount:
    return accounts_of(entries, ["payout"])["r1"]


@pytest.mark.parametrize(
    ("entries", "worth"),
    [
        ([of("held", 10)], 0),
        ([of("rejected", 10)], 0),
        ([of("held", 10), of("granted", 10)], 10),
        ([of("granted", 10), of("fulfilled", 10)], 10),
        ([of("granted", 10), of("reversed", 4, "partly_refunded")], 6),
        ([of("granted", 10), of("reversed", 4, "partly_refunded"), of("reversed", 6)], 0),
        ([of("granted", 10), of("fulfilled", 10), of("reversed", 10, clawback_micros=10)], 0),
        ([of("granted", 10), of("failed", 10)], 10),
        ([of("granted", 10), of("failed", 10), of("reversed", 0)], 0),
        ([of("granted", 10), of("failed", 10), of("granted", 7, "delivered_in_time")], 7),
        ([of("granted", 10), of("expired", 10)], 0),
        ([of("granted", 10), of("adjusted", 3)], 13),
        ([of("granted", 10), of("adjusted", -3)], 7),
        ([of("granted", 10), of("reversed", 10), of("adjusted", 0), of("granted", 10)], 10),
        ([of("adjusted", 5)], 5),
        ([of("adjusted", -5)], -5),
    ],
)
def test_what_is_due_of_a_reward(entries: list[RewardDecided], worth: int) -> None:
    assert account(*entries).entitled(settled=0) == worth


def test_an_entry_that_comes_twice_counts_once() -> None:
    granted = of("granted", 10)
    assert account(granted, granted).balance_micros == 10


def test_what_expired_after_its_approval_is_still_due_and_no_more() -> None:
    expired = account(of("granted", 10), of("expired", 10))
    assert [expired.entitled(settled) for settled in (0, 6, 10, 20)] == [0, 6, 10, 10]


def test_the_grant_says_in_which_currency_and_for_what_it_is_due() -> None:
    """An order that two users reported in two currencies, refused before they were merged."""
    refused = of("rejected", 24, currency="JPY", action_time=1, order_id="o1")
    again = of("granted", 20, currency="EUR", action_time=2, order_id="o1")
    found = account(refused, again, of("reversed", 10, "partly_refunded", currency="EUR"))
    assert (found.currency, found.acted_at, found.balance_micros) == ("EUR", 2, 10)


def test_other_kinds_are_none_of_these() -> None:
    assert accounts_of([of("granted", 10, kind="credit")], ["payout"]) == {}


def test_what_others_delivered_is_known_by_their_reports() -> None:
    """Beyond what was left included, and after a reversal."""
    late = account(
        of("granted", 10),
        of("reversed", 10),
        of("reversed", 0, "delivered_anyway", cause="theirs", clawback_micros=10),
    )
    partly = account(
        of("granted", 10),
        of("reversed", 4, "partly_refunded"),
        of("fulfilled", 6, cause="theirs", clawback_micros=4),
    )
    for found in (late, partly):
        assert found.delivered_by_others(["ours"]) == 10
        assert found.delivered_by_others(["ours", "theirs"]) == 0


@pytest.mark.parametrize(("by", "others"), [("ours", 0), ("theirs", 10)])
def test_a_reinstatement_of_what_was_delivered_is_no_further_delivery(by: str, others: int) -> None:
    found = account(
        of("granted", 10),
        of("fulfilled", 10, cause=by),
        of("reversed", 10, clawback_micros=10),
        of("granted", 10, "already_delivered", cause="review", clawback_micros=-10),
        of("fulfilled", 10, cause="review"),
    )
    assert found.entitled(10 - others) == 10
    assert found.delivered_by_others(["ours"]) == others
