"""A guest and an account that are merged: what both did, and what came of it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import permutations
from random import Random
from typing import Any

from reftrail.contracts.decisions import Attributed, RewardDecided, RewardGranted, RewardWithdrawn
from reftrail.contracts.events import Event
from reftrail.contracts.policy import Policy, policy_text
from reftrail.contracts.topics import (
    ATTRIBUTIONS,
    CAMPAIGNS,
    CODES,
    EVENTS,
    REWARD_GRANTED,
    REWARDS,
)
from reftrail.rules.reward.transitions import effect
from reftrail.testing import MemoryHost, campaign, click, code, purchase, signup, users_merged

GUEST: dict[str, Any] = {"user_id": "guest"}
ACCOUNT: dict[str, Any] = {"user_id": "account"}
ON_PHONE = {"visitor_id": "phone"}
UNIT = 1_000_000

GUEST_CLICKS = click("AMY", at="08:00", **ON_PHONE)
GUEST_SIGNS_UP = signup("09:00", **ON_PHONE, **GUEST)
GUEST_BUYS = purchase("o1", at="09:30", **GUEST)
CLICKS = click("BOB", at="09:45")
SIGNS_UP = signup("10:00", **ACCOUNT)
BUYS = purchase("o2", at="11:00", **ACCOUNT)
MERGED = users_merged("guest", "account", at="12:00")

PEOPLE = {"guest": "person", "account": "person", "third": "person"}


def played(
    events: Iterable[Event], *, shuffle: Random | None = None, partitions: int = 1, **rules: Any
) -> MemoryHost:
    policy = policy_text(Policy(**rules.pop("policy", {})))
    host = MemoryHost(partitions=partitions, shuffle=shuffle, batch=3 if shuffle else 1)
    host.publish(CAMPAIGNS, campaign(**({"trigger": "first_purchase", "policy": policy} | rules)))
    host.publish(CODES, code("AMY", owner="amy"), code("BOB", owner="bob"))
    for event in events:  # each arrives when what came before is decided
        host.publish(EVENTS, event)
        if shuffle is None:
            host.run()
    return host.run()


def balances(host: MemoryHost) -> dict[str | None, int]:
    """The sums of each person in the end, in units."""
    sums: Counter[str | None] = Counter()
    for entry in host.log(REWARDS):
        assert isinstance(entry, RewardDecided)
        who = PEOPLE.get(entry.beneficiary or "", entry.beneficiary)
        sums[who] += effect(entry) // UNIT
    return {who: value for who, value in sums.items() if value}


def ledger(host: MemoryHost) -> list[RewardDecided]:
    return [entry for entry in host.log(REWARDS) if isinstance(entry, RewardDecided)]


def open_orders(host: MemoryHost) -> dict[str | None, int]:
    """The amounts that partners are asked for and that are not withdrawn, in units."""
    orders: dict[str, tuple[str, int]] = {}
    for record in host.log(REWARD_GRANTED):
        if isinstance(record, RewardGranted):
            assert record.reward_id not in orders
            orders[record.reward_id] = record.beneficiary, record.value_micros
        elif isinstance(record, RewardWithdrawn) and not record.remaining_micros:
            del orders[record.reward_id]
    sums: Counter[str | None] = Counter()
    for who, value in orders.values():
        sums[PEOPLE.get(who, who)] += value // UNIT
    return dict(sums)


def in_force(host: MemoryHost) -> list[Attributed]:
    """The attributions in force, as the warehouse's view has them."""
    made = [record for record in host.log(ATTRIBUTIONS) if isinstance(record, Attributed)]
    corrected = {record.corrects for record in made}
    return [record for record in made if record.decisive and record.event_id not in corrected]


def attributed_codes(host: MemoryHost) -> set[str]:
    """The codes of the attributions in force."""
    return {record.code for record in in_force(host)}


def in_any_order(events: Sequence[Event]) -> list[tuple[Event, ...]]:
    return list(permutations(events))


def has_touches_first(arriving: Sequence[Event]) -> bool:
    """Whether no touch is late: what a late touch may correct is another matter."""
    return arriving.index(GUEST_CLICKS) < arriving.index(GUEST_SIGNS_UP) and arriving.index(
        CLICKS
    ) < arriving.index(SIGNS_UP)
