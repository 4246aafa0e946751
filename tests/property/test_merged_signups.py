"""Several signups of one user, before and after a merge, in all orders of arrival.

Of each user the signup that comes in first counts, merged or not; of these the earliest decides.
"""

from collections.abc import Sequence
from itertools import permutations
from typing import Final, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from property.merged_people import UNIT, Order, bought, ranks, sums_after, times

from reftrail.contracts.events import Signup, UsersMerged
from reftrail.contracts.record import Record


class SignedUp(NamedTuple):
    """A signup of a user at a minute, by a typed code."""

    user: str
    minute: int
    code: str | None


MERGED: Final = UsersMerged(**times("merged", 300), user_id="guest", merged_into="account")
(BUYS,) = bought(0, Order(100, ("account",), ()), "account")


def records_of(signups: Sequence[SignedUp]) -> dict[Record, SignedUp]:
    return {
        Signup(
            **times(f"{signup.user} signs up at {signup.minute}", signup.minute),
            user_id=signup.user,
            code=signup.code,
            code_known=True if signup.code else None,
            campaign_id=signup.code and "spring",
            email_hash=f"e of {signup.user}",
        ): signup
        for signup in signups
    }


def expected(arrived: Sequence[SignedUp]) -> dict[str, int]:
    """The sums where one order earns for the referrer of the person, if somebody is that."""
    first: dict[str, SignedUp] = {}
    for signup in arrived:
        first.setdefault(signup.user, signup)
    found = min(first.values(), key=lambda signup: signup.minute).code
    return {} if found is None else {found.lower(): 10 * UNIT, "person": 10 * UNIT}


CONSTELLATIONS: Final = {
    "back to an ended code": [
        SignedUp("account", 3, "BOB"),
        SignedUp("account", 2, "AMY"),
        SignedUp("account", 1, "BOB"),
    ],
    "around another's": [
        SignedUp("account", 3, "BOB"),
        SignedUp("guest", 2, "AMY"),
        SignedUp("account", 1, "BOB"),
    ],
    "of the guest": [
        SignedUp("guest", 3, "BOB"),
        SignedUp("account", 2, "AMY"),
        SignedUp("guest", 1, "BOB"),
    ],
    "of the guest, the account's last": [
        SignedUp("guest", 2, "BOB"),
        SignedUp("guest", 1, "AMY"),
        SignedUp("account", 3, "BOB"),
    ],
    "nobody's first": [
        SignedUp("account", 2, "BOB"),
        SignedUp("guest", 3, None),
        SignedUp("guest", 1, "AMY"),
    ],
    "nobody's last": [
        SignedUp("account", 3, None),
        SignedUp("account", 1, "BOB"),
        SignedUp("guest", 2, "AMY"),
    ],
    "of one code": [
        SignedUp("account", 3, "AMY"),
        SignedUp("guest", 2, "BOB"),
        SignedUp("account", 1, "AMY"),
    ],
}


@pytest.mark.parametrize("name", sorted(CONSTELLATIONS))
def test_the_first_to_come_counts_in_all_orders_of_three_signups_an_order_and_a_merge(
    name: str,
) -> None:
    signups = records_of(CONSTELLATIONS[name])
    others = []
    for arrival in permutations([*signups, MERGED, BUYS]):
        arrived = [signups[record] for record in arrival if record in signups]
        if sums_after(arrival, "orders") != expected(arrived):
            others.append([record.event_id for record in arrival])
    assert others == []


def test_four_signups_of_two_users_in_all_orders() -> None:
    signups = records_of(
        [
            SignedUp("account", 4, "BOB"),
            SignedUp("guest", 3, "AMY"),
            SignedUp("account", 2, "AMY"),
            SignedUp("guest", 1, "BOB"),
        ]
    )
    others = []
    for arrival in permutations([*signups, MERGED]):
        arrived = [signups[record] for record in arrival if record in signups]
        if sums_after([*arrival, BUYS], "orders") != expected(arrived):
            others.append([record.event_id for record in arrival])
    assert others == []


users = st.sampled_from(["account", "guest", "third"])
several = st.lists(st.tuples(users, st.sampled_from(["AMY", "BOB", None])), min_size=2, max_size=6)


@given(several, st.sampled_from(["guest", "account"]), ranks)
@settings(max_examples=150)
def test_of_three_accounts_the_first_signup_of_each_counts(
    found: list[tuple[str, str | None]], third_into: str, turns: list[int]
) -> None:
    """The third account is merged into the account, or into the guest, as a chain."""
    signups = records_of([SignedUp(user, nth, code) for nth, (user, code) in enumerate(found)])
    third = UsersMerged(**times("third merged", 301), user_id="third", merged_into=third_into)
    records = [*signups, MERGED, third, BUYS]
    nths = sorted(range(len(records)), key=lambda nth: turns[nth % len(turns)])
    arrival = [records[nth] for nth in nths]
    arrived = [signups[record] for record in arrival if record in signups]
    assert sums_after(arrival, "orders") == expected(arrived)
