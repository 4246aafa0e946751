"""Dead letters of messages that a stage can't read, decide on, or write the events of."""

from typing import Final

from reftrail.contracts.codec import encode
from reftrail.contracts.dead_letters import dead_letter
from reftrail.contracts.decisions import DeadLettered
from reftrail.contracts.errors import NewerVersionNeeded
from reftrail.contracts.record import Millis
from reftrail.engine.stage import Stage, UnknownStateError
from reftrail.engine.store import StoreError
from reftrail.rules.decider import Cause, Refused, derived_id

UNDECODABLE: Final = "undecodable"
UNDECIDABLE: Final = "undecidable"
"""A decider can't take a record, or what follows from it can't be written."""
WRONG_PARTITION: Final = "wrong_partition"
MOST_MESSAGE: Final = 500 << 10
"""The largest size of a message's key and value: they must fit into the writer's batch."""
FAULTS_OF_THE_WORKER: Final = (MemoryError, NewerVersionNeeded, StoreError, UnknownStateError)
"""Errors that no record is to blame for: they end the worker."""


class TooLargeError(ValueError):
    """An event doesn't fit into a message."""


def fitting(key: bytes, value: bytes | None) -> tuple[bytes, bytes | None]:
    """The same message. Raises `TooLargeError` if it is too large to be written."""
    if len(key) + len(value or b"") > MOST_MESSAGE:
        raise TooLargeError(
            f"a key of {len(key)} and a value of {len(value or b'')} bytes, at most "
            f"{MOST_MESSAGE} in all can be written"
        )
    return key, value


def undecodable(
    stage: str,
    at: Cause,
    timestamp: Millis,
    message: tuple[bytes | None, bytes | None],
    detail: str,
) -> DeadLettered:
    """The dead letter of a message (key, value) at a place in the log, by the broker's timestamp.

    The same message always gives the same record, so that a retry writes it again at most.
    """
    return put_aside(stage, at, timestamp, message, UNDECODABLE, detail)


def put_aside(  # noqa: PLR0913, PLR0917 - what a dead letter says
    stage: str,
    at: Cause,
    timestamp: Millis,
    message: tuple[bytes | None, bytes | None],
    reason: str,
    detail: str,
    *about: str,
) -> DeadLettered:
    """The dead letter of a message for a reason; about tells several of one message apart."""
    return dead_letter(
        event_id=derived_id("dead-letter", stage, at.topic, f"{at.partition}:{at.offset}", *about),
        timestamp=timestamp,
        stage=stage,
        reason=reason,
        detail=detail,
        topic=at.topic,
        partition=at.partition,
        offset=at.offset,
        message_key=message[0],
        payload=message[1],
    )


def described(error: Exception) -> str:
    """A description of an error, in the same words whenever it occurs."""
    return f"{type(error).__name__}: {error}"


def misplaced(key: str, right: int, partitions: int) -> str:
    """The detail about a record in a partition that isn't its key's."""
    return (
        f"the key {key[:100]!r} belongs into partition {right} of {partitions}: partition by "
        f"murmur2 as Kafka's Java client does, see schemas/README.md"
    )


def refused_message(
    stage: Stage, refusal: Refused, key: bytes | None, value: bytes | None
) -> tuple[bytes | None, bytes | None]:
    """The message (key, value) that a refusal is about: the one that came, or its own payload."""
    if refusal.payload is None:
        return key, value
    return stage.reads.key_of(refusal.payload).encode(), encode(refusal.payload)


def refused(
    stage: str,
    timestamp: Millis,
    message: tuple[bytes | None, bytes | None],
    refusal: Refused,
) -> DeadLettered:
    """The dead letter of a message (key, value) whose record asked for what isn't allowed."""
    return dead_letter(
        event_id=refusal.event_id,
        timestamp=timestamp,
        stage=stage,
        reason=refusal.reason,
        detail=refusal.detail,
        topic=refusal.cause_topic,
        partition=refusal.cause_partition,
        offset=refusal.cause_offset,
        message_key=message[0],
        payload=message[1],
    )
