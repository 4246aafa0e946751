"""Compiled encoders write what fastavro writes."""

from io import BytesIO
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reftrail.contracts import encoder
from reftrail.contracts.encoder import compile_encoder, encode_long
from reftrail.contracts.registry import WriterSchema, latest, schemas

LONGS = (
    st.integers(-(2**63), 2**63 - 1)
    | st.integers(1_000_000_000_000, 2_500_000_000_000)
    | st.integers(0, 2**29)
    | st.sampled_from([2**bits + more for bits in (13, 27, 41) for more in (-1, 0)])
)
PRIMITIVES: dict[str, st.SearchStrategy[Any]] = {
    "string": st.text(max_size=8) | st.sampled_from(["ä" * 511, "x" * 1023, "x" * 1024]),
    "bytes": st.binary(max_size=8),
    "int": st.integers(-(2**31), 2**31 - 1) | st.integers(8_190, 8_193),
    "long": LONGS,
    "boolean": st.booleans(),
}


def _values(kind: Any) -> st.SearchStrategy[Any]:
    match kind:
        case ["null", inner]:
            return st.none() | _values(inner)
        case {"type": "enum", "symbols": symbols}:
            return st.sampled_from(symbols)
        case {"type": "array", "items": items}:
            return st.lists(_values(items), max_size=3)
        case {"type": str() as inner}:
            return PRIMITIVES[inner]
        case str():
            return PRIMITIVES[kind]
    raise TypeError(kind)


def _by_fastavro(schema: WriterSchema, datum: dict[str, Any]) -> bytes:
    out = BytesIO()
    fastavro.schemaless_writer(out, schema.parsed, datum)
    return out.getvalue()


@settings(max_examples=15)
@given(st.data())
@pytest.mark.parametrize("schema", schemas().values(), ids=lambda schema: schema.record)
def test_every_schema_is_written_as_fastavro_writes_it(
    schema: WriterSchema, data: st.DataObject
) -> None:
    parsed: Any = schema.parsed
    datum = {field["name"]: data.draw(_values(field["type"])) for field in parsed["fields"]}
    encode = compile_encoder(parsed, b"prefix", from_dict=True)
    assert encode(datum) == b"prefix" + _by_fastavro(schema, datum)


def test_a_record_of_today_is_written_without_a_call_for_each_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    called: list[int] = []

    def noted(number: int) -> bytes:
        called.append(number)
        return encode_long(number)

    touched: Any = latest("Touched").parsed
    fields = {field["name"]: field["type"] for field in touched["fields"]}
    times = ("event_time", "received_at", "expires_at")
    datum = dict.fromkeys(fields) | dict.fromkeys(times, 1_795_046_400_000)
    datum |= {name: "" for name, kind in fields.items() if kind == "string"}
    datum |= {"cause_partition": 11, "cause_offset": 1_000_000}
    monkeypatch.setattr(encoder, "encode_long", noted)
    encode = compile_encoder(touched, b"prefix", from_dict=True)
    encode(datum)  # texts of few values are encoded once
    called.clear()
    assert encode(datum) == b"prefix" + _by_fastavro(latest("Touched"), datum)
    assert not called


@given(LONGS)
def test_longs_are_written_as_fastavro_writes_them(number: int) -> None:
    out = BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema("long"), number)
    assert encode_long(number) == out.getvalue()


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1])
def test_a_number_beyond_64_bits_is_refused(number: int) -> None:
    with pytest.raises(OverflowError, match="does not fit into 64 bits"):
        encode_long(number)


@pytest.mark.parametrize("kind", ["float", ["string", "null"], {"type": "map", "values": "string"}])
def test_a_type_without_an_encoder_is_refused(kind: Any) -> None:
    schema = {"name": "New", "fields": [{"name": "field", "type": kind}]}
    with pytest.raises(TypeError):
        compile_encoder(schema, b"", from_dict=True)


def test_many_and_long_texts_of_a_field_with_few_values_are_written_too() -> None:
    parsed = fastavro.parse_schema(
        {
            "type": "record",
            "name": "Sent",
            "fields": [
                {"name": "rules", "type": "string"},
                {"name": "channel", "type": ["null", "string"]},
            ],
        }
    )
    encode = compile_encoder(parsed, b"", from_dict=True)
    texts = [None, *map(str, range(5_000)), "ä" * 65, "0", None]
    for text in texts:
        datum = {"rules": text or "", "channel": text}
        out = BytesIO()
        fastavro.schemaless_writer(out, parsed, datum)
        assert encode(datum) == out.getvalue()
