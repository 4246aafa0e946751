"""Records within messages: as MessagePack, without the fields that have no value."""

from typing import Final, TypeVar

import msgspec

from reftrail.contracts.record import Record

R = TypeVar("R", bound=Record)

_encode: Final = msgspec.msgpack.Encoder().encode


def packed(record: Record) -> bytes:
    """The bytes of a record whose fields are None where they aren't given."""
    fields = msgspec.structs.asdict(record)
    return _encode({name: value for name, value in fields.items() if value is not None})


def unpacked(value: bytes, kind: type[R]) -> R:
    """The record of a kind that has been packed."""
    return msgspec.msgpack.decode(value, type=kind)
