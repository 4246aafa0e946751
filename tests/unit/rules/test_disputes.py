"""Disputes: opened, won and lost, in any order, before and after deliveries and refunds."""

from collections import Counter
from itertools import permutations
from random import Random
from typing import Any

import pytest

from reftrail.contracts.decisions import RewardDecided, RewardGranted, RewardWithdrawn
from reftrail.contracts.external_inputs import FulfilmentReported
from reftrail.contracts.policy import Caps, Fraud, OnRefund, Policy, policy_text
from reftrail.contracts.record import DAY, MICROS_PER_UNIT, Record
from reftrail.contracts.reference import Trigger
from reftrail.contracts.topics import (
    CAMPAIGNS,
    CODES,
    DEAD_LETTERS,
    EVENTS,
    FULFILMENTS,
    REVIEWS,
    REWARD_GRANTED,
    REWARDS,
    TICKS,
)
from reftrail.rules.reward.transitions import effect
from reftrail.testing import (
    MemoryHost,
    campaign,
    code,
    dispute,
    purchase,
    refund,
    reported,
    reviewed,
    signup,
    tick,
)

UNIT = MICROS_PER_UNIT
TRUSTING = Fraud(grant_up_to=999, reject_from=1000)


def programme(**policy: Any) -> MemoryHost:
    host = MemoryHost()
    rules: dict[str, Any] = {
        "fraud": TRUSTING,
        "repeats": 0,
        "on_refund": OnRefund.PROPORTIONAL,
    } | policy
    trigger = rules.pop("trigger", Trigger.FIRST_PURCHASE)
    host.publish(CAMPAIGNS, campaign(policy=policy_text(Policy(**rules)), trigger=trigger))
    host.publish(CODES, code("AMY"))
    return host


def happens(host: MemoryHost, *records: Record) -> MemoryHost:
    topics = {"Reviewed": REVIEWS, "FulfilmentReported": FULFILMENTS, "Ticked": TICKS}
    for record in records:
        host.publish(topics.get(type(record).__name__, EVENTS), record)
        host.run()
    return host


def ledger(host: MemoryHost, role: str = "referrer") -> list[RewardDecided]:
    entries = [record for record in host.log(REWARDS) if isinstance(record, RewardDecided)]
    return [entry for entry in entries if entry.role == role]


def statuses(host: MemoryHost) -> list[str]:
    return [entry.status for entry in ledger(host)]


def balance(host: MemoryHost) -> int:
    return sum(effect(entry) for entry in ledger(host))


def owed(host: MemoryHost) -> int:
    return sum(entry.clawback_micros or 0 for entry in ledger(host))


def open_orders(host: MemoryHost) -> int:
    """The number of orders to fulfil the referrer's rewards, less those that were withdrawn."""
    count: Counter[str] = Counter()
    for record in host.log(REWARD_GRANTED):
        if isinstance(record, RewardGranted) and record.role == "referrer":
            count[record.reward_id] += 1
        if isinstance(record, RewardWithdrawn) and record.role == "referrer":
            count[record.reward_id] -= not record.remaining_micros
        assert set(count.values()) <= {0, 1}
    return count.total()


BOUGHT = (signup("10:00", typed="AMY"), purchase("O1", "11:00"))


def delivered(at: str = "11:30") -> FulfilmentReported:
    return reported("referrer", at, action="purchase:O1")


def test_an_open_dispute_holds_what_is_granted_and_withdraws_its_order() -> None:
    host = happens(programme(), *BOUGHT, dispute("opened", "O1", "12:00"))
    assert statuses(host) == ["granted", "reversed", "held"]
    assert ledger(host)[-1].reasons == ["disputed"]
    assert ledger(host)[-1].due_at is None
    assert (balance(host), open_orders(host)) == (0, 0)
    happens(host, tick("90d 10:00"))
    assert statuses(host)[-1] == "held"


