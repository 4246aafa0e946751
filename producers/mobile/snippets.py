"""Kotlin and Swift for apps, made of the collector's table of routes.

`snippets.py` writes `Reftrail.kt` and `Reftrail.swift`; `--check` ends with an error where they
aren't what the table gives. Names of fields, values and paths come from the OpenAPI description;
what is sent when is in the templates beside this file.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any, Final

from reftrail.collector.main import compose
from reftrail.collector.routes import endpoints
from reftrail.collector.settings import CollectorSettings
from reftrail.edge.api_keys import PUBLISHABLE_TYPES
from reftrail.hosting.openapi import document

HERE: Final = Path(__file__).parent
EVENTS: Final = "/v1/events"
MATCH: Final = "/v1/match"
_NO_SETTINGS: Final = {"bootstrap_servers": "nowhere:1", "hash_key": "k1:" + "01" * 32}
_LINE: Final = 100


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a JSON object. kind is the name of an enum, or of a JSON type."""

    name: str
    kind: str
    required: bool

    @property
    def camel(self) -> str:
        """The name as Kotlin and Swift write it."""
        first, *others = self.name.split("_")
        return first + "".join(word.title() for word in others)


@dataclass(frozen=True, slots=True)
class Language:
    """The ways of a language to write enums and objects."""

    target: str
    types: Mapping[str, str]

    def enum(self, name: str, values: list[str]) -> str:
        """An enum of JSON strings."""
        if self.target == "Reftrail.kt":
            cases = ", ".join(f'{value.upper()}("{value}")' for value in values)
            return f"enum class {name}(val value: String) {{ {cases} }}"
        cases = ", ".join(f'{_swift_case(value)} = "{value}"' for value in values)
        return f"public enum {name}: String, Codable, Sendable {{ case {cases} }}"

    def parameters(self, fields: list[Field]) -> Iterator[tuple[Field, str, str]]:
        """Each field with its type, and its default in the language."""
        for field in fields:
            kind = self.types.get(field.kind, field.kind)
            none = " = null" if self.target == "Reftrail.kt" else " = nil"
            yield field, kind if field.required else f"{kind}?", "" if field.required else none


KOTLIN: Final = Language("Reftrail.kt", {"string": "String", "object": "JSONObject"})
SWIFT: Final = Language("Reftrail.swift", {"string": "String", "object": "[String: String]"})
_NOT_FOR_APPS: Final = frozenset({"properties", "ip"})
"""The address is the connection's under a publishable key; properties are any JSON."""


def described() -> dict[str, Any]:
    """The collector's OpenAPI description, of the code that is here."""
    settings = CollectorSettings.model_validate(_NO_SETTINGS)
    return document("reftrail: collector", endpoints(compose(settings).collector))


def event_fields(openapi: Mapping[str, Any]) -> list[Field]:
    """The fields of events that a publishable key sends, those that each needs first."""
    schema = openapi["components"]["schemas"]["Click"]
    names = [name for name in schema["properties"] if name not in _NOT_FOR_APPS]
    needed = {"type", "visitor_id", "event_id", "event_time"}
    order = sorted(names, key=lambda name: (name not in needed, name != "type"))
    money = re.compile(r"amount|tax|shipping|currency|refund|dispute|order|merged|net_")
    kinds = {"type": "EventType", "source": "Source"}
    return [
        Field(name, kinds.get(name, "string"), name in needed)
        for name in order
        if not money.search(name)
    ]


def match_fields(openapi: Mapping[str, Any]) -> list[Field]:
    """The fields of the body of POST /v1/match."""
    schema = openapi["components"]["schemas"]["Match"]
    kinds = {"os": "Os", "device": "Device"}
    required = set(schema["required"])
    return [
        Field(name, kinds.get(name, "string"), name in required) for name in schema["properties"]
    ]


def answer_fields(openapi: Mapping[str, Any]) -> list[Field]:
    """The fields of the answer of POST /v1/match."""
    schema = _answer(openapi)
    kinds = {"match": "MatchKind", "by": "MatchedBy"}
    return [
        Field(name, kinds.get(name, "string"), name in schema["required"])
        for name in schema["properties"]
    ]


