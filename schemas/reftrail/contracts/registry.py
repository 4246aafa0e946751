"""Every schema ever written to a topic: one file per record and version, its number the wire id.

`avro/007.claimed.v1.avsc` is version 1 of the record Claimed and has schema id 7 in the Confluent
framing. A file is never edited once released: a change is a new file with a new id.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import fastavro
from fastavro.types import Schema


@dataclass(frozen=True, slots=True, eq=False)
class WriterSchema:
    """One version of one record's schema.

    text is the file as published (with logical types, for other tools). parsed is the same
    without logical types: equal bytes, but times stay integers.
    """

    schema_id: int
    record: str
    version: int
    text: str
    parsed: Schema


@cache
def schemas() -> Mapping[int, WriterSchema]:
    """All schemas by wire id. Raises ValueError where two files have one id."""
    found = [
        _read(entry.name, entry.read_text("utf-8"))
        for entry in files("reftrail.contracts").joinpath("avro").iterdir()
        if entry.name.endswith(".avsc")
    ]
    by_id = {schema.schema_id: schema for schema in found}
    if len(by_id) < len(found):
        doubled = sorted(
            {schema.schema_id for schema in found if by_id[schema.schema_id] is not schema}
        )
        raise ValueError(f"two schema files under contracts/avro have the id {doubled}")
    return by_id


@cache
def latest(record: str) -> WriterSchema:
    """The newest version of a record's schema, by the record's name; KeyError if there is none."""
    versions = [schema for schema in schemas().values() if schema.record == record]
    if not versions:
        raise KeyError(f"no schema file for record {record!r} under contracts/avro")
    return max(versions, key=lambda schema: schema.version)


def _read(name: str, text: str) -> WriterSchema:
    schema_id, _, version, _ = name.split(".")
    plain = _without_logical_types(json.loads(text))
    return WriterSchema(
        schema_id=int(schema_id),
        record=plain["name"],
        version=int(version.removeprefix("v")),
        text=text,
        parsed=fastavro.parse_schema(plain),
    )


def _without_logical_types(schema: Any) -> Any:
    match schema:
        case dict():
            return {
                key: _without_logical_types(value)
                for key, value in schema.items()
                if key != "logicalType"
            }
        case list():
            return [_without_logical_types(branch) for branch in schema]
        case _:
            return schema
