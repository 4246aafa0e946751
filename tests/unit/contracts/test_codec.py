"""Records to bytes and back, and whole batches to Avro files."""

import datetime as dt
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import fastavro
import msgspec
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from property.records import KINDS, any_records, records_of, schema_name, values_of

from reftrail.contracts.codec import (
    FRAME,
    NewerSchema,
    Undecodable,
    container,
    decode,
    decode_as,
    encode,
    schema_of,
    stop_if_newer,
)
from reftrail.contracts.conversions import Touched
from reftrail.contracts.decisions import Claimed, RewardDecided
from reftrail.contracts.errors import NewerVersionNeeded
from reftrail.contracts.events import Click, Event, Purchase
from reftrail.contracts.record import Record
from reftrail.contracts.registry import WriterSchema, latest, schemas
from reftrail.testing import click, granted, touched

CLICK = encode(click("AMY", at="10:00"))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_record_reads_as_it_was_written(kind: type[Record]) -> None:
    @given(records_of(kind))
    @settings(max_examples=50)
    def reads_as_written(record: Record) -> None:
        found = decode(encode(record))
        assert type(found) is kind
        assert found == record

    reads_as_written()


def test_the_frame_is_confluent_s() -> None:
    assert CLICK[:5] == b"\x00\x00\x00\x00\x4b"
    assert encode(touched("AMY", at="10:00").record())[:5] == b"\x00\x00\x00\x00\x46"
    assert schema_of(CLICK).record == "Event"


def _framed(schema: WriterSchema, datum: dict[str, Any]) -> bytes:
    """A message value as fastavro writes it."""
    out = BytesIO()
    out.write(FRAME.pack(0, schema.schema_id))
    fastavro.schemaless_writer(out, schema.parsed, datum)
    return out.getvalue()


@given(any_records())
def test_records_are_written_as_fastavro_writes_them(record: Record) -> None:
    datum = msgspec.structs.asdict(record)
    if isinstance(record, Event):
        datum["type"] = record.__struct_config__.tag
    assert encode(record) == _framed(latest(schema_name(type(record))), datum)


def _event(**actual: Any) -> bytes:
    schema = latest("Event")
    parsed: Any = schema.parsed
    fields = {field["name"]: None for field in parsed["fields"]}
    required = {"event_id": "e", "event_time": 1, "received_at": 1, "is_bot": False}
    return _framed(schema, fields | required | actual)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, "empty or shorter than the 5-byte frame"),
        (b"", "empty or shorter than the 5-byte frame"),
        (CLICK[:4], "empty or shorter than the 5-byte frame"),
        (b"\x01" + CLICK[1:], "first byte is 1, not the zero byte"),
        (b'{"type": "click"}', "first byte is 123, not the zero byte"),
        (FRAME.pack(0, 4_000_000) + CLICK[5:], "schema id 4000000 is not known"),
        (CLICK[:5], "bytes do not read as Event v5"),
        (CLICK[:-1], "bytes do not read as Event v5"),
        (CLICK + b"\x00", "bytes go on after the end of a Event v5"),
        (CLICK[:6] + b"\xff" + CLICK[7:], "bytes do not read as Event v5"),
        (FRAME.pack(0, 7) + CLICK[5:], "bytes do not read as Claimed v1"),
        (_event(type="click"), "Event is not valid: .*visitor_id"),
        (_event(type="signup", visitor_id="v"), "Event is not valid: .*user_id"),
        (_event(type="purchase", user_id="u", order_id="o"), "Event is not valid: .*amount"),
    ],
    ids=[
        "tombstone",
        "empty",
        "shorter than the frame",
        "wrong first byte",
        "json",
        "schema id of the future",
        "no datum",
        "cut off",
        "too long",
        "no UTF-8",
        "another record's datum",
        "click without visitor",
        "signup without user",
        "purchase without amount",
    ],
)
def test_what_is_not_a_record_is_undecodable_and_says_why(value: bytes | None, says: str) -> None:
    with pytest.raises(Undecodable, match=says):
        decode(value)


def _record_or_why_not(value: bytes) -> Record | str:
    try:
        return decode(value)
    except Undecodable as error:
        return str(error)


