"""What Kafka holds when all is done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from kafka import TopicPartition
from support.log import Logged, read_committed

from crash.facts import Facts
from crash.takeover import Takeover
from reftrail.contracts.installation import Installation
from reftrail.contracts.record import Record
from reftrail.contracts.topics import PUBLIC_TOPICS, Topic
from reftrail.engine.topology import TOPOLOGY
from reftrail.local.topics import admin

LOGGED: Final = tuple({*PUBLIC_TOPICS, *(stage.reads for stage in TOPOLOGY)})
"""All whose records are looked at."""


@dataclass(frozen=True)
class Evidence:
    """All that the checks look at.

    log has every public topic, and what the stages read, as a reader of committed records gets
    it; positions, by topic and partition, is where the workers' group stands; facts are the
    warehouse's tables, by topic.
    """

    partitions: int
    acknowledged: frozenset[str]
    log: Mapping[Topic, Sequence[Logged]]
    positions: Mapping[tuple[Topic, int], int]
    facts: Mapping[Topic, Facts] = field(default_factory=dict)
    takeovers: Sequence[Takeover] = ()

    def with_facts(self, facts: Mapping[Topic, Facts]) -> "Evidence":
        """The same, and the warehouse's tables."""
        return replace(self, facts=facts)

    def records(self, topic: Topic) -> list[Record]:
        """What is committed on a topic, partition by partition."""
        return [logged.record for logged in self.log[topic]]


def committed_log(installation: Installation) -> dict[Topic, list[Logged]]:
    """Every topic of `LOGGED`."""
    return {topic: read_committed(installation, topic) for topic in LOGGED}


def group_positions(installation: Installation, group: str) -> dict[tuple[Topic, int], int]:
    """Where the group stands in what the stages read."""
    read = {installation.name_of(stage.reads): stage.reads for stage in TOPOLOGY}
    with admin(installation) as client:
        found: dict[TopicPartition, int] = {
            partition: position.offset
            for partition, position in client.list_group_offsets(group)[group].items()
        }
    return {(read[at.topic], at.partition): offset for at, offset in found.items()}