def test_a_won_dispute_orders_once_again_and_the_expiry_counts_anew() -> None:
    host = happens(programme(expires_after=DAY), *BOUGHT, dispute("opened", "O1", "12:00"))
    happens(host, tick("9d 10:00"), dispute("won", "O1", "10d 10:00"))
    assert statuses(host) == ["granted", "reversed", "held", "granted"]
    last = ledger(host)[-1]
    assert last.reasons == ["dispute_ended", "dispute_won"]
    assert last.due_at == last.event_time + DAY
    assert (balance(host), open_orders(host)) == (10 * UNIT, 1)


def test_a_lost_dispute_takes_its_part_back() -> None:
    host = happens(
        programme(),
        *BOUGHT,
        dispute("opened", "O1", "12:00", part=30),
        dispute("lost", "O1", "13:00"),
    )
    assert statuses(host) == ["granted", "reversed", "held", "granted"]
    assert (balance(host), open_orders(host)) == (7 * UNIT, 1)
    host = happens(
        programme(), *BOUGHT, dispute("opened", "O1", "12:00"), dispute("lost", "O1", "13:00")
    )
    assert statuses(host) == ["granted", "reversed", "held", "rejected"]
    assert {"refunded", "dispute_lost"} <= set(ledger(host)[-1].reasons)
    assert (balance(host), open_orders(host)) == (0, 0)


def test_what_was_delivered_stays_until_the_dispute_is_lost() -> None:
    host = happens(programme(), *BOUGHT, delivered(), dispute("opened", "O1", "12:00"))
    assert statuses(host) == ["granted", "fulfilled"]
    happens(host, dispute("lost", "O1", "13:00", part=40))
    assert statuses(host)[-1] == "reversed"
    assert (balance(host), owed(host)) == (6 * UNIT, 4 * UNIT)


def test_a_delivery_that_crossed_with_the_withdrawal_counts() -> None:
    host = happens(programme(), *BOUGHT, dispute("opened", "O1", "12:00"), delivered("12:01"))
    assert statuses(host) == ["granted", "reversed", "held", "granted", "fulfilled"]
    assert (balance(host), owed(host)) == (10 * UNIT, 0)
    happens(host, dispute("lost", "O1", "13:00"))
    assert (balance(host), owed(host)) == (0, 10 * UNIT)


def test_a_held_reward_stays_held_and_returns_to_its_hold() -> None:
    host = happens(programme(hold_for=DAY), *BOUGHT, dispute("opened", "O1", "12:00"))
    happens(host, tick("2d 10:00"))
    assert statuses(host) == ["held", "held"]
    happens(host, dispute("won", "O1", "2d 11:00"))
    assert statuses(host) == ["held"] * 3
    happens(host, tick("2d 12:00"))
    assert statuses(host)[-1] == "granted"
    assert open_orders(host) == 1


def test_of_two_disputes_both_have_to_end() -> None:
    other: dict[str, Any] = {"dispute_id": "other"}
    host = happens(
        programme(),
        *BOUGHT,
        dispute("opened", "O1", "12:00", part=20),
        dispute("opened", "O1", "12:01", part=30, event_id="b", **other),
        dispute("won", "O1", "13:00"),
    )
    assert statuses(host)[-1] == "held"
    happens(host, dispute("lost", "O1", "13:01", event_id="c", **other))
    assert (statuses(host)[-1], balance(host), open_orders(host)) == ("granted", 7 * UNIT, 1)


def test_a_dispute_waits_for_its_purchase_and_its_signup() -> None:
    host = happens(
        programme(), dispute("opened", "O1", "09:00"), purchase("O1", "11:00"), BOUGHT[0]
    )
    assert statuses(host) == ["granted", "reversed", "held"]
    assert (balance(host), open_orders(host)) == (0, 0)


def test_a_dispute_keeps_budgets_and_milestones() -> None:
    host = happens(programme(caps=Caps(budget_micros=20 * UNIT)), *BOUGHT)
    happens(host, dispute("opened", "O1", "12:00"), purchase("O2", "12:30"))
    assert statuses(host)[-1] == "rejected"
    happens(host, dispute("won", "O1", "13:00"))
    assert balance(host) == 10 * UNIT
    assert [entry.qualifies for entry in ledger(host) if entry.qualifies] == [1]


