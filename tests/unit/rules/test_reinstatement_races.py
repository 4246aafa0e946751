"""Reinstatements that race with refunds, deliveries and reviews: nothing is ordered twice."""

from collections import Counter

import msgspec
import pytest
from support.reinstated import happens, letters, programme_of, reinstated, taken
from support.reward_lives import UNIT

from reftrail.contracts.decisions import RewardDecided, RewardGranted
from reftrail.contracts.external_inputs import Reviewed
from reftrail.contracts.policy import Caps, OnRefund
from reftrail.contracts.topics import EVENTS, REVIEWS, REWARD_GRANTED, REWARDS
from reftrail.rules.reward.ledger_entries import reward_id
from reftrail.rules.reward.transitions import effect
from reftrail.testing import purchase, refund, reviewed, signup


def test_every_reward_is_ordered_at_most_once_beyond_what_was_withdrawn() -> None:
    host = programme_of(repeats=0, on_refund=OnRefund.PROPORTIONAL)
    happens(
        host,
        signup("10:00", typed="AMY"),
        purchase("O1", "11:00"),
        reviewed("reverse", "12:00"),
        reinstated("13:00"),
        reviewed("reverse", "14:00"),
        reinstated("15:00"),
        refund("O1", "16:00", paid_back=40),
    )
    open_orders: Counter[str] = Counter()
    for record in host.log(REWARD_GRANTED):
        its_id = record.reward_id  # type: ignore[attr-defined]
        if isinstance(record, RewardGranted):
            open_orders[its_id] += 1
        elif record.remaining_micros == 0:  # type: ignore[attr-defined]
            open_orders[its_id] -= 1
        assert open_orders[its_id] in (0, 1)
    ledger = [entry for entry in host.log(REWARDS) if isinstance(entry, RewardDecided)]
    assert sum(effect(entry) for entry in ledger) == 2 * 6 * UNIT


def test_what_is_left_after_refunds_on_their_way_is_what_budgets_have_taken() -> None:
    host = programme_of(
        repeats=0, on_refund=OnRefund.PROPORTIONAL, caps=Caps(budget_micros=1000 * UNIT)
    )
    happens(
        host, signup("10:00", typed="AMY"), purchase("O1", "11:00"), reviewed("reverse", "11:30")
    )
    host.publish(EVENTS, purchase("O2", "12:00"), refund("O1", "12:01", paid_back=40))
    host.publish(REVIEWS, reinstated("12:02"))
    host.run()
    ledger = [entry for entry in host.log(REWARDS) if isinstance(entry, RewardDecided)]
    assert sum(effect(entry) for entry in ledger) == (2 * 6 + 2 * 10) * UNIT
    assert taken(host)["cap_budget"] == (2 * 6 + 2 * 10) * UNIT


@pytest.mark.parametrize("reward", ["of the order", "any"])
@pytest.mark.parametrize("later", ["reverse", "reinstate", "approve"])
def test_reviews_may_be_sent_at_once(later: str, reward: str) -> None:
    """A review of what waits for its budget is carried out after it, as if it had come later."""
    about = reward_id("AMY", "u1", "purchase:O1", "referrer") if reward == "of the order" else None

    def ledger(*reviews: list[Reviewed]) -> list[tuple[str, str, tuple[str, ...]]]:
        host = programme_of(repeats=0, caps=Caps(budget_micros=30 * UNIT))
        happens(
            host,
            signup("10:00", typed="AMY"),
            purchase("O1", "11:00"),
            reviewed("reverse", "11:10"),
        )
        for together in reviews:
            host.publish(REVIEWS, *together)
            host.run()
        return [
            (entry.role, entry.status, tuple(entry.reasons))
            for entry in host.log(REWARDS)
            if isinstance(entry, RewardDecided)
        ] + [("", reason, (detail,)) for reason, detail in letters(host)]

    first = reinstated("13:00", reward_id=about)
    second = msgspec.structs.replace(reviewed(later, "13:01", reward_id=about), reason="goodwill")
    assert ledger([first, second]) == ledger([first], [second])


def test_a_review_of_another_reward_waits_for_no_reinstatement() -> None:
    host = programme_of(repeats=0, caps=Caps(budget_micros=50 * UNIT))
    happens(
        host,
        signup("10:00", typed="AMY"),
        purchase("O1", "11:00"),
        purchase("O2", "11:01"),
        reviewed("reverse", "11:10", reward_id=reward_id("AMY", "u1", "purchase:O1", "referrer")),
    )
    of_o2 = reward_id("AMY", "u1", "purchase:O2", "referee")
    one = reinstated("13:00", reward_id=reward_id("AMY", "u1", "purchase:O1", "referrer"))
    host.publish(REVIEWS, one, reviewed("reverse", "13:01", reward_id=of_o2))
    host.run()
    ended = [(entry.status, entry.action) for entry in host.log(REWARDS)][-2:]  # type: ignore[attr-defined]
    assert ended == [("reversed", "purchase:O2"), ("granted", "purchase:O1")]
