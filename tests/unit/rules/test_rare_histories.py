"""Histories that hardly ever happen, each of which once led to a wrong decision or to none."""

from typing import Any

import pytest

from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.external_inputs import Reviewed
from reftrail.contracts.policy import (
    Caps,
    Fraud,
    Milestone,
    MilestoneKind,
    OnRefund,
    Policy,
    policy_text,
)
from reftrail.contracts.record import DAY, MICROS_PER_UNIT
from reftrail.contracts.reference import Trigger
from reftrail.contracts.stage_messages import LimitRequested
from reftrail.contracts.topics import CAMPAIGNS, CODES, EVENTS, REVIEWS, REWARDS, TICKS
from reftrail.rules.reward.ledger_entries import reward_id
from reftrail.rules.reward.transitions import effect
from reftrail.testing import MemoryHost, campaign, code, purchase, refund, reviewed, signup, tick

TRUSTING = Fraud(grant_up_to=999, reject_from=1000)


def programme(
    reward_currency: str = "USD",
    trigger: Trigger = Trigger.FIRST_PURCHASE,
    minimum_amount_micros: int = 0,
    **policy: Any,
) -> MemoryHost:
    host = MemoryHost()
    defined = campaign(
        policy=policy_text(Policy(fraud=TRUSTING, **policy)),
        trigger=trigger,
        reward_currency=reward_currency,
        minimum_amount_micros=minimum_amount_micros,
    )
    host.publish(CAMPAIGNS, defined)
    host.publish(CODES, code("AMY"))
    return host


def happens(host: MemoryHost, *events: Any) -> None:
    for event in events:
        host.publish(EVENTS, event)
        host.run()


def ledger(host: MemoryHost) -> list[tuple[str, str]]:
    entries = (record for record in host.log(REWARDS) if isinstance(record, RewardDecided))
    return [(entry.status, entry.action) for entry in entries if entry.role == "referrer"]


def test_a_purchase_that_waited_long_enough_and_comes_again_waits_again() -> None:
    host = programme()
    first = purchase("O1", "10:00")
    happens(host, first, purchase("O2", "10d 10:00"))
    host.publish(TICKS, tick("30d 11:00"))
    happens(host, first, signup("31d 10:00", typed="AMY"))
    assert ledger(host) == []  # both from before the signup, by more than a checkout's tolerance


def test_a_skipped_order_that_is_reported_again_while_its_turn_comes_is_decided_on_once() -> None:
    host = programme()
    second = purchase("O2", "12:00")
    happens(host, signup("10:00", typed="AMY"), purchase("O1", "11:00"), second)
    host.publish(EVENTS, purchase("O3", "13:00", ip_hash="ip"), refund("O1", "13:01"), second)
    host.run()
    assert ledger(host) == [
        ("granted", "purchase:O1"),
        ("reversed", "purchase:O1"),
        ("granted", "purchase:O2"),
    ]


def test_a_place_that_another_reward_asks_to_rest_on_is_not_given_back_by_a_review() -> None:
    caps = Caps(per_referrer=1, budget_micros=1_000 * MICROS_PER_UNIT)
    host = programme(repeats=2, hold_for=DAY, caps=caps)
    happens(
        host,
        signup("10:00", typed="AMY"),
        signup("10:01", typed="AMY", user_id="u2", visitor_id="v2"),
        purchase("O1", "11:00"),
    )
    host.publish(EVENTS, purchase("O2", "12:00"))
    while not _asks(host):
        host._decide_on_batch(*host._waiting()[0], 1)
    host.publish(REVIEWS, reviewed("decline", "12:01"))
    while not _has_reviewed(host):
        waiting = next(queued for queued in host._waiting() if queued[0].name != "limits")
        host._decide_on_batch(*waiting, 1)
    host.run()
    happens(host, purchase("O9", "13:00", user_id="u2"))
    assert ledger(host) == [
        ("held", "purchase:O1"),
        ("rejected", "purchase:O1"),
        ("held", "purchase:O2"),
        ("rejected", "purchase:O9"),
    ]


def _asks(host: MemoryHost) -> bool:
    last = host.steps[-1]
    return last.stage.name == "reward" and any(
        isinstance(event, LimitRequested) for event in last.events
    )


def _has_reviewed(host: MemoryHost) -> bool:
    return any(
        isinstance(step.record, Reviewed) and step.stage.name == "reward" for step in host.steps
    )


def test_an_order_that_was_paid_back_while_its_reward_was_held_earns_nobody_else() -> None:
    host = programme(hold_for=DAY)
    happens(
        host,
        signup("10:00", typed="AMY"),
        signup("10:01", typed="AMY", user_id="u2", visitor_id="v2"),
        purchase("O1", "11:00"),
        refund("O1", "11:30"),
        purchase("O1", "12:00", user_id="u2"),
    )
    assert ledger(host) == [
        ("held", "purchase:O1"),
        ("rejected", "purchase:O1"),
        ("rejected", "purchase:O1"),
    ]


