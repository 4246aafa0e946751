"""Three and more accounts of one person: whatever arrives first, the sums are the same.

Each account signs up, with a typed code or by itself; the merges are a tree, so there are chains.
An account's signup may arrive after the account was merged, and be the earliest of all.
"""

from collections.abc import Sequence
from itertools import permutations
from typing import Final

import msgspec
import pytest
from hypothesis import event as noted
from hypothesis import example, given
from hypothesis import strategies as st
from property.merged_people import PERSON, PROGRAMMES, UNIT, Order, bought, ranks, sums_after, times

from reftrail.contracts.events import Signup, UsersMerged
from reftrail.contracts.record import Record

USERS: Final = tuple(PERSON)


class Crowd(msgspec.Struct, frozen=True):
    """Accounts of one person.

    codes are those that they type in, in the order of `USERS`. into says for each but the first
    into which of those before it is merged. signups are their turns in the order of time.
    """

    codes: tuple[str | None, ...]
    into: tuple[int, ...]
    signups: tuple[int, ...]
    has_one_address: bool = False


@st.composite
def crowds(draw: st.DrawFn) -> Crowd:
    """Crowds of three or four accounts."""
    users = draw(st.integers(3, 4))
    return Crowd(
        codes=draw(st.tuples(*[st.sampled_from(["AMY", "BOB", None])] * users)),
        into=tuple(draw(st.integers(0, nth - 1)) for nth in range(1, users)),
        signups=tuple(draw(st.permutations(range(users)))),
        has_one_address=draw(st.booleans()),
    )


orders = st.lists(
    st.builds(
        Order,
        st.just(100),
        st.lists(st.sampled_from(USERS[:3]), min_size=1, max_size=2, unique=True).map(tuple),
        st.lists(st.just(10), max_size=1).map(tuple),
    ),
    max_size=2,
)


def history(crowd: Crowd, found: Sequence[Order]) -> list[Record]:
    """All that happened, in the order of time; the merges are the last."""
    records: list[Record] = []
    for minute, nth in enumerate(crowd.signups):
        name, user = crowd.codes[nth], USERS[nth]
        signup = Signup(
            **times(f"{user} signs up", minute),
            user_id=user,
            code=name,
            code_known=True if name else None,
            campaign_id=name and "spring",
            email_hash="e" if crowd.has_one_address else f"e of {user}",
        )
        records.append(signup)
    for nth, order in enumerate(found):
        records += [record for user in order.by for record in bought(nth, order, user)]
    for nth, into in enumerate(crowd.into, 1):
        merged = UsersMerged(
            **times(f"merged {nth}", 300 + nth), user_id=USERS[nth], merged_into=USERS[into]
        )
        records.append(merged)
    return records


BETWEEN: Final = Crowd(("AMY", "AMY", "BOB"), (0, 0), (1, 2, 0))
"""The code of the earliest signup is the last one's too; another signup is between the two."""


@pytest.mark.parametrize(
    "crowd",
    [
        BETWEEN,
        Crowd(("BOB", "AMY", "BOB"), (0, 0), (0, 1, 2)),
        Crowd(("AMY", "AMY", "AMY"), (0, 1), (1, 2, 0), has_one_address=True),
    ],
)
def test_all_orders_of_arrival_of_three_signups_an_order_and_two_merges(crowd: Crowd) -> None:
    records = history(crowd, [Order(100, ("account",), ())])
    in_time = sums_after(records, "orders")
    assert sum(in_time.values()) == 20 * UNIT
    others = [
        [record.event_id for record in arrived]
        for arrived in permutations(records)
        if sums_after(arrived, "orders") != in_time
    ]
    assert others == []


@given(crowds(), st.sampled_from(sorted(PROGRAMMES)), orders, ranks)
@example(BETWEEN, "orders", [Order(100, ("account",), ())], [3, 1, 2, 4, 0, 0])
@example(
    Crowd(("BOB", "AMY", "AMY"), (0, 1), (2, 0, 1), has_one_address=True),
    "orders",
    [Order(100, ("third",), ()), Order(100, ("account",), ())],
    [0, 1, 6, 3, 2, 5, 4],
)
def test_the_order_of_arrival_of_several_accounts_changes_no_sum(
    crowd: Crowd, programme: str, found: list[Order], arrival: list[int]
) -> None:
    records = history(crowd, found)
    nths = sorted(range(len(records)), key=lambda nth: arrival[nth % len(arrival)])
    in_time = sums_after(records, programme)
    noted(f"{programme} {'earns' if in_time else 'earns nothing'}")
    assert sums_after([records[nth] for nth in nths], programme) == in_time
