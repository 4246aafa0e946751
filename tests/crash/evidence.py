"""Contents of Kafka when all is done."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from operator import attrgetter
from types import MappingProxyType
from typing import Final, TypeVar

from support.log import Logged, Raw, read_raw

from crash.facts import Facts, Stored
from crash.poison import Places, Poison
from crash.stalls import Stall
from crash.takeover import Takeover
from reftrail.contracts.codec import Undecodable, decode, decode_as, encode
from reftrail.contracts.decisions import DeadLettered, RewardDecided
from reftrail.contracts.installation import Installation
from reftrail.contracts.record import Micros, Record
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import DEAD_LETTERS, LOOKUPS, PUBLIC_TOPICS, REWARDS
from reftrail.engine.dead_letters import UNDECODABLE
from reftrail.engine.topology import TOPOLOGY

LOGGED: Final = tuple({*PUBLIC_TOPICS, LOOKUPS, *(stage.reads for stage in TOPOLOGY)})
"""All whose records are looked at."""
_AT_A_TIME: Final = 6

R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Evidence:
    """All that the checks look at.

    acknowledged are events, reviewed reviews, and adjusted adjustments by hand that the collector
    answered for with 2xx. given is how
    often partners gave each reward, by its id. log has every public topic, and what the stages
    read, as a reader of committed records gets it; positions, by topic and partition, is where the
    workers' group is; facts are the warehouse's tables, by topic, and balances what it tells
    some users that they have, by user and currency. poison has what was written that no host can
    take, with its places on its topic; stalls the times for which partitions stood still,
    longest_takeover the seconds that are allowed.
    repeats is how often a sink may have written the same dead letters again, by its stage: the
    warehouse where it or the broker was killed, fulfilment where its group was deleted.
    """

    partitions: int
    acknowledged: frozenset[str]
    log: Mapping[Topic, Sequence[Logged]]
    positions: Mapping[tuple[Topic, int], int]
    facts: Mapping[Topic, Facts] = field(default_factory=dict)
    balances: Mapping[tuple[str, str], Micros] = field(default_factory=dict)
    takeovers: Sequence[Takeover] = ()
    reviewed: frozenset[str] = frozenset()
    adjusted: frozenset[str] = frozenset()
    given: Mapping[str, int] = field(default_factory=dict)
    poison: Sequence[tuple[Poison, Places]] = ()
    stalls: Sequence[Stall] = ()
    longest_takeover: float = 10.0
    repeats: Mapping[str, int] = field(default_factory=dict)

    def with_facts(self, stored: Stored) -> "Evidence":
        """The same, and what the warehouse holds."""
        facts = {topic: stored.tables[topic.name] for topic in PUBLIC_TOPICS}
        balances = {(balance.user, balance.currency): balance.micros for balance in stored.balances}
        return replace(self, facts=facts, balances=balances)

    def records(self, topic: Topic) -> list[Record]:
        """The committed records of a topic, partition by partition."""
        return [logged.record for logged in self.log[topic]]

    def dead_letters(self) -> list[Record]:
        """All of them, but without the repetitions that sinks are allowed.

        The warehouse writes to Kafka and to ClickHouse, and so writes the letters of a load again
        where it was killed in between. What fulfilment has read is lost with its group.
        """
        found: list[Record] = []
        for written, count in Counter(map(encode, self.records(DEAD_LETTERS))).items():
            letter = decode_as(DeadLettered, written)
            found += [letter] * max(1, count - self.repeats.get(letter.stage, 0))
        return found

    def ledger(self) -> list[RewardDecided]:
        """The entries in the order of the log, those of one reward in order."""
        return self.of(REWARDS, RewardDecided)

    def refused(self) -> list[Record]:
        """The records in the dead letters of the reward stage; poison that is none is left out."""
        return [
            decode(letter.payload)
            for letter in self.of(DEAD_LETTERS, DeadLettered)
            if letter.payload is not None
            and letter.stage == "reward"
            and letter.reason not in {"", UNDECODABLE}
        ]

    def of(self, topic: Topic, kind: type[R]) -> list[R]:
        """Those of them that are of one type."""
        return [record for record in self.records(topic) if isinstance(record, kind)]


def committed_log(
    installation: Installation, removed: Mapping[Topic, Sequence[Raw]] = MappingProxyType({})
) -> dict[Topic, list[Raw]]:
    """Every topic of `LOGGED`, several at a time: reading one is mostly waiting for the broker.

    removed was there before, at the beginnings of the topics' partitions.
    Some of it may be there again: a broker that is killed forgets up to where it was to remove.
    """
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        found = dict(zip(LOGGED, pool.map(partial(read_raw, installation), LOGGED), strict=True))
    placed = attrgetter("partition", "offset")
    return {
        topic: sorted(
            {placed(message): message for message in [*removed.get(topic, ()), *messages]}.values(),
            key=placed,
        )
        for topic, messages in found.items()
    }


def decoded(log: Mapping[Topic, Iterable[Raw]]) -> dict[Topic, list[Logged]]:
    """The records of a log, without what reads as none of its topic."""
    return {topic: list(_decoded(topic, messages)) for topic, messages in log.items()}


def places_of(
    poison: Iterable[Poison], log: Mapping[Topic, Sequence[Raw]]
) -> list[tuple[Poison, Places]]:
    """Positions of the poison records on their topics."""
    places: defaultdict[tuple[Topic, int, bytes | None], list[tuple[int, int]]] = defaultdict(list)
    for topic, messages in log.items():
        for message in messages:
            places[topic, message.partition, message.value].append(
                (message.partition, message.offset)
            )
    return [(sent, places.get((sent.topic, sent.partition, sent.value), [])) for sent in poison]


def _decoded(topic: Topic, messages: Iterable[Raw]) -> Iterator[Logged]:
    for message in messages:
        with suppress(Undecodable):
            logged = message.decoded()
            if isinstance(logged.record, topic.records):
                yield logged