def enums(openapi: Mapping[str, Any]) -> dict[str, list[str]]:
    """Each enum's values."""
    schemas, answer = openapi["components"]["schemas"], _answer(openapi)["properties"]
    types = {
        schema["properties"]["type"]["const"]
        for schema in schemas.values()
        if "const" in schema.get("properties", {}).get("type", {})
    }
    assert types >= PUBLISHABLE_TYPES, "a page may send what the description doesn't have"
    return {
        "EventType": sorted(PUBLISHABLE_TYPES),
        "Source": _values(schemas["Click"]["properties"]["source"]),
        "Os": _values(schemas["Match"]["properties"]["os"]),
        "Device": _values(schemas["Match"]["properties"]["device"]),
        "MatchKind": list(answer["match"]["enum"]),
        "MatchedBy": list(answer["by"]["enum"]),
    }


def render(language: Language, openapi: Mapping[str, Any]) -> str:
    """A language's file."""
    assert EVENTS in openapi["paths"], EVENTS
    template = Template((HERE / f"{language.target}.template").read_text())
    return template.substitute(
        enums="\n".join(language.enum(name, values) for name, values in enums(openapi).items()),
        event=_object(language, "Event", event_fields(openapi)),
        question=_object(language, "MatchQuestion", match_fields(openapi)),
        answer=_object(language, "MatchAnswer", answer_fields(openapi)),
        events_path=EVENTS,
        match_path=MATCH,
    )


def _answer(openapi: Mapping[str, Any]) -> Mapping[str, Any]:
    responses = openapi["paths"][MATCH]["post"]["responses"]
    schema: Mapping[str, Any] = responses["200"]["content"]["application/json"]["schema"]
    return schema


def _values(schema: Mapping[str, Any]) -> list[str]:
    options = schema.get("anyOf", [schema])
    return [value for option in options for value in option.get("enum", [])]


def _object(language: Language, name: str, fields: list[Field]) -> str:
    lines = _kotlin if language is KOTLIN else _swift
    return "\n".join(lines(name, fields, language))


def _kotlin(name: str, fields: list[Field], language: Language) -> Iterator[str]:
    yield f"data class {name}("
    for field, kind, default in language.parameters(fields):
        yield f"    val {field.camel}: {kind}{default},"
    yield ") {"
    yield "    fun toJson(): JSONObject = JSONObject()"
    for field in fields:
        is_enum = field.kind not in language.types
        value = field.camel + (("." if field.required else "?.") + "value" if is_enum else "")
        yield f'        .putOpt("{field.name}", {value})'
    yield ""
    yield "    companion object {"
    yield f"        fun fromJson(json: JSONObject) = {name}("
    for field in fields:
        yield f"            {field.camel} = {_read_kotlin(field, language)},"
    yield "        )"
    yield "    }"
    yield "}"


def _read_kotlin(field: Field, language: Language) -> str:
    if field.kind in language.types:
        read = f'json.getString("{field.name}")'
    else:
        read = f'{field.kind}.values().first {{ it.value == json.getString("{field.name}") }}'
    return read if field.required else f'if (json.isNull("{field.name}")) null else {read}'


def _swift(name: str, fields: list[Field], language: Language) -> Iterator[str]:
    yield f"public struct {name}: Codable, Sendable {{"
    for field, kind, _ in language.parameters(fields):
        yield f"    public var {field.camel}: {kind}"
    yield ""
    yield "    public init("
    parameters = [
        f"        {field.camel}: {kind}{default}"
        for field, kind, default in language.parameters(fields)
    ]
    yield ",\n".join(parameters)
    yield "    ) {"
    for field in fields:
        yield f"        self.{field.camel} = {field.camel}"
    yield "    }"
    yield ""
    yield "    enum CodingKeys: String, CodingKey {"
    for field in fields:
        yield f'        case {field.camel} = "{field.name}"'
    yield "    }"
    yield "}"


def _swift_case(value: str) -> str:
    first, *others = value.split("_")
    return first + "".join(word.title() for word in others)


def main() -> None:
    """Write the files, or check that they are as they would be written."""
    openapi = described()
    for language in (KOTLIN, SWIFT):
        target, made = HERE / language.target, render(language, openapi)
        if "--check" not in sys.argv:
            target.write_text(made)
        elif not target.is_file() or target.read_text() != made:
            sys.exit(
                f"producers/mobile/{language.target} isn't what the collector's routes give: "
                f"python producers/mobile/snippets.py"
            )


if __name__ == "__main__":
    main()
