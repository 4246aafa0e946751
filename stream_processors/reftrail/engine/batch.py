"""One batch of one stage: decode, decide, evolve, and gather what is to be sent."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeAlias, cast

from reftrail.contracts.codec import Undecodable, decode, encode
from reftrail.contracts.decisions import DeadLettered
from reftrail.contracts.life import Ticked
from reftrail.contracts.record import Record
from reftrail.contracts.topics import DEAD_LETTERS, Topic
from reftrail.engine.chunks import Chunk
from reftrail.engine.dead_letters import refused, refused_message, undecodable
from reftrail.engine.reference import ReferenceTables
from reftrail.engine.sieve import Sieve
from reftrail.engine.stage import Stage, Waking
from reftrail.engine.state import Batch, StateStore
from reftrail.rules.decider import Cause, Decider, Refused, Settling

Message = tuple[bytes, bytes | None]
_Settle: TypeAlias = Callable[[Any, Any, Cause, ReferenceTables], tuple[Sequence[Record], Any]]


@dataclass(slots=True)
class Outcome:
    """What follows from a batch: messages by topic and partition, and the changed state.

    decided counts the questions to the decider, dead the dead letters by reason.
    """

    messages: dict[tuple[Topic, int], list[Message]] = field(
        default_factory=lambda: defaultdict(list)
    )
    changes: Mapping[str, bytes | None] = field(default_factory=dict)
    decided: int = 0
    dead: Counter[str] = field(default_factory=Counter)

    @property
    def is_empty(self) -> bool:
        """Nothing to send and nothing to keep: only the position has moved."""
        return not self.messages and not self.changes


@cache
def _settles(kind: type) -> bool:
    """Whether deciders of a type are `Settling`: a check that takes as long as a small batch."""
    return issubclass(kind, Settling)


def _settling(decider: Decider[Any]) -> _Settle:
    """How to get a decider's conclusions together with the state after them."""
    if _settles(type(decider)):
        return cast("Settling[Any]", decider).settle

    def settle(
        state: Any, record: Record, cause: Cause, reference: ReferenceTables
    ) -> tuple[Sequence[Record], Any]:
        concluded = decider.decide(state, record, cause, reference)
        for conclusion in concluded:
            if not isinstance(conclusion, Refused):
                state = decider.evolve(state, conclusion)
        return concluded, state

    return settle


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
        settle, waking = _settling(self.stage.decider), self.stage.waking
        source, offsets = self.stage.reads.name, chunk.offsets
        for index, record in self._records(chunk, store, reference, sieve, outcome):
            cause = Cause(source, self.partition, offsets[index])
            for asked in (record,) if waking is None else self._asked(record, cause, batch, waking):
                keys, state = batch.load(asked)
                concluded, state = settle(state, asked, cause, reference)
                for conclusion in concluded:
                    if isinstance(conclusion, Refused):
                        self._put_aside(self._refused(chunk, index, conclusion), outcome)
                    else:
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

    def _asked(
        self, record: Record, cause: Cause, batch: Batch, waking: Waking
    ) -> Iterable[Record]:
        """What the decider is asked about because of a record: itself, or whom a tick wakes."""
        if not isinstance(record, Ticked):
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
        """The chunk's records by index, but for those that the sieve leaves out."""
        sifted = sieve.sift(chunk.values, store.packed, reference) if sieve else None
        if sifted is not None:
            yield from sifted
            return
        for index, value in enumerate(chunk.values):
            try:
                record = self.stage.checked(decode(value))
            except Undecodable as error:
                self._put_aside(self._undecodable(chunk, index, error), outcome)
            else:
                yield index, record

    def _send(self, record: Record, outcome: Outcome, own_key: str | None) -> None:
        """Put a record into the messages. own_key is known to belong to this partition."""
        topics = self.stage.topics_for(record)
        if not topics:
            return
        value = encode(record)
        for topic in topics:
            key = topic.key_of(record)
            is_own = topic.partitioned_by(key) == own_key
            partition = self.partition if is_own else topic.partition(key, self.partitions)
            outcome.messages[topic, partition].append((key.encode(), value))

    def _put_aside(self, letter: DeadLettered, outcome: Outcome) -> None:
        key = DEAD_LETTERS.key_of(letter)
        partition = DEAD_LETTERS.partition(key, self.partitions)
        outcome.messages[DEAD_LETTERS, partition].append((key.encode(), encode(letter)))
        outcome.dead[letter.reason] += 1

    def _undecodable(self, chunk: Chunk, index: int, error: Undecodable) -> DeadLettered:
        at = Cause(self.stage.reads.name, self.partition, chunk.offsets[index])
        message = (chunk.keys[index], chunk.values[index])
        return undecodable(self.stage.name, at, chunk.timestamps[index], message, str(error))

    def _refused(self, chunk: Chunk, index: int, refusal: Refused) -> DeadLettered:
        message = refused_message(self.stage, refusal, chunk.keys[index], chunk.values[index])
        return refused(self.stage.name, chunk.timestamps[index], message, refusal)
