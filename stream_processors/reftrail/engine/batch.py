"""One batch of one stage: decode, decide, evolve, and gather what is to be sent."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, NamedTuple, TypeAlias, cast

from reftrail.contracts.codec import Undecodable, decode, encode, stop_if_newer
from reftrail.contracts.decisions import DeadLettered
from reftrail.contracts.external_inputs import Ticked
from reftrail.contracts.record import Millis, Record
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import DEAD_LETTERS, LOOKUPS
from reftrail.engine.chunks import Chunk
from reftrail.engine.dead_letters import (
    FAULTS_OF_THE_WORKER,
    UNDECIDABLE,
    WRONG_PARTITION,
    described,
    fitting,
    misplaced,
    put_aside,
    refused,
    refused_message,
    undecodable,
)
from reftrail.engine.lookups import LookupRecorder
from reftrail.engine.placement import all_belong
from reftrail.engine.reference import ReferenceTables
from reftrail.engine.sieve import Sieve
from reftrail.engine.stage import Stage
from reftrail.engine.state import Batch, StateStore, Trial
from reftrail.rules.decider import Cause, Decider, Reference, Refused, Settling, Woken

Message = tuple[bytes, bytes | None]
_Settle: TypeAlias = Callable[..., tuple[Sequence[Record], Any]]


@dataclass(slots=True)
class Outcome:
    """What follows from a batch: messages by topic and partition, and the changed state.

    due_times are the times for which changed keys wait. decided counts the questions to the
    decider, dead the dead letters by reason. silenced are keys that a tick was to wake in vain:
    they aren't woken again.
    """

    messages: dict[tuple[Topic, int], list[Message]] = field(
        default_factory=lambda: defaultdict(list)
    )
    changes: Mapping[str, bytes | None] = field(default_factory=dict)
    due_times: Mapping[str, Millis] = field(default_factory=dict)
    decided: int = 0
    dead: Counter[str] = field(default_factory=Counter)
    silenced: set[str] = field(default_factory=set)

    def add(self, part: "Outcome") -> None:
        """Take in what follows from a part of the batch."""
        for place, messages in part.messages.items():
            self.messages[place].extend(messages)
        self.dead.update(part.dead)
        self.silenced |= part.silenced


@cache
def _settles(kind: type) -> bool:
    """Whether deciders of a type are `Settling`: a check that takes as long as a small batch."""
    return issubclass(kind, Settling)


def _settling(decider: Decider[Any]) -> _Settle:
    """How to get a decider's conclusions together with the state after them."""
    if _settles(type(decider)):
        return cast("Settling[Any]", decider).settle

    def settle(
        state: Any, record: Record, cause: Cause, reference: Reference
    ) -> tuple[Sequence[Record], Any]:
        concluded = decider.decide(state, record, cause, reference)
        for conclusion in concluded:
            if not isinstance(conclusion, Refused):
                state = decider.evolve(state, conclusion)
        return concluded, state

    return settle


def _recording(tables: ReferenceTables, lookups: LookupRecorder | None) -> Reference:
    """What a batch looks things up in: the tables, by way of the recorder."""
    if lookups is None:
        return tables
    lookups.begin_batch()
    return lookups


class MisplacedError(Exception):
    """A record is in a partition that isn't its key's."""


