"""The description of the routes for codes in OpenAPI 3.1, from the table and the models."""

import re
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from reftrail.collector.codes_api.routes import Endpoint

_REFERENCE: Final = "#/components/schemas/{model}"
_ERRORS: Final = {
    400: "The body is not JSON.",
    401: "No known key.",
    403: "A publishable key where a secret one is needed.",
    404: "No such code or format.",
    409: "What there is speaks against it: the status, a limit, another's code.",
    422: "A field can't be so; pointer says which.",
    429: "Too many requests; Retry-After says when to ask again.",
    503: "The store of codes doesn't answer, or none is configured.",
}
_HEADERS: Final = {
    "Idempotency-Key": "The same request under the same key is done once, for seven days.",
    "X-Actor": "Who acts, for the audit log; the key's short hash stands there anyway.",
}


def description(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The document."""
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    models = [model for endpoint in endpoints for model in endpoint.bodies]
    _, schemas = models_json_schema(
        [(model, "validation") for model in dict.fromkeys(models)], ref_template=_REFERENCE
    )
    return {
        "openapi": "3.1.0",
        "info": {"title": "reftrail: codes", "version": version("reftrail")},
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": {**schemas["$defs"], "Error": _ERROR},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


_ERROR: Final = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {"type": "string", "description": "What to do."},
        "pointer": {"type": "string", "description": "The field, as a JSON pointer (RFC 6901)."},
        "suggestion": {"type": "string", "description": "A code that might do instead."},
    },
}


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": endpoint.summary,
        "parameters": [*_in_path(endpoint), *_in_query(endpoint), *_in_headers(endpoint)],
        "responses": {
            str(endpoint.status): {"description": "Done.", "content": {endpoint.answers: {}}},
            **{str(status): _error(text) for status, text in _ERRORS.items()},
        },
    }
    if endpoint.bodies:
        references = [_reference(model) for model in endpoint.bodies]
        schema = references[0] if len(references) == 1 else {"oneOf": references}
        operation["requestBody"] = {"content": {"application/json": {"schema": schema}}}
    return operation


def _in_path(endpoint: Endpoint) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", endpoint.path)
    ]


def _in_query(endpoint: Endpoint) -> list[dict[str, Any]]:
    if endpoint.is_act:
        text = "Wait up to 5 s for Kafka; `published` says whether it has the change."
        schema = {"type": "boolean", "default": False}
        return [{"name": "wait", "in": "query", "description": text, "schema": schema}]
    if endpoint.query is None:
        return []
    fields = endpoint.query.model_json_schema()["properties"]
    return [{"name": name, "in": "query", "schema": schema} for name, schema in fields.items()]


def _in_headers(endpoint: Endpoint) -> list[dict[str, Any]]:
    if not endpoint.is_act:
        return []
    return [
        {"name": name, "in": "header", "description": text, "schema": {"type": "string"}}
        for name, text in _HEADERS.items()
    ]


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(model=model.__name__)}


def _error(text: str) -> dict[str, Any]:
    schema = {"$ref": _REFERENCE.format(model="Error")}
    return {"description": text, "content": {"application/json": {"schema": schema}}}
