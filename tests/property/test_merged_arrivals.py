"""Two accounts of one person: whatever arrives first, the merge included, the sums are the same.

The accounts may show one e-mail address. Each signs up with a typed code, orders are reported by
either or both, are paid back in parts, and the referral that is left is adjusted by hand.
"""

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

import pytest
from hypothesis import event as noted
from hypothesis import example, given
from hypothesis import strategies as st
from property.merged_people import PROGRAMMES, UNIT, Order, bought, ranks, sums_after, times

from reftrail.contracts.adjustments import Adjusted
from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.events import Signup, UsersMerged
from reftrail.contracts.record import Record
from reftrail.contracts.topics import CAMPAIGNS, CODES, EVENTS, REWARDS
from reftrail.rules.reward.transitions import effect
from reftrail.testing import MemoryHost, code


class Person(NamedTuple):
    """The codes that the two accounts type in, whether the guest is first, and their address."""

    guest_code: str
    account_code: str
    is_guest_first: bool
    has_one_address: bool


people = st.builds(
    Person, st.just("AMY"), st.sampled_from(["AMY", "BOB"]), st.booleans(), st.booleans()
)
orders = st.lists(
    st.builds(
        Order,
        st.sampled_from([50, 100]),
        st.sampled_from([("guest",), ("account",), ("guest", "account")]),
        st.lists(st.sampled_from([10, 15]), max_size=3).map(tuple),
    ),
    max_size=3,
)
adjustments = st.lists(st.integers(-5, 5).filter(bool), max_size=2)


def history(person: Person, found: Sequence[Order], by_hand: Sequence[int]) -> list[Record]:
    """All that happened, in the order of time; the merge is the last."""
    codes = {"guest": person.guest_code, "account": person.account_code}
    users = ["guest", "account"] if person.is_guest_first else ["account", "guest"]
    records: list[Record] = [
        Signup(
            **times(f"{user} signs up", nth),
            user_id=user,
            code=codes[user],
            code_known=True,
            campaign_id="spring",
            email_hash="e" if person.has_one_address else f"e of {user}",
        )
        for nth, user in enumerate(users)
    ]
    for nth, order in enumerate(found):
        records += [record for user in order.by for record in bought(nth, order, user)]
    for nth, units in enumerate(by_hand):
        adjusted = Adjusted(
            **times(f"adjusted {nth}", 200 + nth),
            adjustment_id=f"A{nth}",
            code=codes[users[0]],
            user_id=users[0],
            role="referrer",
            value_micros=units * UNIT,
            currency="USD",
            reason="goodwill",
            actor="ann",
        )
        records.append(adjusted)
    merged = UsersMerged(**times("merged", 300), user_id="guest", merged_into="account")
    return [*records, merged]


@given(people, st.sampled_from(sorted(PROGRAMMES)), orders, adjustments, ranks)
@example(Person("AMY", "BOB", True, True), "signups", [], [], [1, 0, 2])
@example(Person("AMY", "BOB", True, True), "signups", [], [], [2, 0, 1])
@example(Person("AMY", "BOB", False, True), "signups", [], [], [2, 0, 1])
@example(Person("AMY", "AMY", False, True), "signups", [], [3], [3, 0, 2, 1])
@example(
    Person("AMY", "BOB", True, True),
    "shares",
    [Order(100, ("guest", "account"), (10,))],
    [],
    [3, 0, 2, 1],
)
def test_the_order_of_arrival_of_merged_accounts_changes_no_sum(
    person: Person, programme: str, found: list[Order], by_hand: list[int], arrival: list[int]
) -> None:
    records = history(person, found, by_hand)
    nths = sorted(range(len(records)), key=lambda nth: arrival[nth % len(arrival)])
    in_time = sums_after(records, programme)
    noted(f"{programme} {'earns' if in_time else 'earns nothing'}")
    assert sums_after([records[nth] for nth in nths], programme) == in_time


@pytest.mark.parametrize("seed", range(60))
def test_two_merges_in_one_batch_pay_the_signup_once(seed: int) -> None:
    """A claim waits for its limits while the same one comes after the end of another referral.

    The address that it was refused for is free by then.
    """
    host = MemoryHost(partitions=4, batch=3, shuffle=Random(seed))
    host.publish(CAMPAIGNS, PROGRAMMES["signups"])
    host.publish(CODES, *(code(name, owner=name.lower()) for name in ("AMY", "BOB", "CLEO")))
    host.run()
    for minutes, user, name in ((6, "other", "CLEO"), (5, "guest", "BOB"), (1, "account", "AMY")):
        host.publish(
            EVENTS,
            Signup(
                **times(f"{user} signs up", minutes),
                user_id=user,
                code=name,
                code_known=True,
                campaign_id="spring",
                email_hash="e",
            ),
        )
        host.run()
    for user in ("guest", "other"):
        merged = UsersMerged(**times(f"{user} merged", 300), user_id=user, merged_into="account")
        host.publish(EVENTS, merged)
    host.run()
    sums = Counter[str]()
    for entry in host.log(REWARDS):
        assert isinstance(entry, RewardDecided)
        sums[entry.beneficiary or ""] += effect(entry)
    assert {whose: total for whose, total in sums.items() if total} == {
        "amy": 10 * UNIT,
        "account": 10 * UNIT,
    }


def test_in_these_histories_something_is_earned() -> None:
    """Else the property above would say nothing."""
    records = history(Person("AMY", "BOB", True, True), [Order(100, ("account",), (10,))], [2])
    assert sums_after(records, "signups") == {"amy": 12 * UNIT, "person": 10 * UNIT}
    assert sums_after(records, "shares") == {"amy": 20 * UNIT, "person": 9 * UNIT}
