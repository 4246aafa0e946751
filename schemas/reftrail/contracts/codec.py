"""Records to message values and back: Confluent framing around an Avro datum.

A value is a zero byte, the schema id as four bytes big-endian, and the datum:
https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html
"""

import json
from collections.abc import Callable, Sequence
from functools import cache
from io import BytesIO
from struct import Struct
from typing import Any, Final, TypeVar, get_args

import fastavro
import msgspec

from reftrail.contracts.adjustments import Adjusted, AdjustmentDecided
from reftrail.contracts.api_keys import ApiKeyChanged, ApiKeyUsed
from reftrail.contracts.conversions import Converted, Touched
from reftrail.contracts.decisions import (
    Attributed,
    Claimed,
    DeadLettered,
    RewardDecided,
    RewardGranted,
    RewardWithdrawn,
)
from reftrail.contracts.decoder import UNREADABLE, compile_decoder
from reftrail.contracts.encoder import compile_encoder, encode_long
from reftrail.contracts.errors import NewerVersionNeeded
from reftrail.contracts.events import AnyEvent, Event
from reftrail.contracts.external_inputs import FulfilmentReported, Listed, Reviewed, Ticked
from reftrail.contracts.matches import InstallMatched, LinkClicked
from reftrail.contracts.payouts import StatementChanged, StatementLine, StatementPrepared
from reftrail.contracts.record import Record
from reftrail.contracts.reference import (
    CampaignDefined,
    CodeActed,
    CodeChanged,
    CodeFormatDefined,
)
from reftrail.contracts.registry import WriterSchema, latest, schemas
from reftrail.contracts.stage_messages import (
    CheckRequested,
    Forwarded,
    LimitAnswered,
    LimitRequested,
    LookedUp,
    MilestoneChanged,
    OrderAsked,
    PersonKnown,
    ReferralVoided,
    ReviewsCarried,
    SignalChecked,
    UserSeen,
    UsersKnown,
)

FRAME: Final = Struct(">bI")
_MAGIC: Final = 0
SYNC: Final = b"reftrail-sync-16"
"""The end of each block of the object container files that are made here."""
_NEWER_IDS: Final = 1_000

_TYPES: Final[dict[str, Any]] = {
    "Event": AnyEvent,
    "ApiKeyChanged": ApiKeyChanged,
    "ApiKeyUsed": ApiKeyUsed,
    "LinkClicked": LinkClicked,
    "InstallMatched": InstallMatched,
    "CodeActed": CodeActed,
    "CodeChanged": CodeChanged,
    "CodeFormatDefined": CodeFormatDefined,
    "CampaignDefined": CampaignDefined,
    "Touched": Touched,
    "Converted": Converted,
    "Adjusted": Adjusted,
    "AdjustmentDecided": AdjustmentDecided,
    "Attributed": Attributed,
    "Claimed": Claimed,
    "RewardDecided": RewardDecided,
    "RewardGranted": RewardGranted,
    "RewardWithdrawn": RewardWithdrawn,
    "DeadLettered": DeadLettered,
    "CheckRequested": CheckRequested,
    "Forwarded": Forwarded,
    "FulfilmentReported": FulfilmentReported,
    "LimitAnswered": LimitAnswered,
    "LimitRequested": LimitRequested,
    "Listed": Listed,
    "LookedUp": LookedUp,
    "MilestoneChanged": MilestoneChanged,
    "OrderAsked": OrderAsked,
    "PersonKnown": PersonKnown,
    "ReferralVoided": ReferralVoided,
    "ReviewsCarried": ReviewsCarried,
    "Reviewed": Reviewed,
    "SignalChecked": SignalChecked,
    "StatementChanged": StatementChanged,
    "StatementLine": StatementLine,
    "StatementPrepared": StatementPrepared,
    "Ticked": Ticked,
    "UserSeen": UserSeen,
    "UsersKnown": UsersKnown,
}

R = TypeVar("R", bound=Record)


class Undecodable(ValueError):  # noqa: N818  (says what the value is)
    """A message value that is not a known record. str() says what is wrong with it."""