class _Step(NamedTuple):
    """A message of a chunk, and the record in it, that is decided on."""

    chunk: Chunk
    nth: int
    record: Record
    cause: Cause

    @property
    def message(self) -> tuple[bytes | None, bytes | None]:
        """Its key and value."""
        return self.chunk.keys[self.nth], self.chunk.values[self.nth]


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
        lookups: LookupRecorder | None = None,
    ) -> Outcome:
        """What follows from a chunk on top of the stored state, which stays as it is.

        If anything in it can't be decided or written, it is decided once more, record by record:
        then only what is to blame goes to the dead letters. With lookups, what decisions look up
        in the reference is written too.
        """
        try:
            return self._conclude(chunk, store, reference, sieve, lookups)
        except FAULTS_OF_THE_WORKER:
            raise
        except Exception:  # noqa: BLE001 - whatever a foreign record leads to
            return self._conclude_each(chunk, store, reference, lookups)

    def _conclude(
        self,
        chunk: Chunk,
        store: StateStore,
        tables: ReferenceTables,
        sieve: Sieve | None,
        lookups: LookupRecorder | None,
    ) -> Outcome:
        """The same, where nothing is to blame. Raises whatever there is else."""
        outcome, batch = Outcome(), Batch(self.stage, store)
        reference = _recording(tables, lookups)
        settle = _settling(self.stage.decider)
        reads, offsets, timestamps = self.stage.reads, chunk.offsets, chunk.timestamps
        source, key_of, known = reads.name, reads.key_of, store.packed
        unknown: list[str] = []  # what was taken here before belongs here
        for index, record in self._records(chunk, store, tables, sieve, outcome):
            cause = Cause(source, self.partition, offsets[index])
            for asked in self._asked(record, cause, batch, timestamps[index]):
                keys, state = batch.load(asked)
                if lookups is not None:
                    lookups.decide_on(asked, cause)
                concluded, state = settle(state, asked, cause, reference)
                outcome.decided += 1
                if not concluded:
                    continue
                if not keys or keys[0] not in known:
                    unknown.append(reads.partitioned_by(key_of(record)))
                for conclusion in concluded:
                    if isinstance(conclusion, Refused):
                        self._put_aside(self._refused(chunk, index, conclusion), outcome)
                    else:
                        self._send(conclusion, outcome, keys[0] if keys else None)
                batch.save(keys, state)
        if not all_belong(unknown, self.partition, self.partitions):
            raise MisplacedError
        return self._with_changes(outcome, batch, lookups)

    def _conclude_each(
        self,
        chunk: Chunk,
        store: StateStore,
        tables: ReferenceTables,
        lookups: LookupRecorder | None,
    ) -> Outcome:
        """The same record by record, with a dead letter for each that is to blame."""
        outcome, batch = Outcome(), Batch(self.stage, store)
        settle = partial(_settling(self.stage.decider), reference=_recording(tables, lookups))
        for nth, record in self._records(chunk, store, tables, None, outcome):
            cause = Cause(self.stage.reads.name, self.partition, chunk.offsets[nth])
            at = _Step(chunk, nth, record, cause)
            for asked in self._asked(record, cause, batch, chunk.timestamps[nth]):
                if lookups is not None:
                    lookups.decide_on(asked, cause)
                outcome.add(self._guarded_step(at, asked, settle, batch))
                outcome.decided += 1
        return self._with_changes(outcome, batch, lookups)

    def _with_changes(
        self, outcome: Outcome, batch: Batch, lookups: LookupRecorder | None
    ) -> Outcome:
        for written in lookups.written if lookups is not None else ():
            key = LOOKUPS.key_of(written)
            partition = LOOKUPS.partition(key, self.partitions)
            outcome.messages[LOOKUPS, partition].append((key.encode(), encode(written)))
        outcome.changes = batch.changes()
        if outcome.changes:
            assert self.stage.changelog is not None
            outcome.due_times = batch.due_times(outcome.changes)
            outcome.messages[self.stage.changelog, self.partition] = [
                fitting(key.encode(), packed) for key, packed in outcome.changes.items()
            ]
        return outcome

    def _step(
        self, at: _Step, asked: Record, settle: _Settle, batch: Trial, outcome: Outcome
    ) -> None:
        """Decide on one record, or on one key that a tick wakes."""
        keys, state = batch.load(asked)
        concluded, state = settle(state, asked, at.cause)
        if not concluded:
            return
        if letter := self._misplaced(at):
            self._put_aside(letter, outcome)
            return
        for conclusion in concluded:
            if isinstance(conclusion, Refused):
                self._put_aside(self._refused(at.chunk, at.nth, conclusion), outcome)
            else:
                self._send(conclusion, outcome, keys[0] if keys else None)
        batch.save(keys, state)

    def _guarded_step(self, at: _Step, asked: Record, settle: _Settle, batch: Batch) -> Outcome:
        """What follows; if it can't be taken, nothing changes and a dead letter says why."""
        part, trial = Outcome(), batch.trial()
        try:
            self._step(at, asked, settle, trial, part)
            trial.accept()
        except FAULTS_OF_THE_WORKER:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a foreign record leads to
            part = Outcome()
            self._put_aside(self._undecidable(at, asked, error), part)
            if isinstance(at.record, Ticked):
                self._silence(at.record, asked, at.cause, batch, part)
        return part

    def _asked(
        self, record: Record, cause: Cause, batch: Batch, appended_at: Millis
    ) -> Iterable[Record]:
        """What the decider is asked about because of a record: whom its time wakes, and itself."""
        waking = self.stage.waking
        until = None if waking is None else waking.time_of(record, appended_at)
        if waking is None or until is None:
            return (record,)
        if isinstance(record, Ticked):
            return [waking.woken(key, record, cause) for key in batch.due(until)]
        if until <= batch.asked_until:  # nothing is due by then
            return (record,)
        return [*(waking.woken(key, record, cause) for key in batch.due_since(until)), record]

    def _silence(
        self, tick: Ticked, asked: Record, cause: Cause, batch: Batch, outcome: Outcome
    ) -> None:
        """Have the key that a tick woke in vain woken no more."""
        waking = self.stage.waking
        assert waking is not None
        key = next(
            key
            for key in batch.due(tick.event_time)
            if waking.woken(key, tick, cause).event_id == asked.event_id
        )
        batch.silence(key)
        outcome.silenced.add(key)

    def _records(
        self,
        chunk: Chunk,
        store: StateStore,
        reference: ReferenceTables,
        sieve: Sieve | None,
        outcome: Outcome,
    ) -> Iterable[tuple[int, Record]]:
        """The chunk's records by index, but for those that the sieve leaves out."""
        sifted = (
            sieve.sift(chunk.values, store.packed, reference, chunk.timestamps) if sieve else None
        )
        if sifted is not None:
            yield from sifted
            return
        for index, value in enumerate(chunk.values):
            try:
                record = self.stage.checked(decode(value))
            except Undecodable as error:
                stop_if_newer(error)
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
            outcome.messages[topic, partition].append(fitting(key.encode(), value))

    def _put_aside(self, letter: DeadLettered, outcome: Outcome) -> None:
        key = DEAD_LETTERS.key_of(letter)
        partition = DEAD_LETTERS.partition(key, self.partitions)
        outcome.messages[DEAD_LETTERS, partition].append((key.encode(), encode(letter)))
        outcome.dead[letter.reason] += 1

    def _undecodable(self, chunk: Chunk, index: int, error: Undecodable) -> DeadLettered:
        at = Cause(self.stage.reads.name, self.partition, chunk.offsets[index])
        message = (chunk.keys[index], chunk.values[index])
        return undecodable(self.stage.name, at, chunk.timestamps[index], message, str(error))

    def _undecidable(self, at: _Step, asked: Record, error: Exception) -> DeadLettered:
        about = (asked.event_id,) if isinstance(asked, Woken) else ()
        name, timestamp = self.stage.name, at.chunk.timestamps[at.nth]
        why = described(error)
        return put_aside(name, at.cause, timestamp, at.message, UNDECIDABLE, why, *about)

    def _misplaced(self, at: _Step) -> DeadLettered | None:
        """The dead letter of a record in a partition that isn't its key's.

        Asked only where something follows: most events are left out before they are decoded.
        """
        reads = self.stage.reads
        key = reads.key_of(at.record)
        right = reads.partition(key, self.partitions)
        if right == self.partition:
            return None
        name, timestamp = self.stage.name, at.chunk.timestamps[at.nth]
        why = misplaced(key, right, self.partitions)
        return put_aside(name, at.cause, timestamp, at.message, WRONG_PARTITION, why)

    def _refused(self, chunk: Chunk, index: int, refusal: Refused) -> DeadLettered:
        message = refused_message(self.stage, refusal, chunk.keys[index], chunk.values[index])
        return refused(self.stage.name, chunk.timestamps[index], message, refusal)
