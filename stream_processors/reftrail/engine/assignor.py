"""Which worker gets which partitions: at best one that has their state already.

A worker that is new, or gets more than it had, is first told to warm its partitions up: it reads
their state while their owner goes on, joins again when it has nearly all of it, and is given them
then. A partition without any warm worker goes to a cold one, which restores it.

All topics of an installation have the same number of partitions, and a worker owns a partition of
all of them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.coordinator.protocol import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
)

_VERSION: Final = 0


class _Offer(msgspec.Struct, frozen=True):
    """What a member says when it joins: the partitions whose state it has."""

    warm: tuple[int, ...] = ()


class _Task(msgspec.Struct, frozen=True):
    """What a member is told beside its partitions: those whose state it should read."""

    warm_up: tuple[int, ...] = ()


@dataclass(slots=True)
class Shares:
    """By member: the partitions that it owns now, and those to warm up."""

    owned: dict[str, list[int]] = field(default_factory=dict)
    warm_up: dict[str, list[int]] = field(default_factory=dict)


def share_out(warm: Mapping[str, Iterable[int]], partitions: Iterable[int]) -> Shares:
    """Share partitions out evenly, among members with what each is warm for."""
    has = {member: frozenset(held) for member, held in sorted(warm.items())}
    shares = Shares({member: [] for member in has}, {member: [] for member in has})
    for partition, member in sorted(_targets(has, sorted(partitions)).items()):
        holders = [holder for holder, held in has.items() if partition in held]
        if partition in has[member] or not holders:
            shares.owned[member].append(partition)
        else:
            shares.warm_up[member].append(partition)
            keeper = min(holders, key=lambda holder: len(shares.owned[holder]))
            shares.owned[keeper].append(partition)
    return shares


def _targets(has: Mapping[str, frozenset[int]], partitions: list[int]) -> dict[int, str]:
    """The member that is to own each partition in the end: equally many, warm ones at best."""
    least, more = divmod(len(partitions), len(has))
    by_warmth = sorted(has, key=lambda member: (-len(has[member]), member))
    room = {member: least + (place < more) for place, member in enumerate(by_warmth)}
    holders = {one: [member for member in has if one in has[member]] for one in partitions}
    targets = {}
    for partition in sorted(partitions, key=lambda one: (len(holders[one]) or len(has), one)):
        free = [member for member in holders[partition] if room[member]]
        if free:
            targets[partition] = max(free, key=lambda member: (room[member], member))
            room[targets[partition]] -= 1
    for partition in partitions:
        if partition not in targets:
            targets[partition] = max(room, key=lambda member: (room[member], member))
            room[targets[partition]] -= 1
    return targets


class WarmAssignor(AbstractPartitionAssignor):  # type: ignore[misc]
    """One worker's part in the group protocol: what it offers, and what it is told.

    Both are set and read in different threads, each as a whole.
    """

    name = "reftrail-warm"

    def __init__(self) -> None:
        self.warm: frozenset[int] = frozenset()
        self.warm_up: frozenset[int] = frozenset()

    def metadata(self, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        """What this worker says when it joins."""
        offer = msgspec.json.encode(_Offer(tuple(sorted(self.warm))))
        return ConsumerProtocolMemberMetadata(_VERSION, sorted(topics), offer)

    def assign(
        self, cluster: ClusterMetadata, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        """Share all partitions out, as the group's leader."""
        topics = sorted({topic for member in members.values() for topic in member.subscription})
        counts = {topic: len(cluster.partitions_for_topic(topic) or ()) for topic in topics}
        offers = {
            member: msgspec.json.decode(said.user_data or b"{}", type=_Offer).warm
            for member, said in members.items()
        }
        shares = share_out(offers, range(max(counts.values(), default=0)))
        return {
            member: ConsumerProtocolMemberAssignment(
                _VERSION,
                [
                    (topic, [one for one in owned if one < counts[topic]])
                    for topic in members[member].subscription
                ],
                msgspec.json.encode(_Task(tuple(shares.warm_up[member]))),
            )
            for member, owned in shares.owned.items()
        }

    def on_assignment(self, assignment: Any) -> None:
        """What the group's leader gave to this worker."""
        task = msgspec.json.decode(assignment.user_data or b"{}", type=_Task)
        self.warm_up = frozenset(task.warm_up)