class NewerSchema(Undecodable):
    """A message value that a newer reftrail wrote: hosts stop at it, see `stop_if_newer`."""

    def __init__(self, schema_id: int) -> None:
        known = max(schemas())
        super().__init__(
            f"schema id {schema_id} is not known; this reftrail knows ids up to {known} and is "
            f"older than the writer"
        )
        self.schema_id = schema_id


def stop_if_newer(error: Undecodable) -> None:
    """Raise `NewerVersionNeeded` if a value couldn't be read because a newer reftrail wrote it."""
    if isinstance(error, NewerSchema):
        raise NewerVersionNeeded(
            f"a record has schema id {error.schema_id}, and this reftrail knows ids up to "
            f"{max(schemas())}: it needs a version with schemas/reftrail/contracts/avro/"
            f"{error.schema_id:03}.*; install the version that wrote the record, or a newer one"
        ) from error


def encode(record: Record) -> bytes:
    """The message value of a record, under the newest version of its schema."""
    return _ENCODERS[type(record)](record)


def encode_datum(schema: WriterSchema, datum: dict[str, Any]) -> bytes:
    """The message value of a record given as a dict with exactly the schema's fields."""
    return _datum_encoder(schema)(datum)


def row_encoder(schema: WriterSchema) -> Callable[[Any], bytes]:
    """A function that gives the message value of an object with exactly the schema's fields."""
    return compile_encoder(schema.parsed, _frame(schema), from_dict=False)


class _Encoders(dict[type[Record], Callable[[Any], bytes]]):
    """By type. To look one up takes a third of the time that a call of a cached function does."""

    def __missing__(self, kind: type[Record]) -> Callable[[Any], bytes]:
        self[kind] = _encoder(kind)
        return self[kind]


_ENCODERS: Final = _Encoders()


def _encoder(kind: type[Record]) -> Callable[[Any], bytes]:
    schema = latest("Event" if issubclass(kind, Event) else kind.__name__)
    if not issubclass(kind, Event):
        return compile_encoder(schema.parsed, _frame(schema), from_dict=False)
    tag = kind.__struct_config__.tag
    return compile_encoder(schema.parsed, _frame(schema), from_dict=False, constants={"type": tag})


@cache
def _datum_encoder(schema: WriterSchema) -> Callable[[dict[str, Any]], bytes]:
    return compile_encoder(schema.parsed, _frame(schema), from_dict=True)


def _frame(schema: WriterSchema) -> bytes:
    return FRAME.pack(_MAGIC, schema.schema_id)


def decode(value: bytes | None) -> Record:
    """The record in a message value, whatever version wrote it. Raises `Undecodable`."""
    if value is not None and (decode_current := _DECODERS[value[: FRAME.size]]):
        try:
            record: Record = decode_current(value)
        except UNREADABLE:
            pass  # unless it is written in a way that our writers don't write
        else:
            return record
    return decode_any(value)


class _Decoders(dict[bytes, Callable[[bytes], Any] | None]):
    """By frame, for the newest versions: older ones lack what the types have by now."""

    def __missing__(self, frame: bytes) -> Callable[[bytes], Any] | None:
        try:
            schema = schema_of(frame)
        except Undecodable:
            return None
        if schema is not latest(schema.record):
            return None
        self[frame] = compile_decoder(schema.parsed, FRAME.size, _type_or_types(schema))
        return self[frame]


_DECODERS: Final = _Decoders()


def _type_or_types(schema: WriterSchema) -> Any:
    if schema.record != "Event":
        return _TYPES[schema.record]
    return {kind.__struct_config__.tag: kind for kind in get_args(AnyEvent)}


def decode_any(value: bytes | None) -> Record:
    """The same as `decode`, field by field as the schemas say, and so several times as slow."""
    writer = schema_of(value)
    assert value is not None
    newest = latest(writer.record)
    reader = None if newest is writer else newest.parsed
    datum = datum_of(value, writer, reader)
    try:
        record: Record = msgspec.convert(datum, _TYPES[writer.record])
    except msgspec.ValidationError as error:
        raise Undecodable(f"{writer.record} is not valid: {error}") from error
    return record


