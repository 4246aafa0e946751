"""The topology in one process, without Kafka: for tests, for replays, and as the oracle.

Input: records published to topics. Output: the logs of all topics. Guarantee: what a correct
host on Kafka would write for the same logs. It shares the rules with that host and nothing else.
"""

from collections import defaultdict
from random import Random
from typing import Final, Self

from reftrail.contracts.codec import Undecodable, decode, encode, stop_if_newer
from reftrail.contracts.decisions import DeadLettered, RewardDecided
from reftrail.contracts.record import Record
from reftrail.contracts.stage_messages import LookedUp
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import CAMPAIGNS, CODES, DEAD_LETTERS, LISTS, LOOKUPS, REWARDS
from reftrail.engine.dead_letters import FAULTS_OF_THE_WORKER, fitting
from reftrail.engine.lookups import LookupRecorder, RecordedLookups, recorder_for
from reftrail.engine.memory_letters import (
    letter_of_misplaced,
    letter_of_refused,
    letter_of_undecidable,
    letter_of_undecodable,
)
from reftrail.engine.memory_log import LedgerLine, Logged, Message, Step
from reftrail.engine.memory_states import FiredUntil, Groups, Silenced, States
from reftrail.engine.reference import ReferenceTables
from reftrail.engine.stage import Stage
from reftrail.engine.topology import TOPOLOGY
from reftrail.rules.decider import Cause, Reference, Refused

REFERENCE: Final = (CODES, CAMPAIGNS, LISTS)
"""The topics of reference data. It is known from the moment it is published."""


