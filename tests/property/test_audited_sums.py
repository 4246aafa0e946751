"""An audit: merges, refunds under any name and shared browsers, in any order of arrival.

The auditor knows persons, who signed up first, and what is left of each order. Nothing else decides
what a code has earned, so nothing of the rules is repeated here.
"""

from collections import Counter
from random import Random
from typing import Any, Final

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.events import Event, Identified, Purchase, Refund, Signup, UsersMerged
from reftrail.contracts.policy import Fraud, OnRefund, Policy, policy_text
from reftrail.contracts.record import MICROS_PER_UNIT, MINUTE, Micros
from reftrail.contracts.reference import Trigger
from reftrail.contracts.topics import CAMPAIGNS, CODES, EVENTS, REWARDS, TICKS
from reftrail.rules.reward.transitions import effect
from reftrail.testing import MemoryHost, campaign, code, tick
from reftrail.testing.times import FIRST_DAY

USERS: Final = ("u0", "u1", "u2", "u3")
NOBODY: Final = "billing"
OWNERS: Final = {"AMY": "amy", "BOB": "bob"}
BROWSERS: Final = ("b1", "b2", "b3")
PARTITIONS: Final = 3
DIME: Final = MICROS_PER_UNIT // 10
AMOUNT: Final = 100 * MICROS_PER_UNIT
REWARD: Final = 10 * MICROS_PER_UNIT
"""Of an order, for each side: so each unit that is left of the order earns a tenth."""


class History:
    """Events in the order of their times, and an auditor's knowledge of them."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.events: list[Event] = []
        self.account = {user: user for user in USERS}
        self.codes: dict[str, str | None] = {}
        self.buyers: dict[str, str] = {}
        self.left: dict[str, Micros] = {}
        self._signups()
        self._orders()
        self._merges()

    def _fields(self) -> dict[str, Any]:
        nth = len(self.events)
        return {"event_id": f"e{nth}", "event_time": FIRST_DAY + nth * MINUTE, "received_at": 0}

    def _signups(self) -> None:
        rng = self.rng
        for user in rng.sample(USERS, k=len(USERS)):
            typed = rng.choice([None, *OWNERS])
            fields: dict[str, Any] = {"user_id": user, "visitor_id": rng.choice(BROWSERS)}
            if typed:
                fields |= {"code": typed, "code_known": True, "campaign_id": "spring"}
            self.events.append(Signup(**self._fields(), **fields))
            self.codes[user] = typed
            if rng.random() < 0.4:
                seen: dict[str, Any] = {"user_id": rng.choice([*USERS, *OWNERS.values()])}
                seen["visitor_id"] = rng.choice(BROWSERS)
                self.events.append(Identified(**self._fields(), **seen))

    def _orders(self) -> None:
        rng = self.rng
        paid: dict[str, Any] = {"amount_micros": AMOUNT, "currency": "USD"}
        for nth in range(rng.randrange(1, 5)):
            order, user = f"o{nth}", rng.choice(USERS)
            browser = rng.choice([None, *BROWSERS])
            about: dict[str, Any] = {"user_id": user, "order_id": order, "visitor_id": browser}
            self.events.append(Purchase(**self._fields(), **about, **paid))
            self.buyers[order], self.left[order] = user, AMOUNT
        for nth in range(rng.randrange(5)):
            order = rng.choice(list(self.left))
            named = rng.choice([*USERS, NOBODY, self.buyers[order]])
            about = {"user_id": named, "order_id": order, "refund_id": f"r{nth}"}
            back = rng.randrange(1, 500) * DIME
            if rng.random() < 0.2:
                back = AMOUNT
                self.events.append(Refund(**self._fields(), **about))
            else:
                part: dict[str, Any] = {"amount_micros": back, "currency": "USD"}
                self.events.append(Refund(**self._fields(), **about, **part))
            self.left[order] = max(0, self.left[order] - back)

    def _merges(self) -> None:
        """Guests are merged into accounts, in chains, too: who comes later in the list is left."""
        rng = self.rng
        order = rng.sample(USERS, k=len(USERS))
        for nth, guest in enumerate(order[:-1]):
            if rng.random() < 0.4:
                account = rng.choice(order[nth + 1 :])
                about: dict[str, Any] = {"user_id": guest, "merged_into": account}
                self.events.append(UsersMerged(**self._fields(), **about))
                self.account[guest] = account

    def person(self, user: str) -> str:
        while self.account[user] != user:
            user = self.account[user]
        return user

    def earned(self) -> dict[tuple[str, str], Micros]:
        """Final earnings of each code, by role."""
        first = [event.user_id for event in self.events if isinstance(event, Signup)]
        found: Counter[tuple[str, str]] = Counter()
        for order, buyer in self.buyers.items():
            person = self.person(buyer)
            decides = next(user for user in first if user and self.person(user) == person)
            if earning := self.codes[decides]:
                for role in ("referrer", "referee"):
                    found[earning, role] += self.left[order] // 10
        return {earned: sum_ for earned, sum_ in found.items() if sum_}


def played(history: History, arrivals: list[Event]) -> dict[tuple[str, str], Micros]:
    """Earnings of each code in the ledger, where events arrive in this order."""
    rng = history.rng
    host = MemoryHost(partitions=PARTITIONS, batch=rng.choice([1, 3]), shuffle=rng)
    fraud = Fraud(grant_up_to=999, reject_from=1_000)
    policy = Policy(on_refund=OnRefund.PROPORTIONAL, repeats=0, fraud=fraud)
    rules: dict[str, Any] = {"trigger": Trigger.FIRST_PURCHASE, "policy": policy_text(policy)}
    host.publish(CAMPAIGNS, campaign(**rules))
    host.publish(CODES, *(code(name, owner_user_id=owner) for name, owner in OWNERS.items()))
    for nth, event in enumerate(arrivals):
        received_at = FIRST_DAY + (100 + nth) * MINUTE
        host.publish(EVENTS, msgspec.structs.replace(event, received_at=received_at))
        if rng.random() < 0.5:
            host.run()
    host.run()
    ticked = tick("40d 00:00")
    for partition in range(PARTITIONS):
        fields: dict[str, Any] = {"partition": partition, "partitions": PARTITIONS}
        host.publish(TICKS, msgspec.structs.replace(ticked, **fields))
    host.run()
    found: Counter[tuple[str, str]] = Counter()
    for entry in host.log(REWARDS):
        assert isinstance(entry, RewardDecided)
        found[entry.code, entry.role] += effect(entry)
    return {earned: sum_ for earned, sum_ in found.items() if sum_}


@given(seed=st.integers(0, 2**32))
def test_codes_earn_by_what_is_left_of_orders_however_all_of_it_arrives(seed: int) -> None:
    rng = Random(seed)
    history = History(rng)
    arrivals = rng.sample(history.events, k=len(history.events))
    assert played(history, arrivals) == history.earned()
