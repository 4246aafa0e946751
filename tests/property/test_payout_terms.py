"""Statements under terms with a refund window and a minimum, at each step that prepares some.

What is due is computed here from the orders and what was paid, by the words of the pay-outs' page:
a credit counts once its window is over, a debit at once; less than the minimum is carried over.
"""

from collections import Counter
from random import Random
from typing import Final

import pytest
from property.payout_plans import Step, play, random_plan
from property.payout_programme import UNIT, Programme

from reftrail.contracts.adjustments import is_adjustment
from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.payouts import StatementStatus
from reftrail.contracts.record import DAY, Micros, Millis
from reftrail.payouts import PayoutTerms
from reftrail.payouts.statements import Statement
from reftrail.rules.reward.transitions import effect

WINDOW: Final = 6 * DAY
MINIMUM: Final = {"EUR": 25 * UNIT, "USD": 12 * UNIT}
TERMS: Final = PayoutTerms.model_validate(
    {
        "refund_window": WINDOW,
        "minimum": {"EUR": "25.00", "USD": "12.00"},
        "two_people": False,
    }
)
WAITS: Final = ("held", "rejected")


class Watched(Programme):
    """A programme whose statements are compared with what is due whenever they are prepared."""

    def __init__(self) -> None:
        super().__init__(TERMS)
        self.carried_over = Counter[str]()

    def prepare(self) -> None:
        self.host.run()
        due = self.due_until(self.now)
        super().prepare()
        made = {
            (statement.prepared.beneficiary, statement.prepared.currency): statement
            for statement in self.payouts.statements().by_id.values()
            if statement.prepared.period_until == self.now
        }
        assert {whose: statement.prepared.total_micros for whose, statement in made.items()} == due
        for (_, currency), statement in made.items():
            total = statement.prepared.total_micros
            why = "negative" if total <= 0 else "below_minimum" if total < MINIMUM[currency] else ""
            assert (statement.prepared.carried_over or "") == why
            self.carried_over[why] += 1

    def due_until(self, until: Millis) -> dict[tuple[str, str], Micros]:
        """What each beneficiary is due in each currency, also where it is 0 in the sum."""
        sums: dict[tuple[str, str], Micros] = {}
        for entries in self.rewards().values():
            last = entries[-1]
            micros = self.worth(entries) - self.settled(last.reward_id)
            if micros == 0 or (micros > 0 and not is_ripe(entries, until)):
                continue
            whose = (last.beneficiary or "", last.currency)
            sums[whose] = sums.get(whose, 0) + micros
        return sums

    def rewards(self) -> dict[str, list[RewardDecided]]:
        found: dict[str, list[RewardDecided]] = {}
        for entry in self.entries():
            if entry.beneficiary is not None:
                found.setdefault(entry.reward_id, []).append(entry)
        return found

    @staticmethod
    def worth(entries: list[RewardDecided]) -> Micros:
        """The worth of a reward to whom it is due: what failed is due again."""
        again = entries[-1].value_micros if entries[-1].status == "failed" else 0
        return sum(map(effect, entries)) + again

    def settled(self, reward_id: str) -> Micros:
        """What was paid of a reward, or is about to be, and what others delivered."""
        mine = sum(
            line.amount_micros
            for statement in self.payouts.statements().by_id.values()
            if is_standing(statement)
            for line in statement.lines
            if line.reward_id == reward_id
        )
        return mine + self.by_others[reward_id]


def is_standing(statement: Statement) -> bool:
    return statement.status in (
        StatementStatus.APPROVED,
        StatementStatus.EXPORTED,
        StatementStatus.PAID,
    )


def is_ripe(entries: list[RewardDecided], until: Millis) -> bool:
    """Whether a credit was granted by then, and the window of its order is over."""
    granted = [entry for entry in entries if entry.status in ("granted", "adjusted")]
    if not granted or entries[-1].status in WAITS:
        return False
    first = granted[0]
    if max(first.event_time, first.decided_at or 0) >= until:
        return False
    if is_adjustment(first.action):
        return True
    assert first.action_time is not None
    return first.action_time + WINDOW <= until


def plan_of(seed: int) -> list[Step]:
    """A plan with more time between what happens."""
    rng = Random(seed)
    waits = [Step("wait", rng.randrange(12), 0) for _ in range(20)]
    plan = [*random_plan(seed), *waits]
    rng.shuffle(plan)
    return plan


@pytest.mark.parametrize("seed", range(40))
def test_a_statement_has_what_is_due_by_its_terms(seed: int) -> None:
    programme = Watched()
    for step in plan_of(seed):
        play(programme, step)


def test_these_plans_reach_each_outcome() -> None:
    """Else the property would say nothing."""
    found: Counter[str] = Counter()
    for seed in range(12):
        programme = Watched()
        for step in plan_of(seed):
            play(programme, step)
        found += programme.carried_over
    assert all(found[why] for why in ("negative", "below_minimum", "")), found
