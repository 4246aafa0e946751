"""Kotlin and Swift for apps: what the routes give, and what the collector takes."""

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

from reftrail.collector.match import Match
from reftrail.collector.submission import AnySubmission, validate_all
from reftrail.edge.api_keys import PUBLISHABLE_TYPES

MOBILE = Path(__file__).parents[3] / "producers" / "mobile"


def _loaded() -> Any:
    spec = importlib.util.spec_from_file_location("snippets", MOBILE / "snippets.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


snippets = _loaded()
OPENAPI = snippets.described()
GUIDE = (MOBILE / "README.md").read_text()
EXAMPLES = {
    "event_id": "0190a6b0-5c4e-7d3a-9f51-0a1b2c3d4e5f",
    "event_time": "2026-03-01T12:00:00.123Z",
    "country": "DE",
    "email": "uma@mail.example",
}


@pytest.mark.parametrize("language", [snippets.KOTLIN, snippets.SWIFT], ids=lambda one: one.target)
def test_the_files_are_what_the_routes_give(language: Any) -> None:
    assert (MOBILE / language.target).read_text() == snippets.render(language, OPENAPI)


def example(fields: list[Any]) -> dict[str, str]:
    """An object with every field, each enum with its first value."""
    values = snippets.enums(OPENAPI)
    return {
        field.name: values[field.kind][0]
        if field.kind in values
        else EXAMPLES.get(field.name, "x-1")
        for field in fields
    }


@pytest.mark.parametrize("kind", sorted(PUBLISHABLE_TYPES))
def test_the_collector_takes_an_event_with_every_field(kind: str) -> None:
    event: list[AnySubmission] = validate_all(
        [example(snippets.event_fields(OPENAPI)) | {"type": kind}]
    )
    assert event[0].type == kind


def test_the_collector_takes_every_value_of_the_question() -> None:
    question = example(snippets.match_fields(OPENAPI))
    values = snippets.enums(OPENAPI)
    for field, name in (("os", "Os"), ("device", "Device")):
        assert len(values[name]) == 2
        for value in values[name]:
            Match.model_validate(question | {field: value})


@pytest.mark.parametrize("target", ["Reftrail.kt", "Reftrail.swift"])
def test_json_has_the_names_of_the_schema_and_no_others(target: str) -> None:
    text = (MOBILE / target).read_text()
    known = {
        field.name
        for fields in (snippets.event_fields, snippets.match_fields, snippets.answer_fields)
        for field in fields(OPENAPI)
    } | {"sent_at", "events"}
    if target.endswith(".kt"):
        named = set(re.findall(r'(?:putOpt|put|getString|isNull)\("(\w+)"', text))
    else:
        coded = "".join(
            re.findall(r"enum CodingKeys: String, CodingKey \{(.*?)\}", text, re.DOTALL)
        )
        named = {value or name for name, value in re.findall(r'case (\w+)(?: = "(\w+)")?', coded)}
    assert named == known
    assert set(re.findall(r'post\(\s*"([^"]+)"', text)) == {"/v1/events", "/v1/match"}
    assert {*re.findall(r'"/v1/[a-z]+"', text)} <= {f'"{path}"' for path in OPENAPI["paths"]}


def test_the_guide_calls_what_there_is() -> None:
    values = snippets.enums(OPENAPI)
    kotlin = re.findall(r"\b([A-Z]\w+)\.([A-Z][A-Z_]+)\b", GUIDE)
    used = {(name, value.lower()) for name, value in kotlin if name in values}
    assert len(used) >= 7
    assert not {(name, value) for name, value in used if value not in values[name]}
    swift = set(re.findall(r"(?<=[ (])\.([a-z]\w*)\b", GUIDE))
    assert swift <= {snippets._swift_case(value) for each in values.values() for value in each}
    fields = {field.camel for field in snippets.match_fields(OPENAPI)}
    for arguments in re.findall(r"MatchQuestion\((.*?)\)", GUIDE):
        assert set(re.findall(r"(\w+)(?: =|:) ", arguments)) <= fields
    routes = re.findall(r"`(/(?:\.well-known|v1)/[\w./-]+)`", GUIDE)
    assert set(routes) <= OPENAPI["paths"].keys()
