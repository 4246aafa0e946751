"""Dead letters that always fit: their payload, key and detail are capped.

A message may be as large as its topic allows, or expand from a few compressed bytes. Its dead
letter must not be refused by the broker for that, so it keeps the beginning, the size and the hash;
topic, partition and offset say where the whole message is.
"""

import hashlib
from typing import Final

from reftrail.contracts.decisions import DeadLettered
from reftrail.contracts.record import Millis

MOST_PAYLOAD: Final = 128 << 10
MOST_KEY: Final = 1 << 10
MOST_DETAIL: Final = 1_000


def dead_letter(  # noqa: PLR0913 - the fields of the record
    *,
    event_id: str,
    stage: str,
    reason: str,
    detail: str,
    topic: str,
    partition: int,
    offset: int,
    timestamp: Millis,
    message_key: bytes | None,
    payload: bytes | None,
) -> DeadLettered:
    """The dead letter of a message at a place in the log, by the broker's timestamp."""
    is_whole = payload is None or len(payload) <= MOST_PAYLOAD
    return DeadLettered(
        event_id=event_id,
        event_time=timestamp,
        received_at=timestamp,
        stage=stage,
        reason=reason,
        detail=detail.encode(errors="replace")[:MOST_DETAIL].decode(errors="ignore"),
        topic=topic,
        partition=partition,
        offset=offset,
        message_key=None if message_key is None else message_key[:MOST_KEY],
        payload=None if payload is None else payload[:MOST_PAYLOAD],
        payload_size=None if is_whole or payload is None else len(payload),
        payload_sha256=None if is_whole or payload is None else _sha256(payload),
    )


def _sha256(payload: bytes) -> str:
    return hashlib.sha256(payload).hexdigest()
