"""Refunds under any user's name: they count as under the name of the one who bought."""

from collections import Counter
from random import Random
from typing import Any, Final

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from reftrail.contracts.decisions import DeadLettered, RewardDecided
from reftrail.contracts.events import DisputeLost, DisputeOpened, Event, Purchase, Refund, Signup
from reftrail.contracts.policy import OnRefund, Policy, policy_text
from reftrail.contracts.record import MICROS_PER_UNIT, MINUTE, Micros
from reftrail.contracts.reference import Trigger
from reftrail.contracts.topics import CAMPAIGNS, CODES, DEAD_LETTERS, EVENTS, REWARDS, TICKS
from reftrail.rules.reward.transitions import effect
from reftrail.testing import MemoryHost, campaign, code, tick
from reftrail.testing.times import FIRST_DAY

USERS: Final = ("u0", "u1", "u2")
OTHERS: Final = ("billing", "signed up")
"""Users who have bought nothing: one never signs up, the other wasn't referred."""

PARTITIONS: Final = 3
PAYING: Final = (Trigger.FIRST_PURCHASE, Trigger.NTH_PURCHASE, Trigger.AMOUNT_REACHED)


def times(nth: int, at: int) -> dict[str, Any]:
    when = FIRST_DAY + at * MINUTE
    return {"event_id": f"e{nth}", "event_time": when, "received_at": when}


def bought(rng: Random) -> tuple[list[Event], dict[str, str]]:
    """Three referred users, a fourth who wasn't, and orders; and the user of each order."""
    typed: dict[str, Any] = {"code_known": True, "campaign_id": "spring"}
    events: list[Event] = [
        Signup(**times(nth, nth), user_id=user, code=rng.choice(["AMY", "BOB"]), **typed)
        for nth, user in enumerate(USERS)
    ]
    events.append(Signup(**times(9, 9), user_id=OTHERS[1]))
    users = {f"o{nth}": rng.choice(USERS) for nth in range(rng.randrange(1, 5))}
    for nth, (order, user) in enumerate(users.items()):
        paid: dict[str, Any] = {"amount_micros": 100 * MICROS_PER_UNIT, "currency": "USD"}
        events.append(Purchase(**times(20 + nth, 20 + nth), user_id=user, order_id=order, **paid))
    return events, users


def paid_back(rng: Random, users: dict[str, str]) -> list[Event]:
    """Refunds in full and in part, and disputes, under the buyers' names."""
    events: list[Event] = []
    for nth in range(rng.randrange(1, 6)):
        order = rng.choice(list(users))
        common = times(50 + nth, 60 + nth) | {"user_id": users[order], "order_id": order}
        part: dict[str, Any] = {"amount_micros": rng.randrange(1, 60) * MICROS_PER_UNIT}
        match rng.randrange(4):
            case 0:
                events.append(Refund(**common))
            case 1:
                id_: dict[str, Any] = {"refund_id": f"r{nth}", "currency": "USD"}
                events.append(Refund(**common, **part, **id_))
            case 2:
                events.append(DisputeOpened(**common, dispute_id=f"d {order}"))
            case _:
                events.append(DisputeLost(**common, dispute_id=f"d {order}"))
    return events


def played(rng: Random, before: list[Event], after: list[Event], trigger: str) -> MemoryHost:
    """All of it, in partitions and batches; time passes until nothing waits."""
    policy = Policy(on_refund=OnRefund.PROPORTIONAL, repeats=0, trigger_count=2)
    host = MemoryHost(partitions=PARTITIONS, batch=3, shuffle=rng)
    rules: dict[str, Any] = {"trigger": trigger, "policy": policy_text(policy)}
    if trigger == Trigger.AMOUNT_REACHED:
        rules["minimum_amount_micros"] = 150 * MICROS_PER_UNIT
    host.publish(CAMPAIGNS, campaign(**rules))
    host.publish(CODES, code("AMY", owner_user_id="amy"), code("BOB", owner_user_id="bob"))
    host.publish(EVENTS, *before)
    host.run()
    host.publish(EVENTS, *after)
    host.run()
    ticked = tick("40d 00:00")
    for partition in range(PARTITIONS):
        fields: dict[str, Any] = {"partition": partition, "partitions": PARTITIONS}
        host.publish(TICKS, msgspec.structs.replace(ticked, **fields))
    return host.run()


def sums(host: MemoryHost) -> dict[tuple[str, str, str, str], Micros]:
    found: Counter[tuple[str, str, str, str]] = Counter()
    for entry in host.log(REWARDS):
        assert isinstance(entry, RewardDecided)
        found[entry.code, entry.user_id, entry.action, entry.role] += effect(entry)
    return dict(found)


def paid(host: MemoryHost) -> dict[tuple[str, str, str, str], Micros]:
    """The sums that aren't zero, whether a reward was decided on once or again.

    What is refunded before it earns has no entries.
    """
    found: Counter[tuple[str, str, str, str]] = Counter()
    for (earned, user, action, role), balance in sums(host).items():
        kind, number, *_ = action.split(":")
        found[earned, user, f"{kind}:{number}", role] += balance
    return {reward: balance for reward, balance in found.items() if balance}


def letters(host: MemoryHost) -> set[str]:
    """The reasons of the dead letters."""
    found = (letter for letter in host.log(DEAD_LETTERS) if isinstance(letter, DeadLettered))
    return {letter.reason for letter in found}


@given(seed=st.integers(0, 2**32), trigger=st.sampled_from(PAYING))
def test_a_refund_under_any_name_counts_as_under_its_buyer_s(seed: int, trigger: Trigger) -> None:
    rng = Random(seed)
    before, users = bought(rng)
    refunds = paid_back(rng, users)
    misnamed = [
        msgspec.structs.replace(event, user_id=rng.choice([*USERS, *OTHERS, event.user_id]))
        for event in refunds
    ]
    after = [*misnamed, *(event for event in refunds if rng.random() < 0.2)]
    host = played(rng, before, after, trigger)
    assert sums(host) == sums(played(rng, before, refunds, trigger))
    assert letters(host) <= {"no_signup"}


@given(seed=st.integers(0, 2**32), trigger=st.sampled_from(PAYING))
def test_nor_does_it_matter_whether_it_comes_before_its_order(seed: int, trigger: Trigger) -> None:
    """All that happens is received within hours, in any order, and the signups at first."""
    rng = Random(seed)
    before, users = bought(rng)
    refunds = paid_back(rng, users)
    signups = [event for event in before if isinstance(event, Signup)]
    purchases = [event for event in before if not isinstance(event, Signup)]
    misnamed = [
        msgspec.structs.replace(event, user_id=rng.choice([*USERS, *OTHERS, event.user_id]))
        for event in refunds
    ]
    disputes = [event for event in misnamed if not isinstance(event, Refund)]
    first = [event for event in misnamed if isinstance(event, Refund) and rng.random() < 0.7]
    later = [event for event in misnamed if isinstance(event, Refund) and event not in first]
    early: list[Event] = [*signups, *first]
    late: list[Event] = [*purchases, *later]
    (early if rng.random() < 0.5 else late).extend(disputes)
    host = played(rng, early, late, trigger)
    assert paid(host) == paid(played(rng, [*signups, *purchases], refunds, trigger))
    assert letters(host) <= {"no_signup"}
