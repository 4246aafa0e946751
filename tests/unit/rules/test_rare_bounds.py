"""Bounds that hardly anybody reaches, each of which once paid too much or stopped a worker."""

from typing import Any

import pytest

from reftrail.contracts.decisions import DeadLettered, RewardDecided
from reftrail.contracts.policy import Caps, Fraud, OnRefund, Policy, policy_text
from reftrail.contracts.record import MICROS_PER_UNIT
from reftrail.contracts.reference import Trigger
from reftrail.contracts.stage_messages import ReviewsCarried
from reftrail.contracts.topics import (
    CAMPAIGNS,
    CODES,
    DEAD_LETTERS,
    EVENTS,
    REVIEWS,
    REWARD_INPUTS,
    REWARDS,
)
from reftrail.rules.reward import carried_reviews
from reftrail.rules.reward.transitions import effect
from reftrail.testing import (
    MemoryHost,
    campaign,
    code,
    purchase,
    refund,
    reviewed,
    signup,
    users_merged,
)
from reftrail.testing.outlines import USER

UNIT = MICROS_PER_UNIT
TRUSTING = Fraud(grant_up_to=999, reject_from=1000)
LARGEST = 2**63 - 1


def programme(trigger: str, minimum_micros: int = 0, **policy: Any) -> MemoryHost:
    host = MemoryHost()
    rules = policy_text(Policy(fraud=TRUSTING, repeats=0, **policy))
    host.publish(
        CAMPAIGNS,
        campaign(policy=rules, trigger=trigger, minimum_amount_micros=minimum_micros),
    )
    host.publish(CODES, code("AMY"))
    happens(host, signup("10:00", typed="AMY"))
    return host


def happens(host: MemoryHost, *events: Any) -> None:
    for event in events:
        host.publish(EVENTS, event)
        host.run()


def referrer_s(host: MemoryHost) -> list[RewardDecided]:
    entries = (record for record in host.log(REWARDS) if isinstance(record, RewardDecided))
    return [entry for entry in entries if entry.role == "referrer"]


@pytest.mark.parametrize(
    "caps", [Caps(), Caps(budget_micros=LARGEST), Caps(per_referrer=1), Caps(per_code=1)], ids=str
)
def test_one_order_reaches_1000_rewards_whatever_places_they_ask_for(caps: Caps) -> None:
    host = programme(Trigger.AMOUNT_REACHED, UNIT, caps=caps)
    happens(host, purchase("O1", "11:00", amount_micros=1_500 * UNIT))
    assert [entry.status for entry in referrer_s(host)] == ["granted"] * 1_000
    refusals = [letter for letter in host.log(DEAD_LETTERS) if isinstance(letter, DeadLettered)]
    assert [refusal.reason for refusal in refusals] == ["too_many_rewards"]


def test_refunds_of_any_amount_add_up() -> None:
    """Their sum was once larger than a state can hold, and the worker ended at each start."""
    host = programme(Trigger.FIRST_PURCHASE, on_refund=OnRefund.PROPORTIONAL)
    order = purchase("O1", "11:00", amount_micros=LARGEST)
    happens(host, order, *(refund("O1", f"12:0{n}", amount_micros=LARGEST) for n in range(4)))
    assert [entry.status for entry in referrer_s(host)] == ["granted", "reversed"]
    assert sum(map(effect, referrer_s(host))) == 0


def test_orders_of_any_amount_add_up_and_their_refunds_take_back_everything() -> None:
    host = programme(Trigger.AMOUNT_REACHED, LARGEST // 2)
    orders = [f"O{n}" for n in range(5)]
    happens(host, *(purchase(order, f"11:0{order[1]}", amount_micros=LARGEST) for order in orders))
    assert [entry.status for entry in referrer_s(host)] == ["granted"] * 2
    happens(host, *(refund(order, f"12:0{order[1]}") for order in orders))
    assert sum(map(effect, referrer_s(host))) == 0


def test_very_many_reviewed_rewards_are_carried_over_a_merge_in_several_messages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(carried_reviews, "MOST_TEXTS", 3)
    host = programme(Trigger.AMOUNT_REACHED, UNIT)
    guest = {"user_id": "guest"}
    happens(host, signup("11:00", typed="AMY", visitor_id=None, **guest))
    happens(host, purchase("o1", "12:00", paid=10, **guest))
    host.publish(REVIEWS, reviewed("reverse", "13:00", **guest))
    host.run()
    happens(host, users_merged("guest", USER, "14:00"), purchase("o2", "15:00", paid=2))
    carried = [record for record in host.log(REWARD_INPUTS) if isinstance(record, ReviewsCarried)]
    assert max(len(record.ended) for record in carried) == 3
    assert len({record.event_id for record in carried}) == len(carried)
    assert sum(map(effect, referrer_s(host))) == 2 * 10 * UNIT
    assert host.log(DEAD_LETTERS) == []