class MemoryHost:
    """Logs, states and positions of a topology; `run` takes it to where nothing is left to read.

    wire: records go through the codec, as on Kafka. batch: how many messages of a partition are
    decided on before what follows is written. shuffle: which partition of which stage goes next,
    and how large its batch is up to batch, is drawn from it; without it, stages run one after the
    other. The order within a partition is always kept. Codes, campaigns and lists are known from
    the moment they are published. steps has every decision, in the order in which they were made.

    What stages look up goes to the topic `lookups`. With lookups set, stages are given what they
    used then.

    With a topology of one stage, and its input published at its real positions (`publish_logged`),
    the output is that of a host on Kafka to the byte. With only_dead_letters set, nothing else is
    appended of what follows. It is encoded all the same, because a host has to write it.
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
        self.lookups: RecordedLookups | None = None
        self.only_dead_letters = False
        self.steps: list[Step] = []
        self._topology = topology
        self._wire = wire
        self._batch = batch
        self._shuffle = shuffle
        self._logs: defaultdict[tuple[str, int], list[Message]] = defaultdict(list)
        self._order: defaultdict[str, list[Message]] = defaultdict(list)
        self._read: defaultdict[tuple[str, int], int] = defaultdict(int)
        self._packed: defaultdict[tuple[str, int], dict[str, bytes]] = defaultdict(dict)
        self._groups: defaultdict[tuple[str, int], Groups] = defaultdict(lambda: defaultdict(set))
        self._silenced: defaultdict[tuple[str, int], Silenced] = defaultdict(dict)
        self._fired: defaultdict[tuple[str, int], FiredUntil] = defaultdict(FiredUntil)
        self._recorders: dict[tuple[str, int], LookupRecorder] = {}

    def publish(self, topic: Topic, *records: Record) -> None:
        """Append records to the partitions of their keys."""
        for record in records:
            self._append(topic, record, encode(record) if self._wire else record)

    def publish_logged(self, topic: Topic, *logged: Logged) -> None:
        """Append records at given places, as they stand in a log elsewhere; gaps are allowed."""
        for at in logged:
            if topic in REFERENCE:
                self.reference.apply(at.record)
            key = topic.key_of(at.record).encode() if at.key is None else at.key
            value = encode(at.record) if self._wire else at.record
            appended_at = at.record.received_at if at.timestamp is None else at.timestamp
            message = Message(at.offset, key, value, appended_at)
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

    def take_over(self) -> None:
        """Go on as another worker does, which has the states and no memory of lookups."""
        self._recorders.clear()

    def log(self, topic: Topic) -> list[Record]:
        """The records of a topic, in the order in which they were appended over all partitions."""
        return [_record(message.value) for message in self._order[topic.name]]

    def logged(self, topic: Topic) -> list[Logged]:
        """The records of a topic with their places, partition by partition."""
        return [
            Logged(_record(message.value), partition, message.offset, timestamp=message.timestamp)
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
        at = (stage.name, partition)
        silenced, fired = self._silenced[at], self._fired[at]
        states = States(stage, self._packed[at], self._groups[at], silenced, fired)
        outputs: list[tuple[Topic, Record, bytes]] = []
        for message in messages:
            cause = Cause(stage.reads.name, partition, message.offset)
            try:
                record = stage.checked(_record(message.value))
            except Undecodable as error:
                stop_if_newer(error)
                outputs.append(_letter(letter_of_undecodable(stage, cause, message, error)))
                continue
            for key, asked in states.asked(record, cause, message.timestamp):
                try:
                    outputs += self._decide(stage, states, message, record, asked, cause)
                except FAULTS_OF_THE_WORKER:
                    raise
                except Exception as error:  # noqa: BLE001 - whatever a foreign record leads to
                    outputs.append(
                        _letter(letter_of_undecidable(stage, cause, message, asked, error))
                    )
                    if key is not None:
                        self._silenced[at][key] = states.due_at(key)
        outputs += [
            (LOOKUPS, record, encode(record)) for record in self._looked_up(stage, partition)
        ]
        states.store()
        self._read[stage.name, partition] = begin + len(messages)
        for topic, output, value in outputs:
            if topic is DEAD_LETTERS or not self.only_dead_letters:
                self._append(topic, output, value if self._wire else output)

    def _decide(  # noqa: PLR0913, PLR0917 - what a decision is made of
        self,
        stage: Stage,
        states: "States",
        message: Message,
        record: Record,
        asked: Record,
        cause: Cause,
    ) -> list[tuple[Topic, Record, bytes]]:
        """Decide a record and keep its state; the outputs are encoded, and the step is noted."""
        state = states.of(asked)
        reference = self._reference_for(stage, asked, cause)
        events = stage.decider.decide(state, asked, cause, reference)
        reads = stage.reads
        right = reads.partition(reads.key_of(record), self.partitions)
        if events and right != cause.partition:
            return [
                _letter(letter_of_misplaced(stage, cause, message, record, right, self.partitions))
            ]
        outputs = []
        for event in events:
            if isinstance(event, Refused):
                outputs.append(_letter(letter_of_refused(stage, message, event)))
                continue
            state = stage.decider.evolve(state, event)
            if topics := stage.topics_for(event):
                value = encode(event)
                for topic in topics:
                    fitting(topic.key_of(event).encode(), value)
                    outputs.append((topic, event, value))
        states.keep(asked, state)
        self.steps.append(Step(stage, asked, cause, events))
        return outputs

    def _reference_for(self, stage: Stage, asked: Record, cause: Cause) -> Reference:
        """The reference of a decision."""
        if self.lookups is not None:
            return self.lookups.reference(stage.name, cause) or self.reference
        place = (stage.name, cause.partition)
        recorder = self._recorders.get(place)
        if recorder is None or recorder.tables is not self.reference:
            recorder = recorder_for(stage.name, self.reference, clock=lambda: 0.0)
            if recorder is None:
                return self.reference
            self._recorders[place] = recorder
        recorder.decide_on(asked, cause)
        return recorder

    def _looked_up(self, stage: Stage, partition: int) -> list[LookedUp]:
        recorder = self._recorders.get((stage.name, partition))
        if recorder is None:
            return []
        written = list(recorder.written)
        recorder.accept()
        recorder.begin_batch()
        return written

    def _append(self, topic: Topic, record: Record, value: Record | bytes) -> None:
        """Append a record, with its message value, to the partition of its key."""
        key = topic.key_of(record)
        partition = topic.partition(key, self.partitions)
        if topic in REFERENCE:
            self.reference.apply(record)
        message = Message(self._end(topic, partition), key.encode(), value, record.received_at)
        self.publish_message(topic, partition, message)


def _record(value: Record | bytes | None) -> Record:
    return value if isinstance(value, Record) else decode(value)


def _letter(letter: DeadLettered) -> tuple[Topic, Record, bytes]:
    return DEAD_LETTERS, letter, encode(letter)
