"""The workers' part in the group protocol."""

import pytest
from aiokafka.coordinator.protocol import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
)

from reftrail.engine.assignor import WarmAssignor
from reftrail.engine.shares import Member


class Cluster:
    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return {"events": {0, 1, 2}, "claims": {0, 1, 2}}.get(topic)


@pytest.mark.parametrize("user_data", [b"", None])
def test_the_protocol_carries_warmth_and_tasks(user_data: bytes | None) -> None:
    warm, new = WarmAssignor(), WarmAssignor()
    warm.offered = Member(frozenset({0, 1, 2}))
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
    assert (len(warm.task.warm_up), len(new.task.warm_up)) == (0, 1)


def test_the_leader_counts_the_standbys() -> None:
    leader, other = WarmAssignor(standbys=1), WarmAssignor(standbys=0)
    leader.offered = Member(frozenset({0, 1}), frozenset({0, 1}), is_ready=True)
    other.offered = Member(frozenset({2}), frozenset({2}), is_ready=True)
    members = {"a": leader.metadata(["events"]), "b": other.metadata(["events"])}
    given_to = leader.assign(Cluster(), members)
    leader.on_assignment(given_to["a"])
    other.on_assignment(given_to["b"])
    assert (leader.task.followed, other.task.followed) == (frozenset({2}), frozenset({0, 1}))
