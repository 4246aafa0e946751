"""One batch of one stage: decode, decide, evolve, and gather what is to be sent."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from reftrail.contracts.codec import Undecodable, decode, encode
from reftrail.contracts.decisions import DeadLettered
from reftrail.contracts.life import Ticked
from reftrail.contracts.record import Record
from reftrail.contracts.topics import DEAD_LETTERS, Topic
from reftrail.engine.chunks import Chunk
from reftrail.engine.dead_letters import undecodable
from reftrail.engine.reference import ReferenceTables
from reftrail.engine.sieve import Sieve
from reftrail.engine.stage import Stage
from reftrail.engine.state import Batch, StateStore
from reftrail.rules.decider import Cause

Message = tuple[bytes, bytes]


@dataclass(slots=True)
class Outcome:
    """What follows from a batch: messages by topic and partition, and the changed state."""

    messages: dict[tuple[Topic, int], list[Message]] = field(
        default_factory=lambda: defaultdict(list)
    )
    changes: Mapping[str, bytes] = field(default_factory=dict)
    decided: int = 0
    dead: int = 0

    @property
    def is_empty(self) -> bool:
        """Nothing to send and nothing to keep: only the position has moved."""
        return not self.messages and not self.changes


@dataclass(frozen=True, slots=True)
class StageOfPartition:
    """Which part of the work a batch belongs to, of how many partitions."""

    stage: Stage
    partition: int
    partitions: int

    def conclude(
        self,
        chunk: Chunk,
        store: StateStore,
        reference: ReferenceTables,
        sieve: Sieve | None = None,
    ) -> Outcome:
        """What follows from a chunk on top of the stored state, which stays as it is."""
        outcome = Outcome()
        batch = Batch(self.stage, store)
        decider = self.stage.decider
        for offset, record in self._records(chunk, store, reference, sieve, outcome):
            cause = Cause(self.stage.reads.name, self.partition, offset)
            for asked in self._asked(record, cause, batch):
                keys, state = batch.load(asked)
                concluded = decider.decide(state, asked, cause, reference)
                for conclusion in concluded:
                    state = decider.evolve(state, conclusion)
                    self._send(conclusion, outcome, keys[0] if keys else None)
                if concluded:
                    batch.save(keys, state)
                outcome.decided += 1
        outcome.changes = batch.changes()
        if outcome.changes:
            assert self.stage.changelog is not None
            outcome.messages[self.stage.changelog, self.partition] = [
                (key.encode(), packed) for key, packed in outcome.changes.items()
            ]
        return outcome

    def _asked(self, record: Record, cause: Cause, batch: Batch) -> Iterable[Record]:
        """What the decider is asked about because of a record: itself, or whom a tick wakes."""
        waking = self.stage.waking
        if waking is None or not isinstance(record, Ticked):
            return (record,)
        return [waking.woken(key, record, cause) for key in batch.due(record)]

    def _records(
        self,
        chunk: Chunk,
        store: StateStore,
        reference: ReferenceTables,
        sieve: Sieve | None,
        outcome: Outcome,
    ) -> Iterable[tuple[int, Record]]:
        sifted = sieve.sift(chunk.values, store.packed, reference) if sieve else None
        if sifted is not None:
            for index, record in sifted:
                yield chunk.offsets[index], record
            return
        for index, value in enumerate(chunk.values):
            try:
                record = self.stage.checked(decode(value))
            except Undecodable as error:
                self._send(self._dead_letter(chunk, index, error), outcome)
                outcome.dead += 1
            else:
                yield chunk.offsets[index], record

    def _send(self, record: Record, outcome: Outcome, own_key: str | None = None) -> None:
        """Put a record into the messages. own_key is known to belong to this partition."""
        if isinstance(record, DeadLettered):
            topics: tuple[Topic, ...] = (DEAD_LETTERS,)
        else:
            topics = self.stage.writes[type(record)]
        if not topics:
            return
        value = encode(record)
        for topic in topics:
            key = topic.key_of(record)
            is_own = key == own_key and topic.partitioned_by is str
            partition = self.partition if is_own else topic.partition(key, self.partitions)
            outcome.messages[topic, partition].append((key.encode(), value))

    def _dead_letter(self, chunk: Chunk, index: int, error: Undecodable) -> DeadLettered:
        at = Cause(self.stage.reads.name, self.partition, chunk.offsets[index])
        message = (chunk.keys[index], chunk.values[index])
        return undecodable(self.stage.name, at, chunk.timestamps[index], message, str(error))
