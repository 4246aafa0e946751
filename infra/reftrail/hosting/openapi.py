"""What a host's routes take and answer, in OpenAPI 3.1."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, Final, Literal, TypeAlias

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

JsonSchema: TypeAlias = Mapping[str, Any]

TEXT: Final[JsonSchema] = {"type": "string"}
_REFERENCE: Final = "#/components/schemas/{model}"
_ERROR: Final = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {"type": "string", "description": "What to do."},
        "pointer": {"type": "string", "description": "The field, as a JSON pointer (RFC 6901)."},
        "suggestion": {"type": "string", "description": "A code that might do instead."},
    },
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """Something that a request may say beside its path and its body."""

    name: str
    where: Literal["query", "header"] = "query"
    meaning: str | None = None
    schema: JsonSchema = field(default_factory=lambda: TEXT)
    is_required: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """One route under one method, as it is told to those who call it.

    bodies are the models of which the request's body must be one; query has a field for each
    parameter of the query, beside parameters. status, answers (media types) and answer are of what
    it says when all is well, errors by status of what it says else. is_open: it asks for no key.
    """

    method: str
    path: str
    summary: str
    bodies: tuple[type[BaseModel], ...] = ()
    query: type[BaseModel] | None = None
    parameters: tuple[Parameter, ...] = ()
    errors: Mapping[int, str] = field(default_factory=dict)
    status: int = 200
    answers: tuple[str, ...] = ("application/json",)
    answer: JsonSchema | None = None
    is_open: bool = False


def document(title: str, operations: Sequence[Operation]) -> dict[str, Any]:
    """The description of a host that serves these, each under a key unless it is open."""
    schemas = _schemas(operations)
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        paths.setdefault(one.path, {})[one.method.lower()] = {
            "summary": one.summary,
            "parameters": [
                *_in_path(one.path),
                *_in_query(one, schemas),
                *map(_parameter, one.parameters),
            ],
            **_body(one),
            "responses": _responses(one),
            **({"security": []} if one.is_open else {}),
        }
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version("reftrail")},
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": {**schemas, "Error": _ERROR},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _schemas(operations: Sequence[Operation]) -> dict[str, Any]:
    """All models by their names."""
    models = [model for one in operations for model in (*one.bodies, one.query) if model]
    _, schemas = models_json_schema(
        [(model, "validation") for model in dict.fromkeys(models)], ref_template=_REFERENCE
    )
    found: dict[str, Any] = schemas.get("$defs", {})
    return found


def _body(operation: Operation) -> dict[str, Any]:
    if not operation.bodies:
        return {}
    references = [_reference(model.__name__) for model in operation.bodies]
    schema = references[0] if len(references) == 1 else {"oneOf": references}
    return {"requestBody": {"content": {"application/json": {"schema": schema}}}}


def _responses(operation: Operation) -> dict[str, Any]:
    content = {} if operation.answer is None else {"schema": dict(operation.answer)}
    done = {"description": "Done.", "content": dict.fromkeys(operation.answers, content)}
    errors = {str(status): _error(text) for status, text in operation.errors.items()}
    return {str(operation.status): done, **errors}


def _in_query(operation: Operation, schemas: Mapping[str, Any]) -> list[dict[str, Any]]:
    if operation.query is None:
        return []
    fields = schemas[operation.query.__name__]["properties"]
    return [{"name": name, "in": "query", "schema": schema} for name, schema in fields.items()]


def _in_path(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": TEXT}
        for name in re.findall(r"{(\w+)}", path)
    ]


def _parameter(one: Parameter) -> dict[str, Any]:
    told: dict[str, Any] = {"name": one.name, "in": one.where, "schema": dict(one.schema)}
    if one.meaning is not None:
        told["description"] = one.meaning
    if one.is_required:
        told["required"] = True
    return told


def _reference(name: str) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(model=name)}


def _error(text: str) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": _reference("Error")}}}
