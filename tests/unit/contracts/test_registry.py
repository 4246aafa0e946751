"""The schema files: what they must agree with, and how they may change."""

import json
from io import BytesIO
from itertools import pairwise
from types import NoneType
from typing import Any, get_args, get_type_hints

import fastavro
import fastavro.utils
import msgspec
import pytest
from property.records import KINDS, schema_name

from reftrail.contracts.events import Event
from reftrail.contracts.record import Record
from reftrail.contracts.registry import WriterSchema, latest, schemas

VERSIONS = [
    [schema for schema in schemas().values() if schema.record == record]
    for record in sorted({schema.record for schema in schemas().values()})
]


def _fields(schema: WriterSchema) -> dict[str, Any]:
    parsed: Any = schema.parsed
    return {field["name"]: field for field in parsed["fields"]}


def reads(writer: Any, reader: Any) -> None:
    """Have one schema read what another wrote. Raises what fastavro raises if it can't."""
    for datum in fastavro.utils.generate_many(writer, 20):
        read(datum, writer, reader)


def read(datum: Any, writer: Any, reader: Any) -> Any:
    """A datum that one schema wrote, as the other reads it."""
    out = BytesIO()
    fastavro.schemaless_writer(out, writer, datum)
    out.seek(0)
    return fastavro.schemaless_reader(out, writer, reader)


def _kinds(schema: WriterSchema) -> list[str]:
    """The kinds of events that a version of Event knows."""
    kinds: list[str] = _fields(schema)["type"]["type"]["symbols"]
    return kinds


@pytest.mark.parametrize(
    "versions",
    [versions for versions in VERSIONS if versions[0].record != "Event"],
    ids=lambda versions: versions[0].record,
)
def test_every_version_reads_every_other(versions: list[WriterSchema]) -> None:
    """Backward, for records written before; forward, for hosts that are not yet updated."""
    for writer in versions:
        for reader in versions:
            reads(writer.parsed, reader.parsed)


def test_versions_of_event_read_the_kinds_that_they_know_and_refuse_others() -> None:
    """A kind that an older version doesn't know must not be read as another one."""
    (events,) = (versions for versions in VERSIONS if versions[0].record == "Event")
    for writer in events:
        for reader in events:
            (datum,) = fastavro.utils.generate_many(writer.parsed, 1)
            for kind in _kinds(writer):
                event = datum | {"type": kind}
                if kind in _kinds(reader):
                    assert read(event, writer.parsed, reader.parsed)["type"] == kind
                else:
                    assert writer.schema_id > reader.schema_id
                    with pytest.raises(fastavro.read.SchemaResolutionError):
                        read(event, writer.parsed, reader.parsed)


def test_the_compatibility_check_can_fail() -> None:
    def schema(*fields: dict[str, Any]) -> Any:
        return fastavro.parse_schema({"type": "record", "name": "R", "fields": list(fields)})

    plain = {"name": "a", "type": "string"}
    required = {"name": "b", "type": "string"}
    nullable = {"name": "b", "type": ["null", "string"], "default": None}
    reads(schema(plain), schema(plain, nullable))
    reads(schema(plain, nullable), schema(plain))
    with pytest.raises(fastavro.read.SchemaResolutionError):
        reads(schema(plain), schema(plain, required))
    with pytest.raises(fastavro.read.SchemaResolutionError):
        reads(schema(plain), schema({"name": "a", "type": "long"}))


def test_versions_count_up_from_one_and_ids_are_never_reused() -> None:
    for versions in VERSIONS:
        ordered = sorted(versions, key=lambda schema: schema.schema_id)
        assert ordered[0].version == 1
        for older, newer in pairwise(ordered):
            assert newer.version == older.version + 1
    assert [schema.schema_id for schema in schemas().values()] == list(schemas())


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_struct_has_the_fields_of_its_schema(kind: type[Record]) -> None:
    fields = _fields(latest(schema_name(kind)))
    in_schema = [name for name in fields if name != "type" or not issubclass(kind, Event)]
    assert in_schema == [field.name for field in msgspec.structs.fields(kind)]
    if issubclass(kind, Event):
        assert kind.__struct_config__.tag in fields["type"]["type"]["symbols"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_what_may_be_none_is_nullable_and_defaults_to_null(kind: type[Record]) -> None:
    hints = get_type_hints(kind)
    for name, field in _fields(latest(schema_name(kind))).items():
        is_nullable = isinstance(field["type"], list)
        if is_nullable:
            assert field["type"][0] == "null"
            assert field["default"] is None
        if name in hints and NoneType in get_args(hints[name]):
            assert is_nullable, f"{kind.__name__}.{name}"
        elif name in hints and not issubclass(kind, Event):
            assert not is_nullable, f"{kind.__name__}.{name}"


def test_the_published_text_differs_in_logical_types_only() -> None:
    for schema in schemas().values():
        plain = fastavro.parse_schema(json.loads(schema.text))
        as_published = json.dumps(plain, sort_keys=True)
        assert "timestamp-millis" in as_published
        assert "timestamp-millis" not in json.dumps(schema.parsed, sort_keys=True)


def test_latest_says_which_record_has_no_schema() -> None:
    with pytest.raises(KeyError, match="Nobody"):
        latest("Nobody")
