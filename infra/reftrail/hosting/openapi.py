"""OpenAPI 3.1 description of a host, made of the table of its routes."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from typing import Any, Final

import msgspec
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.responses import Response

from reftrail.hosting.problems import PROBLEM_JSON
from reftrail.hosting.routes import TEXT, Access, Endpoint, Parameter

_REFERENCE: Final = "#/components/schemas/{model}"
_ERROR: Final = {
    "type": "object",
    "description": "Problem details (RFC 9457).",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "description": "about:blank: title and status say it all."},
        "title": {"type": "string", "description": "The status in words."},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What to do."},
        "instance": {"type": "string", "description": "The id of a defect, as the log has it."},
        "pointer": {"type": "string", "description": "The field, as a JSON pointer (RFC 6901)."},
        "suggestion": {"type": "string", "description": "A code that might do instead."},
    },
}


def with_description(
    title: str,
    endpoints: Sequence[Endpoint],
    access: Access,
    *,
    errors: Mapping[int, str] | None = None,
) -> list[Endpoint]:
    """A host's table, and GET /v1/openapi.json, which describes all of it.

    errors are those of the description itself.
    """

    @cache
    def body() -> bytes:
        return msgspec.json.encode(document(title, every))

    async def description(_: Request) -> Response:
        return Response(body(), media_type="application/json")

    own = Endpoint(
        "GET",
        "/v1/openapi.json",
        description,
        "This description.",
        access,
        errors=errors or {},
    )
    every = [*endpoints, own]
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
            **_security(endpoint.access),
        }
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version("reftrail")},
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": {**schemas, "Error": _ERROR},
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer"},
                "publishable": {
                    "type": "apiKey",
                    "in": "query",
                    "name": "key",
                    "description": "A publishable key, where no header can be set.",
                },
            },
        },
    }


def _security(access: Access) -> dict[str, Any]:
    """The keys under which a route may be used; a key's scopes are named as OpenAPI 3.1 allows."""
    if access.is_open:
        return {"security": []}
    scoped: dict[str, Any] = {"security": [{"key": [scope.value for scope in access.scopes]}]}
    if access.publishable:
        scoped["security"].append({"publishable": []})
    return scoped


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
    described: dict[str, Any] = {"content": {"application/json": {"schema": schema}}}
    if all(map(_needs_fields, endpoint.bodies)):
        described["required"] = True  # an empty body is an empty object, if it is anything
    return {"requestBody": described}


def _needs_fields(model: type[BaseModel]) -> bool:
    return any(field.is_required() for field in model.model_fields.values())


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
    return {"description": text, "content": {PROBLEM_JSON: {"schema": _reference("Error")}}}
