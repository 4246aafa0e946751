"""Statements add up to the ledger, whatever is refunded, reviewed, merged, paid and returned.

The rules decide on real orders and reports. Beside them the programme keeps cash: what reached each
beneficiary's account, and what came back. In the end it is compared with the worth of the ledger's
entries, which are added up here in another way.
"""

from collections import Counter
from collections.abc import Sequence

from hypothesis import given, settings
from property.payout_plans import Step, play, random_plan, steps
from property.payout_programme import Programme

from reftrail.contracts.decisions import DeadLettered, RewardDecided, RewardStatus
from reftrail.contracts.payouts import CarriedOver, LineReason, StatementStatus
from reftrail.contracts.record import Micros
from reftrail.contracts.reward_reasons import Reason
from reftrail.contracts.topics import DEAD_LETTERS, FULFILMENTS
from reftrail.rules.reward.transitions import effect


def worth(entries: Sequence[RewardDecided]) -> dict[tuple[str, str], Micros]:
    """The sums of the entries by beneficiary and currency."""
    sums: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        sums[entry.beneficiary or "", entry.currency] += effect(entry)
    return dict(sums)


def check(programme: Programme) -> None:
    """Compare cash and ledger when everything is paid that can be."""
    programme.settle()
    earned = worth(programme.entries())
    negative = {
        (
            statement.prepared.beneficiary,
            statement.prepared.currency,
        ): statement.prepared.total_micros
        for statement in programme.payouts.statements().by_id.values()
        if statement.prepared.period_until == programme.now
        and statement.prepared.carried_over == CarriedOver.NEGATIVE
    }
    last = {entry.reward_id: entry for entry in programme.entries()}
    unpaid = [entry for entry in last.values() if entry.status == RewardStatus.FAILED]
    assert {(entry.beneficiary, entry.currency) for entry in unpaid} <= negative.keys()
    for entry in unpaid:  # what failed is due again, though the ledger says it is worth nothing now
        earned[entry.beneficiary or "", entry.currency] += entry.value_micros
    for whose in earned.keys() | programme.cash.keys():
        owed = programme.cash[whose] - earned.get(whose, 0)
        assert owed == -negative.get(whose, 0), whose
    letters = [
        record for record in programme.host.log(DEAD_LETTERS) if isinstance(record, DeadLettered)
    ]
    assert [letter for letter in letters if letter.topic == FULFILMENTS.name] == []
    assert [letter for letter in letters if letter.reason == "unknown_reward"] == []
    assert [
        letter.detail
        for letter in letters
        if "deliver" in letter.detail or "fail " in letter.detail
    ] == []


@given(steps)
@settings(max_examples=60, deadline=None)
def test_what_is_paid_is_what_the_ledger_is_worth(plan: list[Step]) -> None:
    programme = Programme()
    for step in plan:
        play(programme, step)
    check(programme)


def test_much_happens_in_long_plans() -> None:
    """Else the property would say nothing."""
    reasons: Counter[str] = Counter()
    statuses: Counter[str] = Counter()
    ledger: Counter[str] = Counter()
    for seed in range(60):
        programme = Programme()
        for step in random_plan(seed):
            play(programme, step)
        for statement in programme.payouts.statements().by_id.values():
            reasons.update(line.reason for line in statement.lines if statement.changes)
            statuses.update(change.status for change in statement.changes)
        check(programme)
        ledger.update(reason for entry in programme.entries() for reason in entry.reasons)
    assert all(reasons[reason] for reason in (LineReason.EARNED, LineReason.CLAWBACK)), reasons
    assert reasons[LineReason.RETRIED], reasons
    assert reasons[LineReason.ADJUSTED], reasons
    assert all(statuses[status] for status in StatementStatus if status != "prepared"), statuses
    assert ledger[Reason.ALREADY_DELIVERED], ledger
    assert ledger[Reason.DELIVERED_ANYWAY], ledger
