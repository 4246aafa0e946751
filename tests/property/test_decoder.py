"""Compiled decoders read what fastavro reads, and nothing else."""

from io import BytesIO
from typing import Any

import fastavro
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from property.records import KINDS, any_records, records_of

from reftrail.contracts.codec import FRAME, Undecodable, decode, decode_any, encode
from reftrail.contracts.decoder import UNREADABLE, compile_decoder
from reftrail.contracts.encoder import encode_long
from reftrail.contracts.external_inputs import Ticked
from reftrail.contracts.record import Record

LONGS = st.integers(-(2**63), 2**63 - 1) | st.integers(1_000_000_000_000, 2_500_000_000_000)
NUMBER: Any = {"name": "N", "fields": [{"name": "number", "type": "long"}]}
TEXTS: Any = {
    "name": "T",
    "fields": [{"name": "texts", "type": {"type": "array", "items": "string"}}],
}


class Number(msgspec.Struct):
    number: int


class Texts(msgspec.Struct):
    texts: list[str]


def outcome(read: Any, value: bytes) -> Record | str:
    try:
        record: Record = read(value)
    except Undecodable as error:
        return str(error)
    return record


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_record_reads_the_same(kind: type[Record]) -> None:
    @given(records_of(kind))
    @settings(max_examples=30)
    def reads_the_same(record: Record) -> None:
        found = decode(encode(record))
        assert type(found) is kind
        assert found == decode_any(encode(record)) == record

    reads_the_same()


def test_of_bytes_that_end_too_early_the_same_is_said_each_time() -> None:
    value = encode(Ticked(event_id="", event_time=0, received_at=0, partition=0, partitions=1))
    for end in range(FRAME.size, len(value)):
        with pytest.raises(Undecodable, match=r"^bytes do not .*: they end too early$"):
            decode(value[:end])


@settings(max_examples=300)
@given(any_records(), st.data())
def test_what_is_broken_reads_the_same_or_not_at_all(record: Record, data: st.DataObject) -> None:
    value = bytearray(encode(record))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(FRAME.size, len(value) - 1))
        byte = data.draw(st.integers(0, 255))
        match data.draw(st.sampled_from(["change", "insert", "remove", "cut"])):
            case "change":
                value[place] = byte
            case "insert":
                value.insert(place, byte)
            case "remove" if len(value) > FRAME.size + 1:
                del value[place]
            case "cut" if place > FRAME.size:
                del value[place:]
    assert outcome(decode, bytes(value)) == outcome(decode_any, bytes(value))


@given(st.binary(max_size=80), st.integers(0, 30))
def test_any_bytes_read_the_same_or_not_at_all(datum: bytes, schema_id: int) -> None:
    value = FRAME.pack(0, schema_id) + datum
    assert outcome(decode, value) == outcome(decode_any, value)


@given(LONGS)
def test_longs_read_as_they_were_written(number: int) -> None:
    read = compile_decoder(NUMBER, 2, Number)
    assert read(b"xx" + encode_long(number)) == Number(number)


@given(st.lists(st.text(max_size=80), max_size=90))
def test_texts_read_as_fastavro_writes_them(texts: list[str]) -> None:
    out = BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(TEXTS["fields"][0]["type"]), texts)
    assert compile_decoder(TEXTS, 0, Texts)(out.getvalue()) == Texts(texts)


@pytest.mark.parametrize(
    ("schema", "kind", "datum"),
    [
        (NUMBER, Number, b""),
        (NUMBER, Number, b"\x80" * 6),
        (NUMBER, Number, b"\xff" * 9 + b"\x7f"),
        (NUMBER, Number, b"\0\0"),
        (TEXTS, Texts, b"\2\x0aabc\0"),
        (TEXTS, Texts, b"\2\1\0\0"),
        (TEXTS, Texts, b"\1\2\2a\0"),
        (TEXTS, Texts, b"\2\2\xff\0"),
    ],
    ids=[
        "nothing",
        "a number without end",
        "more than 64 bits",
        "something left",
        "a text longer than all",
        "a negative length",
        "a block with its size",
        "no UTF-8",
    ],
)
def test_what_is_no_datum_is_refused(schema: Any, kind: Any, datum: bytes) -> None:
    with pytest.raises(UNREADABLE):
        compile_decoder(schema, 0, kind)(datum)


@pytest.mark.parametrize("kind", ["float", ["string", "null"], {"type": "map", "values": "string"}])
def test_a_type_without_a_decoder_is_refused(kind: Any) -> None:
    schema = {"name": "New", "fields": [{"name": "number", "type": kind}]}
    with pytest.raises(TypeError):
        compile_decoder(schema, 0, Number)


def test_a_schema_that_allows_null_where_the_type_does_not_is_refused() -> None:
    schema = {"name": "New", "fields": [{"name": "number", "type": ["null", "long"]}]}
    with pytest.raises(TypeError, match=r"Number.number takes no null"):
        compile_decoder(schema, 0, Number)
