"""What Kafka holds when all is done."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, TypeVar

from support.log import Logged, read_committed

from crash.facts import Facts, Stored
from crash.takeover import Takeover
from reftrail.contracts.installation import Installation
from reftrail.contracts.record import Micros, Record
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import LOOKUPS, PUBLIC_TOPICS
from reftrail.engine.topology import TOPOLOGY

LOGGED: Final = tuple({*PUBLIC_TOPICS, LOOKUPS, *(stage.reads for stage in TOPOLOGY)})
"""All whose records are looked at."""
_AT_A_TIME: Final = 6

R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Evidence:
    """All that the checks look at.

    acknowledged are events, reviewed reviews that the collector answered for with 2xx. given is how
    often partners gave each reward, by its id. log has every public topic, and what the stages
    read, as a reader of committed records gets it; positions, by topic and partition, is where the
    workers' group stands; facts are the warehouse's tables, by topic, and balances what it tells
    some users that they have, by user and currency.
    """

    partitions: int
    acknowledged: frozenset[str]
    log: Mapping[Topic, Sequence[Logged]]
    positions: Mapping[tuple[Topic, int], int]
    facts: Mapping[Topic, Facts] = field(default_factory=dict)
    balances: Mapping[tuple[str, str], Micros] = field(default_factory=dict)
    takeovers: Sequence[Takeover] = ()
    reviewed: frozenset[str] = frozenset()
    given: Mapping[str, int] = field(default_factory=dict)

    def with_facts(self, stored: Stored) -> "Evidence":
        """The same, and what the warehouse holds."""
        facts = {topic: stored.tables[topic.name] for topic in PUBLIC_TOPICS}
        balances = {(one.user, one.currency): one.micros for one in stored.balances}
        return replace(self, facts=facts, balances=balances)

    def records(self, topic: Topic) -> list[Record]:
        """What is committed on a topic, partition by partition."""
        return [logged.record for logged in self.log[topic]]

    def of(self, topic: Topic, kind: type[R]) -> list[R]:
        """Those of them that are of one type."""
        return [record for record in self.records(topic) if isinstance(record, kind)]


def committed_log(installation: Installation) -> dict[Topic, list[Logged]]:
    """Every topic of `LOGGED`, several at a time: reading one is mostly waiting for the broker."""
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        return dict(
            zip(LOGGED, pool.map(partial(read_committed, installation), LOGGED), strict=True)
        )
