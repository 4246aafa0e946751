"""Compiled encoders write what fastavro writes."""

from io import BytesIO
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reftrail.contracts.encoder import compile_encoder, encode_long
from reftrail.contracts.registry import WriterSchema, schemas

LONGS = st.integers(-(2**63), 2**63 - 1) | st.integers(1_000_000_000_000, 2_500_000_000_000)
PRIMITIVES: dict[str, st.SearchStrategy[Any]] = {
    "string": st.text(max_size=8) | st.sampled_from(["ä" * 511, "x" * 1023, "x" * 1024]),
    "bytes": st.binary(max_size=8),
    "int": st.integers(-(2**31), 2**31 - 1),
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
