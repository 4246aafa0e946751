"""The topology in one process, without Kafka: for tests, for replays, and as the oracle.

Input: records published to topics. Output: the logs of all topics. Guarantee: what a correct
host on Kafka would write for the same logs. It shares the rules with that host and nothing else.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final, NamedTuple, Self

import msgspec

from reftrail.contracts.codec import Undecodable, decode, encode
from reftrail.contracts.decisions import DeadLettered, RewardDecided
from reftrail.contracts.life import Ticked
from reftrail.contracts.record import Micros, Millis, Record
from reftrail.contracts.topics import (
    CAMPAIGNS,
    CODES,
    DEAD_LETTERS,
    LISTS,
    REWARDS,
    Topic,
)
from reftrail.engine.dead_letters import refused, refused_message, undecodable
from reftrail.engine.reference import ReferenceTables
from reftrail.engine.stage import Stage
from reftrail.engine.topology import TOPOLOGY
from reftrail.rules.cells import Cells
from reftrail.rules.decider import Cause, Refused

REFERENCE: Final = (CODES, CAMPAIGNS, LISTS)
"""What stages look up. It is known from the moment it is published."""


@dataclass(frozen=True, slots=True)
class Logged:
    """A record and its place in its topic's log."""

    record: Record
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it stands in a log; value is bytes if it went over the wire."""

    offset: int
    key: bytes | None
    value: Record | bytes | None
    timestamp: Millis


@dataclass(frozen=True, slots=True)
class Step:
    """One decision: what a stage concluded from a record, including what concerns only itself."""

    stage: Stage
    record: Record
    cause: Cause
    conclusions: Sequence[Record]


class LedgerLine(NamedTuple):
    """What a ledger entry says about money, without where in the log it comes from."""

    reward_id: str
    status: str
    code: str
    user_id: str
    role: str
    beneficiary: str | None
    value_micros: Micros
    currency: str
    reasons: tuple[str, ...]

    @classmethod
    def of(cls, entry: RewardDecided) -> Self:
        """The line of an entry."""
        return cls(
            entry.reward_id,
            entry.status,
            entry.code,
            entry.user_id,
            entry.role,
            entry.beneficiary,
            entry.value_micros,
            entry.currency,
            tuple(entry.reasons),
        )


class MemoryHost:
    """Logs, states and positions of a topology; `run` takes it to where nothing is left to read.

    wire: records go through the codec, as on Kafka. batch: how many messages of a partition are
    decided on before what follows is written. shuffle: which partition of which stage goes next,
    and how large its batch is up to batch, is drawn from it; without it, stages run one after the
    other. The order within a partition is always kept. Codes, campaigns and lists are known from
    the moment they are published. steps has every decision, in the order in which they were made.

    With a topology of one stage, and its input published at its real positions (`publish_logged`),
    the output is that of a host on Kafka to the byte.
    """

    def __init__(
        self,
        topology: tuple[Stage, ...] = TOPOLOGY,
        *,
        partitions: int = 1,
        wire: bool = True,
        batch: int = 1,
        shuffle: Random | None = None,
    ) -> None:
        self.partitions = partitions
        self.reference = ReferenceTables()
        self.steps: list[Step] = []
        self._topology = topology
        self._wire = wire
        self._batch = batch
        self._shuffle = shuffle
        self._logs: defaultdict[tuple[str, int], list[Message]] = defaultdict(list)
        self._order: defaultdict[str, list[Message]] = defaultdict(list)
        self._read: defaultdict[tuple[str, int], int] = defaultdict(int)
        self._packed: defaultdict[tuple[str, int], dict[str, bytes]] = defaultdict(dict)

    def publish(self, topic: Topic, *records: Record) -> None:
        """Append records to the partitions of their keys."""
        for record in records:
            partition = topic.partition(topic.key_of(record), self.partitions)
            self.publish_logged(topic, Logged(record, partition, self._end(topic, partition)))

    def publish_logged(self, topic: Topic, *logged: Logged) -> None:
        """Append records at given places, as they stand in a log elsewhere; gaps are allowed."""
        for at in logged:
            if topic in REFERENCE:
                self.reference.apply(at.record)
            key = topic.key_of(at.record).encode()
            value = encode(at.record) if self._wire else at.record
            message = Message(at.offset, key, value, at.record.received_at)
            self.publish_message(topic, at.partition, message)

    def publish_message(self, topic: Topic, partition: int, message: Message) -> None:
        """Append a message as it is, whether it decodes or not.

        Raises ValueError where its offset is before the end of the partition's log.
        """
        end = self._end(topic, partition)
        if message.offset < end:
            raise ValueError(
                f"{topic.name}[{partition}] ends at {end}; offset {message.offset} is taken"
            )
        self._logs[topic.name, partition].append(message)
        self._order[topic.name].append(message)

    def run(self) -> Self:
        """Decide on everything that is unread, and on what follows from it."""
        while waiting := self._waiting():
            stage, partition = self._shuffle.choice(waiting) if self._shuffle else waiting[0]
            size = self._shuffle.randint(1, self._batch) if self._shuffle else self._batch
            self._decide_on_batch(stage, partition, size)
        return self

    def log(self, topic: Topic) -> list[Record]:
        """The records of a topic, in the order in which they were appended over all partitions."""
        return [_record(message.value) for message in self._order[topic.name]]

    def logged(self, topic: Topic) -> list[Logged]:
        """The records of a topic with their places, partition by partition."""
        return [
            Logged(_record(message.value), partition, message.offset)
            for partition in range(self.partitions)
            for message in self._logs[topic.name, partition]
        ]

    def ledger(self) -> list[LedgerLine]:
        """The lines of the reward ledger, sorted: equal for equal outcomes in whatever order."""
        entries = (record for record in self.log(REWARDS) if isinstance(record, RewardDecided))
        return sorted(map(LedgerLine.of, entries), key=repr)

    def states(self, stage: Stage) -> dict[str, bytes]:
        """The packed state of every key of a stage."""
        return {
            key: packed
            for partition in range(self.partitions)
            for key, packed in self._packed[stage.name, partition].items()
        }

    def _end(self, topic: Topic, partition: int) -> int:
        log = self._logs[topic.name, partition]
        return log[-1].offset + 1 if log else 0

    def _waiting(self) -> list[tuple[Stage, int]]:
        return [
            (stage, partition)
            for stage in self._topology
            for partition in range(self.partitions)
            if self._read[stage.name, partition] < len(self._logs[stage.reads.name, partition])
        ]

    def _decide_on_batch(self, stage: Stage, partition: int, size: int) -> None:
        begin = self._read[stage.name, partition]
        messages = self._logs[stage.reads.name, partition][begin : begin + size]
        states = _States(stage, self._packed[stage.name, partition])
        outputs: list[tuple[Topic, Record]] = []
        for message in messages:
            cause = Cause(stage.reads.name, partition, message.offset)
            try:
                record = stage.checked(_record(message.value))
            except Undecodable as error:
                outputs.append((DEAD_LETTERS, _undecodable(stage, cause, message, error)))
                continue
            for asked in states.asked(record, cause):
                state = states.of(asked)
                conclusions = stage.decider.decide(state, asked, cause, self.reference)
                for conclusion in conclusions:
                    if isinstance(conclusion, Refused):
                        outputs.append((DEAD_LETTERS, _refused(stage, message, conclusion)))
                        continue
                    state = stage.decider.evolve(state, conclusion)
                    outputs += [(topic, conclusion) for topic in stage.topics_for(conclusion)]
                states.keep(asked, state)
                self.steps.append(Step(stage, asked, cause, conclusions))
        states.store()
        self._read[stage.name, partition] = begin + len(messages)
        for topic, output in outputs:
            self.publish(topic, output)


class _States:
    """The states that a batch has touched, over those packed before it."""

    def __init__(self, stage: Stage, packed: dict[str, bytes]) -> None:
        self._stage = stage
        self._cells = stage.cells
        self._packed = packed
        self._values: dict[str, Any] = {}

    def asked(self, record: Record, cause: Cause) -> list[Record]:
        """The record itself, or what a tick wakes: found by looking at every key."""
        waking = self._stage.waking
        if waking is None or not isinstance(record, Ticked):
            return [record]
        due = [
            (at, key)
            for key in {*self._packed, *self._values}
            if waking.owns(key)
            and (at := waking.due_at(self._value(key, self._kind(key)))) is not None
            and at <= record.event_time
        ]
        return [waking.woken(key, record, cause) for _, key in sorted(due)[: waking.most]]

    def of(self, record: Record) -> Any:
        if self._stage.family is not None:
            return Cells(lambda key: self._value(key, self._kind(key)))
        values = tuple(self._value(cell.key_of(record), cell.state) for cell in self._cells)
        return values[0] if len(values) == 1 else values

    def keep(self, record: Record, state: Any) -> None:
        if self._stage.family is not None:
            self._values |= state.changed
            return
        values = (state,) if len(self._cells) == 1 else state
        keys = (cell.key_of(record) for cell in self._cells)
        self._values |= zip(keys, values, strict=True)

    def store(self) -> None:
        """Pack what the batch has touched; what is empty is not kept."""
        for key, value in self._values.items():
            if value == type(value)():
                self._packed.pop(key, None)
            else:
                self._packed[key] = msgspec.msgpack.encode(value)

    def _kind(self, key: str) -> type[msgspec.Struct]:
        family = self._stage.family
        return self._cells[-1].state if family is None else family.kind_of(key)

    def _value(self, key: str, kind: type[msgspec.Struct]) -> Any:
        if key in self._values:
            return self._values[key]
        return (
            msgspec.msgpack.decode(self._packed[key], type=kind) if key in self._packed else kind()
        )


def _record(value: Record | bytes | None) -> Record:
    return value if isinstance(value, Record) else decode(value)


def _undecodable(stage: Stage, at: Cause, message: Message, error: Undecodable) -> DeadLettered:
    return undecodable(stage.name, at, message.timestamp, _parts(message), str(error))


def _refused(stage: Stage, message: Message, refusal: Refused) -> DeadLettered:
    about = refused_message(stage, refusal, *_parts(message))
    return refused(stage.name, message.timestamp, about, refusal)


def _parts(message: Message) -> tuple[bytes | None, bytes | None]:
    value = message.value
    return message.key, encode(value) if isinstance(value, Record) else value
