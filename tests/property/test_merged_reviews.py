"""Rewards of one person's accounts that reviews took back stay taken back, however these merge.

The oracle counts: all orders of the person reach so many rewards, of which reviews took back some.
"""

from collections.abc import Iterator
from random import Random
from typing import Final

import pytest

from reftrail.contracts.decisions import RewardDecided, RewardStatus
from reftrail.contracts.policy import Fraud, Policy, policy_text
from reftrail.contracts.record import MICROS_PER_UNIT, Record
from reftrail.contracts.reference import Trigger
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import CAMPAIGNS, CODES, EVENTS, REVIEWS, REWARDS
from reftrail.rules.reward.transitions import effect
from reftrail.testing import (
    MemoryHost,
    campaign,
    code,
    purchase,
    reviewed,
    signup,
    users_merged,
)

TRUSTING: Final = Fraud(grant_up_to=999, reject_from=1_000)
VALUE: Final = 10
STEP: Final = 100
"""The units of orders that reach a reward by amount."""
CODES_OF_AMY: Final = ("AMY", "AMY", "AMZ")


class People:
    """One person with several accounts, who signs up, buys, is reviewed and merged at random."""

    def __init__(self, trigger: Trigger, draw: Random) -> None:
        self.host, self.draw, self.trigger = MemoryHost(wire=False), draw, trigger
        policy = Policy(
            fraud=TRUSTING, repeats=0, trigger_count=2 if trigger == Trigger.NTH_PURCHASE else 1
        )
        rules = campaign(
            trigger=trigger,
            policy=policy_text(policy),
            minimum_amount_micros=STEP * MICROS_PER_UNIT * (trigger == Trigger.AMOUNT_REACHED),
            referrer_reward_micros=VALUE * MICROS_PER_UNIT,
            referee_reward_micros=0,
        )
        self.host.publish(CAMPAIGNS, rules)
        self.host.publish(CODES, code("AMY", owner="amy"), code("AMZ", owner="amy"))
        self.accounts = [f"u{nth}" for nth in range(draw.randint(2, 4))]
        self.unmerged = list(self.accounts)
        self.hours = self.taken_back = 0
        self.orders = list[int]()
        for user in draw.sample(self.accounts, len(self.accounts)):
            typed = draw.choice(CODES_OF_AMY)
            event_id = f"signup {user}"
            at = self.now()
            self._happens(
                EVENTS, signup(at, visitor_id=None, user_id=user, typed=typed, event_id=event_id)
            )

    def now(self) -> str:
        self.hours += 1
        return f"{self.hours // 10}d {10 + self.hours % 10}:00"

    def _happens(self, topic: Topic, record: Record) -> None:
        self.host.publish(topic, record)
        self.host.run()

    def buy(self) -> None:
        paid, user = self.draw.choice([30, 60, 100, 250]), self.draw.choice(self.accounts)
        self.orders.append(paid)
        order = f"o{len(self.orders)}"
        self._happens(EVENTS, purchase(order, self.now(), user_id=user, paid=paid))

    def review(self) -> None:
        """Take a reward back, if there is one."""
        last = {entry.reward_id: entry for entry in self.ledger()}
        granted = [entry for entry in last.values() if entry.status == RewardStatus.GRANTED]
        if not granted:
            return
        entry, self.taken_back = self.draw.choice(granted), self.taken_back + 1
        review = reviewed(
            "reverse",
            self.now(),
            code=entry.code,
            user_id=entry.user_id,
            reward_id=entry.reward_id,
            action=entry.action,
        )
        self._happens(REVIEWS, review)

    def merge(self) -> None:
        if len(self.unmerged) > 1:
            guest = self.unmerged.pop(self.draw.randrange(len(self.unmerged)))
            into = self.draw.choice(self.unmerged)
            self._happens(EVENTS, users_merged(guest, into, self.now()))

    def ledger(self) -> Iterator[RewardDecided]:
        return (entry for entry in self.host.log(REWARDS) if isinstance(entry, RewardDecided))

    def reached(self) -> int:
        match self.trigger:
            case Trigger.NTH_PURCHASE:
                return len(self.orders) // 2
            case Trigger.AMOUNT_REACHED:
                return sum(self.orders) // STEP
            case _:
                return len(self.orders)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(
    "trigger", [Trigger.FIRST_PURCHASE, Trigger.NTH_PURCHASE, Trigger.AMOUNT_REACHED]
)
def test_a_person_earns_by_all_orders_but_for_what_reviews_took_back(
    trigger: Trigger, seed: int
) -> None:
    draw = Random(f"{trigger} {seed}")
    people = People(trigger, draw)
    for _ in range(draw.randint(2, 7)):
        people.buy()
    for _ in range(draw.randint(3, 12)):
        draw.choice([people.buy, people.review, people.merge])()
    while len(people.unmerged) > 1:
        people.merge()
    for _ in range(6):
        people.buy()
    earned = (people.reached() - people.taken_back) * VALUE * MICROS_PER_UNIT
    assert sum(map(effect, people.ledger())) == earned
