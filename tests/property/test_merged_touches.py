"""Accounts of one person that come by touches, on several devices: nothing is paid twice.

Late touches and identified visitors may correct a decision, before a merge or after it, while
messages between the accounts' partitions are on their way. Who has referred the person may depend
on what came first; that each order and the signup earn once doesn't.
"""

from collections import Counter
from random import Random
from typing import Any, Final

import msgspec
import pytest

from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.events import Click, Event, Identified, Purchase, Signup, UsersMerged
from reftrail.contracts.policy import Fraud, OrderIds, Policy, policy_text
from reftrail.contracts.record import HOUR, MICROS_PER_UNIT, MINUTE, Micros
from reftrail.contracts.reference import Trigger
from reftrail.contracts.topics import CAMPAIGNS, CODES, EVENTS, REWARDS
from reftrail.rules.reward.transitions import effect
from reftrail.testing import MemoryHost, campaign, code
from reftrail.testing.times import FIRST_DAY

USERS: Final = ("u0", "u1", "u2")
NAMES: Final = ("AMY", "BOB", "CAT")
CODE_OF_SPRING: Final[dict[str, Any]] = {"code_known": True, "campaign_id": "spring"}


class History:
    """Random events of three accounts, each with two devices, in any order of arrival."""

    def __init__(self, rng: Random) -> None:
        """Make all of it up."""
        self.rng = rng
        self.events: list[Event] = []
        self.roots = {user: user for user in USERS}
        for number, user in enumerate(USERS):
            self._opens(number, user)
        for number in range(rng.randrange(1, 4)):
            for user in rng.sample(USERS, rng.choice([1, 1, 2])):
                self.events.append(
                    Purchase(
                        **self._times(80, 120),
                        user_id=user,
                        order_id=f"o{number}",
                        amount_micros=100 * MICROS_PER_UNIT,
                        currency="USD",
                    )
                )
        for number in (1, 2):
            if rng.random() < 0.85:
                user, account = USERS[number], USERS[rng.randrange(number)]
                self.roots[user] = self.roots[account]
                self.events.append(
                    UsersMerged(**self._times(130, 140), user_id=user, merged_into=account)
                )
        rng.shuffle(self.events)

    def _opens(self, number: int, user: str) -> None:
        """Touches on two devices, a signup on one of them, and word that both are the user's."""
        rng, first, second = self.rng, f"laptop {number}", f"phone {number}"
        for _ in range(rng.randrange(3)):
            device, name = rng.choice([first, second]), rng.choice(NAMES)
            self.events.append(
                Click(**self._times(0, 60), visitor_id=device, code=name, **CODE_OF_SPRING)
            )
        typed = {"code": rng.choice(NAMES)} | CODE_OF_SPRING if rng.random() < 0.3 else {}
        email: dict[str, Any] = {"email_hash": rng.choice(["e", f"e of {user}"])}
        self.events.append(
            Signup(**self._times(20, 80), user_id=user, visitor_id=first, **typed, **email)
        )
        if rng.random() < 0.5:
            self.events.append(Identified(**self._times(0, 100), visitor_id=second, user_id=user))

    def _times(self, least: int, most: int) -> dict[str, Any]:
        at = FIRST_DAY + self.rng.randrange(least, most) * MINUTE
        return {"event_id": f"e{len(self.events)}", "event_time": at, "received_at": at}


def sums_after(seed: int) -> dict[tuple[str, str, str], Micros]:
    """The sums of each person, by role and action, after a history that the seed gives."""
    rng = Random(seed)
    policy = Policy(
        repeats=0,
        order_ids=rng.choice(list(OrderIds)),
        once_per_email=rng.random() < 0.5,
        fraud=Fraud(grant_up_to=999, reject_from=1_000),
    )
    trigger = rng.choice([Trigger.SIGNUP, Trigger.FIRST_PURCHASE, Trigger.FIRST_PURCHASE])
    host = MemoryHost(
        partitions=rng.choice([1, 3]),
        batch=rng.choice([1, 4]),
        shuffle=Random(rng.random()),
        wire=False,
    )
    host.publish(CAMPAIGNS, campaign(trigger=trigger, policy=policy_text(policy)))
    host.publish(CODES, *(code(name, owner=name.lower()) for name in NAMES))
    host.run()
    history = History(rng)
    for nth, event in enumerate(history.events):
        received_at = FIRST_DAY + 24 * HOUR + nth * 1_000
        host.publish(EVENTS, msgspec.structs.replace(event, received_at=received_at))
        if rng.random() < 0.7:
            host.run()
    host.run()
    sums: Counter[tuple[str, str, str]] = Counter()
    for entry in host.log(REWARDS):
        assert isinstance(entry, RewardDecided)
        sums[history.roots[entry.user_id], entry.role, entry.action] += effect(entry)
    return dict(sums)


@pytest.mark.parametrize(
    "seeds", [range(start, start + 100) for start in range(0, 600, 100)], ids=str
)
def test_each_order_and_signup_of_a_person_earns_once(seeds: range) -> None:
    paid_otherwise = {
        seed: wrong
        for seed in seeds
        if (
            wrong := {
                key: v for key, v in sums_after(seed).items() if v not in (0, 10 * MICROS_PER_UNIT)
            }
        )
    }
    assert paid_otherwise == {}


def test_in_these_histories_something_is_earned() -> None:
    assert sum(any(sums_after(seed).values()) for seed in range(20)) > 10