def test_a_dispute_in_another_currency_is_refused() -> None:
    foreign = dispute("lost", "O1", "12:00", part=30, currency="EUR")
    host = happens(programme(), *BOUGHT, foreign)
    assert balance(host) == 10 * UNIT
    assert [record.reason for record in host.log(DEAD_LETTERS)] == ["refund_currency"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("seed", range(8))
def test_orders_of_arrival_and_repetitions_give_the_same_sums(seed: int) -> None:
    """By amount: 20 of a lost and 30 of a won dispute, and 10 refunded of 100 leave 70."""
    other: dict[str, Any] = {"dispute_id": "other"}
    events = [
        dispute("opened", "O1", "12:00", part=20),
        dispute("lost", "O1", "13:00", part=20),
        dispute("opened", "O1", "12:30", part=30, event_id="b", **other),
        dispute("won", "O1", "13:30", event_id="c", **other),
        refund("O1", "12:45", paid_back=10),
    ]
    rng = Random(seed)
    chosen = rng.sample([*permutations([*events, BOUGHT[1]])], 15)
    for order in chosen:
        repeated = [event for event in order for _ in range(rng.choice([1, 1, 2]))]
        host = happens(programme(), BOUGHT[0], *repeated)
        assert (balance(host), open_orders(host)) == (7 * UNIT, 1)
        assert statuses(host)[-1] in ("granted", "reversed")


def test_a_loss_is_final_whatever_comes_after_it() -> None:
    for order in permutations(
        [
            dispute("opened", "O1", "12:00"),
            dispute("won", "O1", "13:00"),
            dispute("lost", "O1", "14:00"),
        ]
    ):
        assert balance(happens(programme(), *BOUGHT, *order)) == 0


def test_what_a_loss_has_taken_is_not_given_back_by_a_report_of_less() -> None:
    whole = [dispute("lost", "O1", "12:00"), dispute("opened", "O1", "13:00", part=30)]
    host = happens(programme(), *BOUGHT, *whole, reviewed("reinstate", "14:00", reason="goodwill"))
    assert (balance(host), open_orders(host)) == (0, 0)
    assert [record.reason for record in host.log(DEAD_LETTERS)] == ["not_allowed"]  # type: ignore[attr-defined]
    part = [dispute("opened", "O1", "12:00", part=30), dispute("lost", "O1", "13:00")]
    less = dispute("lost", "O1", "14:00", part=10, event_id="less")
    host = happens(programme(), *BOUGHT, *part, less)
    assert (balance(host), open_orders(host)) == (7 * UNIT, 1)
    happens(host, reviewed("reverse", "15:00"), reviewed("reinstate", "16:00", reason="goodwill"))
    assert (balance(host), open_orders(host)) == (7 * UNIT, 1)


def test_a_review_decides_on_what_a_dispute_holds() -> None:
    host = happens(
        programme(), *BOUGHT, dispute("opened", "O1", "12:00"), reviewed("approve", "12:30")
    )
    assert (statuses(host)[-1], balance(host), open_orders(host)) == ("granted", 10 * UNIT, 1)
    happens(host, dispute("won", "O1", "13:00"))
    assert (statuses(host)[-1], balance(host), open_orders(host)) == ("granted", 10 * UNIT, 1)


def test_a_reward_that_is_reinstated_while_its_order_is_disputed_is_held() -> None:
    host = happens(
        programme(),
        *BOUGHT,
        reviewed("reverse", "11:30"),
        dispute("opened", "O1", "12:00"),
        reviewed("reinstate", "12:30", reason="goodwill"),
    )
    assert (statuses(host)[-1], balance(host), open_orders(host)) == ("held", 0, 0)
    happens(host, dispute("won", "O1", "13:00"))
    assert (balance(host), open_orders(host)) == (10 * UNIT, 1)


def test_a_reward_by_number_changes_once_the_dispute_is_lost() -> None:
    host = programme(trigger=Trigger.NTH_PURCHASE, trigger_count=1)
    happens(host, *BOUGHT, dispute("opened", "O1", "12:00"))
    assert statuses(host) == ["granted"]
    happens(host, dispute("lost", "O1", "13:00"))
    assert statuses(host) == ["granted", "reversed"]
