"""Dead letters of the memory host."""

from reftrail.contracts.codec import Undecodable, encode
from reftrail.contracts.decisions import DeadLettered
from reftrail.contracts.record import Record
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
from reftrail.engine.memory_log import Message
from reftrail.engine.stage import Stage
from reftrail.rules.decider import Cause, Refused, TimerFired


def letter_of_undecidable(
    stage: Stage, at: Cause, message: Message, asked: Record, error: Exception
) -> DeadLettered:
    """The dead letter of a message whose record, or a key that it fires, can't be decided on."""
    about = (asked.event_id,) if isinstance(asked, TimerFired) else ()
    parts, why = _parts(message), described(error)
    return put_aside(stage.name, at, message.timestamp, parts, UNDECIDABLE, why, *about)


def letter_of_misplaced(  # noqa: PLR0913, PLR0917 - what its dead letter says
    stage: Stage, at: Cause, message: Message, record: Record, right: int, partitions: int
) -> DeadLettered:
    """The dead letter of a record in a partition that isn't its key's."""
    why = misplaced(stage.reads.key_of(record), right, partitions)
    parts = _parts(message)
    return put_aside(stage.name, at, message.timestamp, parts, WRONG_PARTITION, why)


def letter_of_undecodable(
    stage: Stage, at: Cause, message: Message, error: Undecodable
) -> DeadLettered:
    """The dead letter of a message that is no record."""
    return undecodable(stage.name, at, message.timestamp, _parts(message), str(error))


def letter_of_refused(stage: Stage, message: Message, refusal: Refused) -> DeadLettered:
    """The dead letter of a record that asked for what isn't allowed."""
    about = refused_message(stage, refusal, *_parts(message))
    return refused(stage.name, message.timestamp, about, refusal)


def _parts(message: Message) -> tuple[bytes | None, bytes | None]:
    value = message.value
    return message.key, encode(value) if isinstance(value, Record) else value