@given(st.binary(max_size=80), st.integers(0, 24))
def test_bytes_either_read_as_a_record_or_are_undecodable(datum: bytes, schema_id: int) -> None:
    assert _record_or_why_not(FRAME.pack(0, schema_id) + datum)


@given(any_records(), st.data())
def test_a_record_with_a_byte_changed_reads_or_is_undecodable(
    record: Record, data: st.DataObject
) -> None:
    value = bytearray(encode(record))
    value[data.draw(st.integers(0, len(value) - 1))] = data.draw(st.integers(0, 255))
    assert _record_or_why_not(bytes(value))


def test_a_record_of_another_type_than_asked_for_is_undecodable() -> None:
    assert decode_as(Event, CLICK) == decode_as(Click, CLICK) == decode(CLICK)
    with pytest.raises(Undecodable, match="expected a Purchase, found a Click"):
        decode_as(Purchase, CLICK)


_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def _plain(value: Any) -> Any:
    """A value as another reader gives it, with times as milliseconds."""
    if isinstance(value, dt.datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=dt.UTC)
        return (aware - _EPOCH) // dt.timedelta(milliseconds=1)
    return value


def _rows(content: bytes) -> Iterator[dict[str, Any]]:
    """The records that fastavro reads from a container file."""
    for row in fastavro.reader(BytesIO(content)):
        assert isinstance(row, dict)
        yield {name: _plain(value) for name, value in row.items()}


def _datum(value: bytes) -> dict[str, Any]:
    writer = schema_of(value)
    datum = fastavro.schemaless_reader(BytesIO(value[FRAME.size :]), writer.parsed, None)
    assert isinstance(datum, dict)
    return datum


def _purchases(count: int) -> list[Record]:
    return [
        Purchase(
            event_id=f"e{nth}",
            event_time=1_767_225_600_000 + nth,
            received_at=nth,
            user_id="u" * nth,
            order_id=f"o{nth}",
            amount_micros=nth * 1_000_000,
            currency="USD",
            is_bot=nth % 2 == 0,
            code_known=None if nth % 3 else True,
        )
        for nth in range(count)
    ]


@pytest.mark.parametrize("count", [1, 63, 64, 200])
def test_fastavro_reads_a_container(count: int) -> None:
    records = _purchases(count)
    values = [encode(record) for record in records]
    assert list(_rows(container(values))) == [_datum(value) for value in values]


@pytest.mark.parametrize("count", [1, 63, 64, 200])
def test_polars_reads_a_container(count: int) -> None:
    records = _purchases(count)
    values = [encode(record) for record in records]
    frame = pl.read_avro(BytesIO(container(values)))
    rows = [{name: _plain(value) for name, value in row.items()} for row in frame.to_dicts()]
    assert rows == [_datum(value) for value in values]


@pytest.mark.parametrize("kind", [Claimed, RewardDecided, Touched])
def test_fastavro_reads_a_container_of_any_record(kind: type[Record]) -> None:
    @given(st.lists(values_of(kind), min_size=1, max_size=5))
    @settings(max_examples=25)
    def reads(values: list[bytes]) -> None:
        assert list(_rows(container(values))) == [_datum(value) for value in values]

    reads()


def test_a_container_takes_one_schema_only() -> None:
    other = encode(granted("referee", "AMY").record())
    with pytest.raises(ValueError, match="one schema only"):
        container([CLICK, other])


def test_a_value_of_a_newer_schema_is_told_from_garbage() -> None:
    newer = max(schemas()) + 1
    with pytest.raises(NewerSchema) as raised:
        decode(FRAME.pack(0, newer) + CLICK[5:])
    with pytest.raises(NewerVersionNeeded, match=f"schema id {newer}.*ids up to {newer - 1}"):
        stop_if_newer(raised.value)
    for garbage in (b"", b"\x00", b"\xff" * 50, b"\x10short", b"\x06\x00\x01\x02"):
        with pytest.raises(Undecodable, match="is not known") as other:
            decode(FRAME.pack(0, newer) + garbage)
        stop_if_newer(other.value)
