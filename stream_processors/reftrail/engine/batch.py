"""One batch of one stage: decode, decide, evolve, and gather what is to be sent."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from reftrail.contracts.codec import Undecodable, encode, stop_if_newer
from reftrail.contracts.decisions import DeadLettered
from reftrail.contracts.external_inputs import Ticked
from reftrail.contracts.partitions import partition_of
from reftrail.contracts.record import Millis, Record
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import DEAD_LETTERS, LOOKUPS
from reftrail.engine.batch_letters import BatchLetters, Step
from reftrail.engine.chunks import Chunk
from reftrail.engine.dead_letters import FAULTS_OF_THE_WORKER, MOST_MESSAGE, fitting
from reftrail.engine.lookups import LookupRecorder, recording
from reftrail.engine.outcome import Outcome
from reftrail.engine.placement import all_belong
from reftrail.engine.prefilter import Prefilter
from reftrail.engine.reference import ReferenceTables
from reftrail.engine.settling import Settle, settling
from reftrail.engine.stage import Stage
from reftrail.engine.state import Batch, StateStore, Trial
from reftrail.engine.written_records import WrittenRecords
from reftrail.rules.decider import Cause, Refused

_SURELY_FITS: Final = MOST_MESSAGE // 4
"""Characters of a key, of up to four bytes, and bytes of a value that fit into a message."""


class MisplacedError(Exception):
    """A record is in a partition that isn't its key's."""


@dataclass(frozen=True, slots=True)
class StageOfPartition:
    """A stage on one of so many partitions, for which batches are decided.

    written are the records that stages of this worker wrote for each other.
    """

    stage: Stage
    partition: int
    partitions: int
    written: WrittenRecords = field(default_factory=WrittenRecords)

    @property
    def _letters(self) -> BatchLetters:
        return BatchLetters(self.stage, self.partition, self.partitions)

    def decide(
        self,
        chunk: Chunk,
        store: StateStore,
        reference: ReferenceTables,
        prefilter: Prefilter | None = None,
        lookups: LookupRecorder | None = None,
    ) -> Outcome:
        """Decide a chunk on top of the stored state, which stays as it is.

        If anything in it can't be decided or written, it is decided once more, record by record:
        then only what is to blame goes to the dead letters. With lookups, what decisions look up
        in the reference is written too.
        """
        try:
            return self._decide(chunk, store, reference, prefilter, lookups)
        except FAULTS_OF_THE_WORKER:
            raise
        except Exception:  # noqa: BLE001 - whatever a foreign record leads to
            return self._decide_each(chunk, store, reference, lookups)

    def _decide(
        self,
        chunk: Chunk,
        store: StateStore,
        tables: ReferenceTables,
        prefilter: Prefilter | None,
        lookups: LookupRecorder | None,
    ) -> Outcome:
        """The same, where nothing is to blame. Raises whatever there is else."""
        outcome, batch = Outcome(), Batch(self.stage, store)
        reference = recording(tables, lookups)
        settle, load = settling(self.stage.decider), batch.load
        writes, asks_until = self.stage.writes, batch.asks_until
        reads, offsets, timestamps = self.stage.reads, chunk.offsets, chunk.timestamps
        source, partition, key_of, send = reads.name, self.partition, reads.key_of, self._send
        is_keyed_alike = [cell.key_of for cell in self.stage.cells] == [key_of]
        unknown: list[str] = []  # what was taken here before belongs here
        for index, record in self._selected(prefilter, chunk, batch, tables, outcome):
            cause = Cause(source, partition, offsets[index])
            until = asks_until(record, timestamps[index])
            for asked in (record,) if until is None else self._fired(record, cause, batch, until):
                keys, before = load(asked)
                if lookups is not None:
                    lookups.decide_on(asked, cause)
                events, state = settle(before, asked, cause, reference)
                outcome.decided += 1
                if not events:
                    continue
                own_key = keys[0] if keys else None
                if not batch.is_known(own_key, before):
                    key = own_key if own_key and is_keyed_alike else key_of(record)
                    unknown.append(reads.partitioned_by(key))
                for event in events:
                    if type(event) is Refused:
                        self._put_aside(self._letters.refused(chunk, index, event), outcome)
                    elif topics := writes[type(event)]:
                        send(event, topics, outcome, own_key)
                batch.save(keys, state)
        if not all_belong(unknown, self.partition, self.partitions):
            raise MisplacedError
        return self._with_changes(outcome, batch, lookups)

    def _decide_each(
        self,
        chunk: Chunk,
        store: StateStore,
        tables: ReferenceTables,
        lookups: LookupRecorder | None,
    ) -> Outcome:
        """The same record by record, with a dead letter for each that is to blame."""
        outcome, batch = Outcome(), Batch(self.stage, store)
        settle = partial(settling(self.stage.decider), reference=recording(tables, lookups))
        for nth, record in self._records(chunk, range(len(chunk.values)), outcome):
            cause = Cause(self.stage.reads.name, self.partition, chunk.offsets[nth])
            at = Step(chunk, nth, record, cause)
            until = batch.asks_until(record, chunk.timestamps[nth])
            for asked in (record,) if until is None else self._fired(record, cause, batch, until):
                if lookups is not None:
                    lookups.decide_on(asked, cause)
                outcome.add(self._guarded_step(at, asked, settle, batch))
                outcome.decided += 1
        return self._with_changes(outcome, batch, lookups)

    def _with_changes(
        self, outcome: Outcome, batch: Batch, lookups: LookupRecorder | None
    ) -> Outcome:
        if lookups is not None and lookups.written:  # all of one stage and partition: one key
            key = LOOKUPS.key_of(lookups.written[0])
            outcome.messages[LOOKUPS, LOOKUPS.partition(key, self.partitions)] += [
                (key.encode(), encode(written)) for written in lookups.written
            ]
        outcome.changes, outcome.silenced = batch.changes(), batch.silenced
        if outcome.changes:
            assert self.stage.changelog is not None
            outcome.due_times = batch.due_times(outcome.changes)
            outcome.messages[self.stage.changelog, self.partition] = [
                (key.encode(), packed)
                if len(key) + len(packed or b"") < _SURELY_FITS
                else fitting(key.encode(), packed)
                for key, packed in outcome.changes.items()
            ]
        return outcome

    def _step(
        self, at: Step, asked: Record, settle: Settle, batch: Trial, outcome: Outcome
    ) -> None:
        """Decide on one record, or on one timer that fires."""
        keys, state = batch.load(asked)
        events, state = settle(state, asked, at.cause)
        if not events:
            return
        if letter := self._letters.misplaced(at):
            self._put_aside(letter, outcome)
            return
        for event in events:
            if isinstance(event, Refused):
                self._put_aside(self._letters.refused(at.chunk, at.nth, event), outcome)
            else:
                topics = self.stage.writes[type(event)]
                self._send(event, topics, outcome, keys[0] if keys else None)
        batch.save(keys, state)

    def _guarded_step(self, at: Step, asked: Record, settle: Settle, batch: Batch) -> Outcome:
        """Decide; if a record can't be taken, nothing changes and a dead letter says why."""
        part, trial = Outcome(), batch.trial()
        try:
            self._step(at, asked, settle, trial, part)
            trial.accept()
        except FAULTS_OF_THE_WORKER:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a foreign record leads to
            part = Outcome()
            self._put_aside(self._letters.undecidable(at, asked, error), part)
            if asked is not at.record:
                self._silence(at, asked, batch)
        return part

    def _fired(self, record: Record, cause: Cause, batch: Batch, until: Millis) -> Iterable[Record]:
        """Inputs of the decider that follow from a record: the timers that it fires, and itself."""
        timers = self.stage.timers
        assert timers is not None
        if type(record) is Ticked:
            return [timers.fired(key, record, cause) for key in batch.due(until)]
        return [*(timers.fired(key, record, cause) for key in batch.due_since(until)), record]

    def _silence(self, at: Step, asked: Record, batch: Batch) -> None:
        """Silence the key whose timer fired in vain on a record."""
        timers = self.stage.timers
        assert timers is not None
        until = timers.time_of(at.record, at.chunk.timestamps[at.nth])
        assert until is not None
        key = next(
            key
            for key in batch.due(until)
            if timers.fired(key, at.record, at.cause).event_id == asked.event_id
        )
        batch.silence(key)

    def _selected(
        self,
        prefilter: Prefilter | None,
        chunk: Chunk,
        batch: Batch,
        reference: ReferenceTables,
        outcome: Outcome,
    ) -> Iterable[tuple[int, Record]]:
        """The chunk's records by index, but for those that the prefilter leaves out."""
        if prefilter is not None:
            survivors = prefilter.select(
                chunk.values, batch.packed, reference, chunk.timestamps, batch.changed
            )
            if survivors is not None:
                return survivors
        return self._records(chunk, range(len(chunk.values)), outcome)

    def _records(
        self, chunk: Chunk, indices: Iterable[int], outcome: Outcome
    ) -> Iterator[tuple[int, Record]]:
        """The chunk's records at some indices."""
        kinds, values, decoded = self.stage.kinds, chunk.values, self.written.decoded
        usual = frozenset(kinds)
        for index in indices:
            try:
                record = decoded(values[index])
                if type(record) not in usual and not isinstance(record, kinds):
                    raise self.stage.unexpected(record)
            except Undecodable as error:
                stop_if_newer(error)
                self._put_aside(self._letters.undecodable(chunk, index, error), outcome)
            else:
                yield index, record

    def _send(
        self, record: Record, topics: Sequence[Topic], outcome: Outcome, own_key: str | None
    ) -> None:
        """Put a record into the messages of the topics that its type goes to.

        own_key is known to belong to this partition.
        """
        if self.stage.only:
            topics = self.stage.topics_for(record)
        if not topics:
            return
        value = encode(record)
        for topic in topics:
            key = topic.key_of(record)
            deciding = topic.partitioned_by(key)
            is_own = deciding == own_key
            partition = self.partition if is_own else partition_of(deciding, self.partitions)
            encoded = key.encode()
            if len(encoded) + len(value) > MOST_MESSAGE:
                fitting(encoded, value)
            outcome.messages[topic, partition].append((encoded, value))
            if not topic.public:
                self.written.keep(value, record)

    def _put_aside(self, letter: DeadLettered, outcome: Outcome) -> None:
        key = DEAD_LETTERS.key_of(letter)
        partition = DEAD_LETTERS.partition(key, self.partitions)
        outcome.messages[DEAD_LETTERS, partition].append((key.encode(), encode(letter)))
        outcome.dead[letter.reason] += 1
