"""The workers' part in the group protocol: what each offers, and what the leader gives each.

All topics of an installation have the same number of partitions, and a worker owns a partition of
all of them. How they are shared out: `engine/shares.py`.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.coordinator.protocol import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
)

from reftrail.engine.shares import Member, share_out

_VERSION: Final = 0


class _Offer(msgspec.Struct, frozen=True):
    """The data of a member when it joins: see `Member`. Earlier versions say less."""

    warm: tuple[int, ...] = ()
    is_ready: bool = False
    owned: tuple[int, ...] = ()
    stored: tuple[int, ...] = ()

    @property
    def member(self) -> Member:
        """The same for sharing out."""
        return Member(
            frozenset(self.warm), frozenset(self.owned), self.is_ready, frozenset(self.stored)
        )


class Task(msgspec.Struct, frozen=True):
    """The data that a member is given beside the partitions that it owns: see `Shares`."""

    warm_up: tuple[int, ...] = ()
    standby: tuple[int, ...] = ()

    @property
    def followed(self) -> frozenset[int]:
        """The partitions whose state it reads while others own them."""
        return frozenset({*self.warm_up, *self.standby})


class WarmAssignor(AbstractPartitionAssignor):  # type: ignore[misc]
    """One worker's part in the group protocol: what it offers, and what it is given.

    They are set and read in different threads, each as a whole. standbys is how many each partition
    gets if this worker leads the group.
    """

    name = "reftrail-warm"

    def __init__(self, standbys: int = 0) -> None:
        self._standbys = standbys
        self.offered = Member()
        self.task = Task()

    def metadata(self, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        """The data of this worker when it joins."""
        said = self.offered
        offer = _Offer(tuple(said.warm), said.is_ready, tuple(said.owned), tuple(said.stored))
        return ConsumerProtocolMemberMetadata(_VERSION, sorted(topics), msgspec.json.encode(offer))

    def assign(
        self, cluster: ClusterMetadata, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        """Share all partitions out, as the group's leader."""
        topics = sorted({topic for member in members.values() for topic in member.subscription})
        counts = {topic: len(cluster.partitions_for_topic(topic) or ()) for topic in topics}
        offers = {
            member: msgspec.json.decode(said.user_data or b"{}", type=_Offer).member
            for member, said in members.items()
        }
        shares = share_out(offers, range(max(counts.values(), default=0)), self._standbys)
        return {
            member: ConsumerProtocolMemberAssignment(
                _VERSION,
                [
                    (topic, [partition for partition in owned if partition < counts[topic]])
                    for topic in members[member].subscription
                ],
                msgspec.json.encode(
                    Task(tuple(shares.warm_up[member]), tuple(shares.standby[member]))
                ),
            )
            for member, owned in shares.owned.items()
        }

    def on_assignment(self, assignment: Any) -> None:
        """Note what the group's leader gave to this worker."""
        self.task = msgspec.json.decode(assignment.user_data or b"{}", type=Task)
