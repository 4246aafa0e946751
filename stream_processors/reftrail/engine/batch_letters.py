"""Dead letters of a batch: a message of a chunk that can't be decoded, decided or kept here."""

from dataclasses import dataclass
from typing import NamedTuple

from reftrail.contracts.codec import Undecodable
from reftrail.contracts.decisions import DeadLettered
from reftrail.contracts.record import Record
from reftrail.engine.chunks import Chunk
from reftrail.engine.dead_letters import (
    UNDECIDABLE,
    WRONG_PARTITION,
    described,
    misplaced,
    put_aside,
    refused,
    refused_message,
    undecodable,
)
from reftrail.engine.stage import Stage
from reftrail.rules.decider import Cause, Refused, TimerFired


class Step(NamedTuple):
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
class BatchLetters:
    """Dead letters of a stage on one of so many partitions."""

    stage: Stage
    partition: int
    partitions: int

    def undecodable(self, chunk: Chunk, index: int, error: Undecodable) -> DeadLettered:
        """The dead letter of a message that isn't a record of the stage's topic."""
        at = Cause(self.stage.reads.name, self.partition, chunk.offsets[index])
        message = (chunk.keys[index], chunk.values[index])
        return undecodable(self.stage.name, at, chunk.timestamps[index], message, str(error))

    def undecidable(self, at: Step, asked: Record, error: Exception) -> DeadLettered:
        """The dead letter of a record, or of a timer that fires on it, that can't be decided on."""
        about = (asked.event_id,) if isinstance(asked, TimerFired) else ()
        name, timestamp = self.stage.name, at.chunk.timestamps[at.nth]
        why = described(error)
        return put_aside(name, at.cause, timestamp, at.message, UNDECIDABLE, why, *about)

    def misplaced(self, at: Step) -> DeadLettered | None:
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

    def refused(self, chunk: Chunk, index: int, refusal: Refused) -> DeadLettered:
        """The dead letter of a message that the decider refused."""
        message = refused_message(self.stage, refusal, chunk.keys[index], chunk.values[index])
        return refused(self.stage.name, chunk.timestamps[index], message, refusal)
