"""Whatever happens to an order, it is worth the rate of what remains, plus its adjustments.

Each reward is paid once, and so is a credit by hand; a debit isn't ordered.
"""

from collections import Counter
from fractions import Fraction

from hypothesis import example, given, settings
from hypothesis import strategies as st
from property.order_plans import plans, played
from property.order_play import ROLES, Play
from property.order_programmes import PROGRAMMES, UNIT
from property.plan_step import Step

EFFECTS = {"granted": 1, "adjusted": 1, "reversed": -1, "failed": -1, "expired": -1}

LOST_THEN_LESS = [
    Step("buy", 0, 2, 0),
    Step("dispute", 0, 1, 7),  # opened about a part
    Step("dispute", 0, 0, 3),  # lost, without an amount
    Step("dispute", 0, 0, 1),  # lost, of less
    Step("review", 0, 2, 0),
    Step("review", 0, 3, 0),
]
"""A loss was once lowered by a later report, after what it took had been taken."""

SMALL_CREDITS = [Step("adjust", 0, two, 0) for two in (10, 9, 11)]
"""Credits of 5, 4 and 6, of which the last adds up to more than one person may give alone."""

OF_ONE_BENEFICIARY = [Step("adjust", 0, 0, 0), Step("adjust", 3, 2, 5)]
"""Debits of 5 and 18 from the owner of the code: as the referrer of one, and as one referred."""

DELIVERED_AFTER_THE_LOSS = [
    Step("buy", 0, 5, 0),
    Step("dispute", 0, 1, 0),  # opened
    Step("dispute", 0, 0, 0),  # lost
    Step("deliver", 0, 0, 0),  # withdrawn too late
]
"""The report was once refused, so that nobody owed what was delivered."""

programmes = st.sampled_from(sorted(PROGRAMMES))


def sums(play: Play) -> dict[tuple[str, str], Fraction]:
    """The sum of the ledger for each order and side, in units."""
    totals: Counter[tuple[str, str]] = Counter()
    for entry in play.entries():
        key = entry.order_id or "", entry.role
        totals[key] += EFFECTS.get(entry.status, 0) * entry.value_micros
    return {key: Fraction(total, UNIT) for key, total in totals.items() if total}


def expected(play: Play) -> dict[tuple[str, str], Fraction]:
    """The sum in the owner's books."""
    return {
        (f"{user}-o{nth}", role): worth
        for (user, nth), book in play.books.items()
        for role in ROLES
        if (worth := book.worth(role))
    }


@given(programmes, plans)
@example("RATE", LOST_THEN_LESS)
@example("RATE", SMALL_CREDITS)
@example("HELD", OF_ONE_BENEFICIARY)
@settings(max_examples=200)
def test_the_ledger_adds_up_to_the_rate_of_what_remains(name: str, plan: list[Step]) -> None:
    play = played(name, plan)
    assert sums(play) == expected(play)


@given(programmes, plans)
@example("EACH", DELIVERED_AFTER_THE_LOSS)
@settings(max_examples=120)
def test_a_reward_is_paid_once_and_what_is_owed_is_known(name: str, plan: list[Step]) -> None:
    """The partner asserts that nothing is ordered twice; money out less what is owed is there."""
    play = played(name, plan)
    found: Counter[str] = Counter(play.partner.given)
    for reward_id, order in play.partner.open.items():
        found[reward_id] += order.value_micros
    for entry in play.entries():
        if entry.value_micros < 0:
            assert entry.reward_id not in found, "a debit is ordered"
            continue
        found[entry.reward_id] -= entry.clawback_micros or 0
        found[entry.reward_id] -= EFFECTS.get(entry.status, 0) * entry.value_micros
    assert {reward_id: rest for reward_id, rest in found.items() if rest} == {}