def test_a_part_that_rounds_to_nothing_earns_nothing_and_leaves_the_turn() -> None:
    host = programme("points", on_refund=OnRefund.PROPORTIONAL)
    happens(
        host,
        signup("10:00", typed="AMY"),
        refund("O1", "11:01", paid_back=96),
        purchase("O1", "11:00"),
        purchase("O2", "12:30"),
    )
    entries = [entry for entry in host.log(REWARDS) if isinstance(entry, RewardDecided)]
    assert ledger(host) == [("granted", "purchase:O2")]
    assert sum(map(effect, entries)) == 20 * MICROS_PER_UNIT


def test_a_milestone_of_the_campaign_that_a_code_moves_to_is_another_one() -> None:
    """Both campaigns call it gold. Each counts the users who qualified in it, and loses its own."""
    gold = Milestone(
        name="gold",
        kind=MilestoneKind.BONUS,
        grants=1,
        value_micros=MICROS_PER_UNIT,
        currency="USD",
    )
    host = programme(milestones=[gold], repeats=2)
    rules = policy_text(Policy(fraud=TRUSTING, milestones=[gold], repeats=2))
    summer = campaign("summer", policy=rules, trigger=Trigger.FIRST_PURCHASE)
    host.publish(CAMPAIGNS, summer)
    happens(host, signup("10:00", typed="AMY"), purchase("O1", "11:00"))
    host.publish(CODES, code("AMY", campaign_id="summer", revision=2))
    happens(host, purchase("O2", "12:00"))
    assert bonuses(host) == [("granted", "spring"), ("granted", "summer")]
    happens(host, refund("O1", "13:00"))
    assert bonuses(host)[2:] == [("reversed", "spring")]
    happens(host, refund("O2", "14:00"))
    assert bonuses(host)[3:] == [("reversed", "summer")]


def bonuses(host: MemoryHost) -> list[tuple[str, str | None]]:
    entries = (record for record in host.log(REWARDS) if isinstance(record, RewardDecided))
    return [(entry.status, entry.campaign_id) for entry in entries if entry.role == "milestone"]


@pytest.mark.parametrize("decision", ["reverse", "decline"])
def test_a_reward_by_number_that_a_review_ended_is_not_given_again_for_a_later_order(
    decision: str,
) -> None:
    rules: dict[str, Any] = {
        "repeats": 0,
        "trigger_count": 2,
        "hold_for": DAY if decision == "decline" else 0,
    }
    host = programme(trigger=Trigger.NTH_PURCHASE, **rules)
    happens(host, signup("10:00", typed="AMY"), purchase("O1", "11:00"), purchase("O2", "11:01"))
    host.publish(REVIEWS, reviewed(decision, "11:02"))
    host.run()
    happens(host, refund("O2", "12:00"), purchase("O3", "13:00"))
    assert [action for _, action in ledger(host)] == ["nth_purchase:1"] * 2
    happens(host, purchase("O4", "14:00"), purchase("O5", "15:00"))
    assert [action for _, action in ledger(host)][2:] == ["nth_purchase:2"]


def test_a_side_that_a_review_left_has_its_reward_by_amount_again() -> None:
    rules: dict[str, Any] = {"repeats": 0, "minimum_amount_micros": 90 * MICROS_PER_UNIT}
    host = programme(trigger=Trigger.AMOUNT_REACHED, **rules)
    happens(host, signup("10:00", typed="AMY"), purchase("O1", "11:00"))
    fraud = reward_id("AMY", "u1", "amount_reached:1", "referrer")
    host.publish(REVIEWS, reviewed("reverse", "11:02", reward_id=fraud))
    host.run()
    happens(host, refund("O1", "12:00"), purchase("O2", "13:00"))
    happens(host, refund("O2", "14:00"), purchase("O3", "15:00"))
    entries = [record for record in host.log(REWARDS) if isinstance(record, RewardDecided)]
    assert [(entry.role, entry.status, entry.action) for entry in entries] == [
        ("referrer", "granted", "amount_reached:1"),
        ("referee", "granted", "amount_reached:1"),
        ("referrer", "reversed", "amount_reached:1"),
        ("referee", "reversed", "amount_reached:1"),
        ("referee", "granted", "amount_reached:1:2"),
        ("referee", "reversed", "amount_reached:1:2"),
        ("referee", "granted", "amount_reached:1:3"),
    ]


def test_a_bonus_that_a_review_took_back_is_not_given_again() -> None:
    gold = Milestone(
        name="gold",
        kind=MilestoneKind.BONUS,
        grants=1,
        value_micros=MICROS_PER_UNIT,
        currency="USD",
    )
    host = programme(milestones=[gold], repeats=0)
    happens(host, signup("10:00", typed="AMY"), purchase("O1", "11:00"))
    host.publish(REVIEWS, reviewed("reverse", "11:02", user_id="owner"))
    host.run()
    happens(host, refund("O1", "12:00"), purchase("O2", "13:00"))
    assert bonuses(host) == [("granted", "spring"), ("reversed", "spring")]
