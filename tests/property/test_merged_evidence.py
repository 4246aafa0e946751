"""Evidence against an order follows it over a merge: it is held where one user's would have been.

The oracle is the same history of one user, who has only the signup that decides: nothing is merged
there. Strangers use the person's devices too. Where the accounts share a device, they sign up on it
as well, and speak against each other until they are merged.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from random import Random
from typing import Any, Final

import pytest

from reftrail.contracts.decisions import RewardDecided, RewardStatus
from reftrail.contracts.events import Event
from reftrail.contracts.policy import Fraud, Policy, policy_text
from reftrail.contracts.topics import CAMPAIGNS, CODES, EVENTS, REWARDS
from reftrail.rules.reward.transitions import effect
from reftrail.testing import MemoryHost, campaign, code, purchase, signup, users_merged

OWNERS: Final = {"AMY": "amy", "AMZ": "amy", "BOB": "bob"}
USERS: Final = ("guest", "account", "third")


def watchful(weight: int) -> Policy:
    """A policy that holds (60) or rejects (100) orders from a device of several users."""
    weights = {"users_per_device_24h": weight, "burst": 0, "suspicious_code": 0}
    fraud = Fraud(weights=weights, limits={"users_per_device_24h": 1})
    return Policy(repeats=0, fraud=fraud)


def decided(events: Iterable[Event], weight: int) -> MemoryHost:
    host = MemoryHost(wire=False)
    rules = campaign(trigger="first_purchase", policy=policy_text(watchful(weight)))
    host.publish(CAMPAIGNS, rules)
    host.publish(CODES, *(code(name, owner=owner) for name, owner in OWNERS.items()))
    for event in events:
        host.publish(EVENTS, event)
        host.run()
    return host


def outcome(host: MemoryHost, own: Sequence[str]) -> dict[tuple[str, str], int]:
    """By order of the person and status: the micros that are granted or held of it."""
    last: dict[str, RewardDecided] = {}
    sums = Counter[tuple[str, str]]()
    for entry in host.log(REWARDS):
        assert isinstance(entry, RewardDecided)
        last[entry.reward_id] = entry
        if entry.user_id in own and effect(entry):
            sums[entry.order_id or "", "granted"] += effect(entry)
    for entry in last.values():
        if entry.user_id in own and entry.status == RewardStatus.HELD:
            sums[entry.order_id or "", "held"] += entry.value_micros
    return {key: value for key, value in sums.items() if value}


class History:
    """What a person with some accounts and some strangers do, in the order of time."""

    def __init__(self, draw: Random, *, is_shared: bool = False) -> None:
        self.draw, self.minutes, self.is_shared = draw, 0, is_shared
        self.users = USERS[: draw.randint(2, 3)]
        self.codes = {user: draw.choice([*OWNERS]) for user in self.users}
        self.steps: list[tuple[str, dict[str, Any]]] = []
        self.merges: dict[int, Event] = {}

    def now(self) -> str:
        self.minutes += 1
        return f"{10 + self.minutes // 60}:{self.minutes % 60:02}"

    def add(self, what: str, **fields: Any) -> None:
        self.steps.append((what, fields | {"at": self.now(), "name": f"n{len(self.steps)}"}))

    def write(self) -> None:
        for user in self.draw.sample(self.users, len(self.users)):
            device = self.draw.choice([None, "home"]) if self.is_shared else None
            self.add("signup", user=user, typed=self.codes[user], device=device)
        strangers = [f"stranger {nth}" for nth in range(3)]
        for stranger in strangers:
            device = self.draw.choice([None, None, "home"]) if self.is_shared else None
            typed = self.draw.choice([*OWNERS])
            self.add("signup", user=stranger, typed=typed, device=device)
        unmerged = list(self.users)
        for order in range(self.draw.randint(3, 8)):
            if len(unmerged) > 1 and self.draw.random() < 0.2:
                self._merge(unmerged)
            if self.draw.random() < 0.6:
                device = f"d{self.draw.randint(order, order + 1)}"
                device = self.draw.choice([device, "home"]) if self.is_shared else device
                stranger = self.draw.choice(strangers)
                self.add("purchase", user=stranger, order=f"x{order}", device=device)
            self.add(
                "purchase",
                user=self.draw.choice(self.users),
                order=f"o{order}",
                device=self.draw.choice(
                    [None, f"d{order}", "home" if self.is_shared else f"d{order}"]
                ),
            )
        while len(unmerged) > 1:
            self._merge(unmerged)

    def _merge(self, unmerged: list[str]) -> None:
        guest = unmerged.pop(self.draw.randrange(len(unmerged)))
        self.add("merge", user=guest, into=self.draw.choice(unmerged))

    def events(self, *, is_one: bool) -> Iterable[Event]:
        """The history of several users who are merged, or of one who signs up once."""
        has_signed_up = False
        for what, fields in self.steps:
            user, at, name = fields["user"], fields["at"], fields["name"]
            is_person = user in self.users
            whose: dict[str, Any] = {"user_id": "one" if is_one and is_person else user}
            shown = {"device_hash": fields["device"]} if fields.get("device") else {}
            if what == "purchase":
                yield purchase(fields["order"], at, event_id=name, **shown, **whose)
            elif what == "merge" and not is_one:
                yield users_merged(user, fields["into"], at, event_id=name)
            elif what == "signup" and not (is_one and is_person and has_signed_up):
                has_signed_up = has_signed_up or is_person
                told = {"typed": fields["typed"], "visitor_id": None, "event_id": name}
                yield signup(at, **told, **shown, **whose)


@pytest.mark.parametrize("is_shared", [False, True])
@pytest.mark.parametrize("weight", [60, 100])
@pytest.mark.parametrize("seed", range(40))
def test_an_order_is_granted_or_held_as_if_its_users_had_been_one(
    seed: int, weight: int, is_shared: bool
) -> None:
    history = History(Random(seed), is_shared=is_shared)
    history.write()
    one = outcome(decided(history.events(is_one=True), weight), ["one"])
    merged = decided(history.events(is_one=False), weight)
    assert outcome(merged, history.users) == one
