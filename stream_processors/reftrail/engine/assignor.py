"""Which worker gets which partitions: at best one that has their state already.

A worker that is new, or gets more than it had, is first told to warm its partitions up: it reads
their state while their owner goes on, joins again when it has nearly all of it, and is given them
then. A partition without any warm worker, as after a kill, goes to one that is ready to decide,
because it has read the codes, and restores the state only; if there is none either, to a new one.

All topics of an installation have the same number of partitions, and a worker owns a partition of
all of them.
"""

from collections.abc import Collection, Iterable, Mapping
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
    """What a member says when it joins: whose state it has, and whether it has read the codes."""

    warm: tuple[int, ...] = ()
    is_ready: bool = False


class _Task(msgspec.Struct, frozen=True):
    """What a member is told beside its partitions: those whose state it should read."""

    warm_up: tuple[int, ...] = ()


@dataclass(slots=True)
class Shares:
    """By member: the partitions that it owns now, and those to warm up."""

    owned: dict[str, list[int]] = field(default_factory=dict)
    warm_up: dict[str, list[int]] = field(default_factory=dict)


def share_out(
    warm: Mapping[str, Iterable[int]], ready: Collection[str], partitions: Iterable[int]
) -> Shares:
    """Share partitions out evenly, among members with what each is warm for."""
    has = {member: frozenset(held) for member, held in sorted(warm.items())}
    shares = Shares({member: [] for member in has}, {member: [] for member in has})
    targets = _targets(has, sorted(partitions))
    for partition, member in sorted(targets.items()):
        holders = [holder for holder, held in has.items() if partition in held]
        keepers = holders or [other for other in has if other in ready] or [member]
        if member in keepers:
            shares.owned[member].append(partition)
        else:
            shares.warm_up[member].append(partition)
            keeper = min(keepers, key=lambda keeper: len(shares.owned[keeper]))
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

    They are set and read in different threads, each as a whole.
    """

    name = "reftrail-warm"

    def __init__(self) -> None:
        self.is_ready = False
        self.warm: frozenset[int] = frozenset()
        self.warm_up: frozenset[int] = frozenset()

    def metadata(self, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        """What this worker says when it joins."""
        offer = msgspec.json.encode(_Offer(tuple(sorted(self.warm)), self.is_ready))
        return ConsumerProtocolMemberMetadata(_VERSION, sorted(topics), offer)

    def assign(
        self, cluster: ClusterMetadata, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        """Share all partitions out, as the group's leader."""
        topics = sorted({topic for member in members.values() for topic in member.subscription})
        counts = {topic: len(cluster.partitions_for_topic(topic) or ()) for topic in topics}
        offers = {
            member: msgspec.json.decode(said.user_data or b"{}", type=_Offer)
            for member, said in members.items()
        }
        shares = share_out(
            {member: offer.warm for member, offer in offers.items()},
            [member for member, offer in offers.items() if offer.is_ready],
            range(max(counts.values(), default=0)),
        )
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
