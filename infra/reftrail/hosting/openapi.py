"""OpenAPI 3.1 description of a host, made of the table of its routes."""

import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any, Final

import msgspec
from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.responses import Response

from reftrail.hosting.routes import TEXT, Endpoint, Parameter

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


def with_description(
    title: str,
    endpoints: Sequence[Endpoint],
    *,
    is_open: bool = False,
    errors: Mapping[int, str] | None = None,
) -> list[Endpoint]:
    """A host's table, and GET /v1/openapi.json, which describes all of it.

    errors are those of the description itself.
    """

    async def description(_: Request) -> Response:
        return Response(body, media_type="application/json")

    own = Endpoint(
        "GET",
        "/v1/openapi.json",
        description,
        "This description.",
        errors=errors or {},
        is_open=is_open,
    )
    every = [*endpoints, own]
    body = msgspec.json.encode(document(title, every))
    return every


def document(title: str, endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The description of a host that serves these, each under a key unless it is open."""
    schemas = _schemas(endpoints)
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.template, {})[endpoint.method.lower()] = {
            "summary": endpoint.summary,
            "parameters": [
                *_in_path(endpoint.template),
                *_in_query(endpoint, schemas),
                *map(_parameter, endpoint.parameters),
            ],
            **_body(endpoint),
            "responses": _responses(endpoint),
            **({"security": []} if endpoint.is_open else {}),
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


def _schemas(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """All models by their names."""
    models = [
        model for endpoint in endpoints for model in (*endpoint.bodies, endpoint.query) if model
    ]
    _, schemas = models_json_schema(
        [(model, "validation") for model in dict.fromkeys(models)], ref_template=_REFERENCE
    )
    found: dict[str, Any] = schemas.get("$defs", {})
    return found


def _body(endpoint: Endpoint) -> dict[str, Any]:
    if not endpoint.bodies:
        return {}
    references = [_reference(model.__name__) for model in endpoint.bodies]
    schema = references[0] if len(references) == 1 else {"oneOf": references}
    return {"requestBody": {"content": {"application/json": {"schema": schema}}}}


def _responses(endpoint: Endpoint) -> dict[str, Any]:
    content = {} if endpoint.answer is None else {"schema": dict(endpoint.answer)}
    done = {"description": "Done.", "content": dict.fromkeys(endpoint.answers, content)}
    errors = {str(status): _error(text) for status, text in endpoint.errors.items()}
    return {str(endpoint.status): done, **errors}


def _in_query(endpoint: Endpoint, schemas: Mapping[str, Any]) -> list[dict[str, Any]]:
    if endpoint.query is None:
        return []
    fields = schemas[endpoint.query.__name__]["properties"]
    return [{"name": name, "in": "query", "schema": schema} for name, schema in fields.items()]


def _in_path(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": TEXT}
        for name in re.findall(r"{(\w+)}", path)
    ]


def _parameter(given: Parameter) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": given.name,
        "in": given.where,
        "schema": dict(given.schema),
    }
    if given.meaning is not None:
        described["description"] = given.meaning
    if given.is_required:
        described["required"] = True
    return described


def _reference(name: str) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(model=name)}


def _error(text: str) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": _reference("Error")}}}
