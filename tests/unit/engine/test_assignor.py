"""Who gets which partitions: evenly, and to workers that have their state."""

from collections.abc import Mapping, Sequence

import pytest
from aiokafka.coordinator.protocol import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
)
from hypothesis import given
from hypothesis import strategies as st

from reftrail.engine.assignor import Shares, WarmAssignor, share_out

warmths = st.dictionaries(st.sampled_from("abcdef"), st.frozensets(st.integers(0, 11)), min_size=1)


def sizes(shares: Mapping[str, Sequence[int]]) -> list[int]:
    return sorted(map(len, shares.values()))


def warmed_up(warm: Mapping[str, frozenset[int]], shares: Shares) -> dict[str, frozenset[int]]:
    """Members as they join again: with what they own, and what they were told to warm up."""
    return {
        member: frozenset(shares.owned[member]) | frozenset(shares.warm_up[member])
        for member in warm
    }


def test_cold_members_share_all_at_once() -> None:
    shares = share_out({"a": (), "b": (), "c": ()}, (), range(8))
    assert sizes(shares.owned) == [2, 3, 3]
    assert sizes(shares.warm_up) == [0, 0, 0]


def test_a_new_member_warms_up_while_the_owners_go_on() -> None:
    warm = {"a": frozenset({0, 1, 2}), "b": frozenset({3, 4, 5}), "c": frozenset[int]()}
    shares = share_out(warm, "ab", range(6))
    assert (shares.owned["a"], shares.owned["b"], shares.owned["c"]) == ([0, 1, 2], [3, 4, 5], [])
    assert len(shares.warm_up["c"]) == 2
    then = share_out(warmed_up(warm, shares), "abc", range(6))
    assert sorted(then.owned["c"]) == sorted(shares.warm_up["c"])
    assert sizes(then.owned) == [2, 2, 2]
    assert sizes(then.warm_up) == [0, 0, 0]


def test_what_a_member_that_left_had_goes_to_the_others_at_once() -> None:
    shares = share_out({"a": (0, 1), "b": (2, 3)}, "ab", range(6))
    assert sizes(shares.owned) == [3, 3]
    assert {0, 1} <= set(shares.owned["a"])
    assert {2, 3} <= set(shares.owned["b"])


def test_more_members_than_partitions() -> None:
    shares = share_out({"a": (0,), "b": (), "c": ()}, "a", range(1))
    assert sizes(shares.owned) == [0, 0, 1]
    assert shares.owned["a"] == [0]
    assert sizes(shares.warm_up) == [0, 0, 0]


def test_what_a_killed_member_had_goes_to_one_that_has_read_the_codes() -> None:
    warm = {"a": (0, 1), "new": ()}
    shares = share_out(warm, ["a"], range(4))
    assert shares.owned == {"a": [0, 1, 2, 3], "new": []}
    assert shares.warm_up == {"a": [], "new": [2, 3]}


@given(warmths, st.frozensets(st.sampled_from("abcdef")))
def test_each_partition_has_one_owner_and_a_warm_one_if_there_is_any(
    warm: dict[str, frozenset[int]], ready: frozenset[str]
) -> None:
    shares = share_out(warm, ready, range(12))
    assert sorted(one for owned in shares.owned.values() for one in owned) == list(range(12))
    for member, owned in shares.owned.items():
        for partition in owned:
            is_warm_somewhere = any(partition in held for held in warm.values())
            assert partition in warm[member] or not is_warm_somewhere


@given(warmths, st.frozensets(st.sampled_from("abcdef")))
def test_once_all_have_warmed_up_the_shares_are_even_and_stay(
    warm: dict[str, frozenset[int]], ready: frozenset[str]
) -> None:
    for _ in range(3):
        shares = share_out(warm, ready, range(12))
        warm, ready = warmed_up(warm, shares), frozenset(warm)
    assert max(map(len, shares.owned.values())) - min(map(len, shares.owned.values())) <= 1
    assert not any(shares.warm_up.values())
    assert share_out(warm, ready, range(12)) == shares


class Cluster:
    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return {"events": {0, 1, 2}, "claims": {0, 1, 2}}.get(topic)


@pytest.mark.parametrize("user_data", [b"", None])
def test_the_protocol_carries_warmth_and_tasks(user_data: bytes | None) -> None:
    warm, new = WarmAssignor(), WarmAssignor()
    warm.warm = frozenset({0, 1, 2})
    encoded = {
        "a": warm.metadata(["events", "claims"]).encode(),
        "b": ConsumerProtocolMemberMetadata(0, ["claims", "events"], user_data).encode(),
    }
    members = {name: ConsumerProtocolMemberMetadata.decode(sent) for name, sent in encoded.items()}
    given_to = warm.assign(Cluster(), members)
    for assignor, name in ((warm, "a"), (new, "b")):
        assignor.on_assignment(ConsumerProtocolMemberAssignment.decode(given_to[name].encode()))
    assert sorted(given_to["a"].partitions()) == [
        (topic, partition) for topic in ("claims", "events") for partition in (0, 1, 2)
    ]
    assert given_to["b"].partitions() == []
    assert (len(warm.warm_up), len(new.warm_up)) == (0, 1)
