"""Records as receivers get them: JSON after https://www.standardwebhooks.com."""

import re
from hashlib import sha256
from typing import Any, Final

import msgspec

from reftrail.contracts.events import Event
from reftrail.contracts.record import Record
from reftrail.contracts.times import rfc3339
from reftrail.webhooks.model import LogPlace, Message

_WORD: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def message_of(record: Record, place: LogPlace) -> Message:
    """A record with its type, the time at which it happened, and its place in the log.

    Its id follows from the record and not from its place: an event that is in the log twice, since
    its sender repeated it, has one id.
    """
    kind = kind_of(record)
    body = {
        "type": kind,
        "timestamp": rfc3339(record.event_time),
        **place._asdict(),
        "data": _fields(record),
    }
    return Message(place, _id(record, place.topic, kind), kind, msgspec.json.encode(body).decode())


def kind_of(record: Record) -> str:
    """The type of a message: `event.purchase`, `reward_decided`."""
    if isinstance(record, Event):
        return f"event.{record.__struct_config__.tag}"
    return _WORD.sub("_", type(record).__name__).lower()


def _id(record: Record, topic: str, kind: str) -> str:
    """Ids of events are unique by type and kind of key, and so is this one by topic, too."""
    key_kind = getattr(record, "key_kind", None) or ""
    unique = f"{topic}\n{kind}\n{key_kind}\n{record.event_id}"
    return f"msg_{sha256(unique.encode()).hexdigest()[:32]}"


def _fields(record: Record) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(record)
    return found
