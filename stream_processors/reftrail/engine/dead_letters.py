"""What becomes of a message that a stage can't read, or must not follow."""

from reftrail.contracts.codec import encode
from reftrail.contracts.decisions import DeadLettered
from reftrail.contracts.record import Millis
from reftrail.engine.stage import Stage
from reftrail.rules.decider import Cause, Refused, derived_id


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
    return DeadLettered(
        event_id=derived_id("dead-letter", stage, at.topic, f"{at.partition}:{at.offset}"),
        event_time=timestamp,
        received_at=timestamp,
        stage=stage,
        reason="undecodable",
        detail=detail,
        topic=at.topic,
        partition=at.partition,
        offset=at.offset,
        message_key=message[0],
        payload=message[1],
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
    return DeadLettered(
        event_id=refusal.event_id,
        event_time=timestamp,
        received_at=timestamp,
        stage=stage,
        reason=refusal.reason,
        detail=refusal.detail,
        topic=refusal.cause_topic,
        partition=refusal.cause_partition,
        offset=refusal.cause_offset,
        message_key=message[0],
        payload=message[1],
    )