def datum_of(value: bytes, writer: WriterSchema, reader: Any = None) -> Any:
    """The fields in a message value: as written, or as a reader's schema has them.

    Raises `Undecodable`, whose text is the same for the same bytes.
    """
    body = BytesIO(value)
    body.seek(FRAME.size)
    try:
        datum = fastavro.schemaless_reader(body, writer.parsed, reader)
    except EOFError as error:  # its text has an address in memory, which differs with each reading
        raise Undecodable(
            f"bytes do not read as {writer.record} v{writer.version}: they end too early"
        ) from error
    except Exception as error:  # fastavro raises whatever the broken bytes lead to
        raise Undecodable(
            f"bytes do not read as {writer.record} v{writer.version}: {error!r}"
        ) from error
    if body.read(1):
        raise Undecodable(f"bytes go on after the end of a {writer.record} v{writer.version}")
    return datum


def decode_as(kind: type[R], value: bytes | None) -> R:
    """The record in a message value, which must be of the given type. Raises `Undecodable`."""
    record = decode(value)
    if not isinstance(record, kind):
        raise Undecodable(f"expected a {kind.__name__}, found a {type(record).__name__}")
    return record


def schema_of(value: bytes | None) -> WriterSchema:
    """The schema with which a message value was written. Raises `Undecodable`."""
    if value is None or len(value) < FRAME.size:
        raise Undecodable("value is empty or shorter than the 5-byte frame (zero byte, schema id)")
    magic, schema_id = FRAME.unpack_from(value)
    if magic != _MAGIC:
        raise Undecodable(f"first byte is {magic}, not the zero byte of the Confluent framing")
    schema = schemas().get(schema_id)
    if schema is None:
        if _may_be_newer(schema_id, value):
            raise NewerSchema(schema_id)
        raise Undecodable(f"schema id {schema_id} is not known, and the bytes are no record's")
    return schema


def _may_be_newer(schema_id: int, value: bytes) -> bool:
    """Whether a newer reftrail may have written a value, and it isn't garbage.

    Ids are given one after the other, and every record begins with a text, its event_id.
    """
    if not max(schemas()) < schema_id <= max(schemas()) + _NEWER_IDS:
        return False
    begin = value[FRAME.size : FRAME.size + 2]
    length = begin[0] >> 1 if len(begin) == 2 and begin[0] < 0x80 and not begin[0] & 1 else 0
    text = value[FRAME.size + 1 : FRAME.size + 1 + length]
    return 0 < length == len(text) and text.isascii() and text.decode().isprintable()


def container(values: Sequence[bytes], load: int | None = None) -> bytes:
    """An Avro object container file of message values, without decoding them.

    With load each record gets one more field of that name, a long with this value.
    All values must have been written with one schema (`ValueError` if the frames differ). Avro
    1.11 specification, "Object Container Files": a block is its count, its length and the datums.
    """
    frame = values[0][: FRAME.size]
    datums = [bytes.removeprefix(value, frame) for value in values]
    size = sum(map(len, datums))
    if size != sum(map(len, values)) - len(frame) * len(values):
        raise ValueError("a container takes values of one schema only")
    end = b"" if load is None else encode_long(load)
    size += len(end) * len(datums)
    header = _container_header(schema_of(values[0]).schema_id, with_load=load is not None)
    datums[0] = b"".join((header, encode_long(len(values)), encode_long(size), datums[0]))
    return end.join([*datums, SYNC])


@cache
def _container_header(schema_id: int, *, with_load: bool) -> bytes:
    schema = json.loads(schemas()[schema_id].text)
    if with_load:
        schema["fields"].append({"name": "load", "type": "long"})
    return container_header(schema)


def container_header(schema: Any) -> bytes:
    """The beginning of an Avro object container file whose records have a schema, given as JSON."""
    metadata = ((b"avro.codec", b"null"), (b"avro.schema", json.dumps(schema).encode()))
    pairs = b"".join(encode_long(len(part)) + part for pair in metadata for part in pair)
    return b"Obj\x01" + encode_long(len(metadata)) + pairs + encode_long(0) + SYNC
