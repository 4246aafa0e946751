"""Duplicates among events: those that come under a key that is known already. They aren't stored.

An event's key is its event_id, its type and the kind of API key that it came under: anybody has a
publishable key, and an event of theirs under a guessed id would hide a later purchase.

The event received first stays, whatever the others contain: that of an earlier load, and within
one load the event with the earliest received_at. The others are kept in `duplicate_events`. Which
events these are depends on the load's messages and on earlier loads alone, so that a load which is
tried again comes to the same.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final, NamedTuple

import fastavro

from reftrail.contracts.codec import FRAME, Undecodable, decode, schema_of
from reftrail.contracts.events import Event
from reftrail.warehouse.blocks import Block

_SIZE: Final = FRAME.size
_BEGIN: Final = FRAME.size + 1
_LONGER: Final = 0x80
"""From this byte on the length of a text has more than one byte."""


class EventKey(NamedTuple):
    """Key of an event, as in the columns of `events`; key_kind is empty where there is none."""

    event_id: str
    type: str
    key_kind: str


@dataclass(frozen=True, slots=True)
class SplitBlock:
    """Messages of one block: events to be stored, and duplicates of others."""

    events: list[bytes]
    duplicates: list[bytes]


def event_id(value: bytes) -> bytes:
    """The id in an undecoded event: the first field of each version's schema.

    Of bytes that aren't an event it is something or other, and never an error.
    """
    size = shift = 0
    for at in range(FRAME.size, len(value)):
        size |= (value[at] & 0x7F) << shift
        if value[at] < _LONGER:
            return value[at + 1 : at + 1 + (size >> 1)]
        shift += 7
    return b""


def event_ids(blocks: Sequence[Block]) -> list[bytes]:
    """The ids of all events of a load, in order."""
    return [
        value[_BEGIN : _BEGIN + (value[_SIZE] >> 1)]
        if len(value) > _BEGIN and value[_SIZE] < _LONGER
        else event_id(value)
        for block in blocks
        for value in block.values
    ]


def event_key(value: bytes) -> EventKey:
    """The key of an undecoded event. Bytes that can't be read are a key of their own."""
    try:
        event = decode(value)
    except Undecodable:
        fields = _fields(value)
        its_type, kind = fields.get("type", ""), fields.get("key_kind")
    else:
        assert isinstance(event, Event)
        its_type, kind = str(event.__struct_config__.tag), event.key_kind
    return EventKey(event_id(value).decode(errors="replace"), its_type, kind or "")


def _fields(value: bytes) -> dict[str, Any]:
    """What the writer's schema alone reads, which is all that ClickHouse asks of a message."""
    body = BytesIO(value)
    body.seek(FRAME.size)
    try:
        found = fastavro.schemaless_reader(body, schema_of(value).parsed, None)
    except Exception:  # noqa: BLE001  (fastavro raises whatever the bytes lead to)
        return {"type": value.hex()}
    assert isinstance(found, dict)
    return found


def first_of_each(blocks: Sequence[Block], ids: Sequence[bytes]) -> dict[EventKey, bytes]:
    """The event to be stored of each key whose id a load has several times."""
    if len(set(ids)) == len(ids):
        return {}
    repeated = {its_id for its_id, count in Counter(ids).items() if count > 1}
    found: dict[EventKey, list[bytes]] = {}
    for block in blocks:
        for value in block.values:
            if event_id(value) in repeated:
                found.setdefault(event_key(value), []).append(value)
    return {key: min(values, key=_precedence) for key, values in found.items()}


def split(
    block: Block,
    stored: Collection[EventKey],
    first: Mapping[EventKey, bytes],
    own: Collection[EventKey] = (),
) -> SplitBlock:
    """Split a block into events to be stored and duplicates: of stored ones, or of first ones.

    Events under the keys in own are left out: they are stored already, by this load.
    """
    if not stored and not first:
        return SplitBlock(block.values, [])
    suspected = {key.event_id.encode() for key in (*stored, *first)}
    events: list[bytes] = []
    duplicates: list[bytes] = []
    taken: set[EventKey] = set()
    for value in block.values:
        if event_id(value) not in suspected:
            events.append(value)
        elif (key := event_key(value)) in own:
            continue
        elif key in stored or key in taken or first.get(key, value) is not value:
            duplicates.append(value)
        else:
            events.append(value)
            taken.add(key)
    return SplitBlock(events, duplicates)


def _precedence(value: bytes) -> tuple[float, bytes]:
    """The earliest first, then by contents. What can't be read is no event: it comes last."""
    try:
        return decode(value).received_at, value
    except Undecodable:
        return float("inf"), value
