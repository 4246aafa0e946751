"""Table of a host's routes: the application and its OpenAPI description are both made of it."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]
JsonSchema: TypeAlias = Mapping[str, Any]

TEXT: Final[JsonSchema] = {"type": "string"}
_JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A field of a request's query or headers."""

    name: str
    where: Literal["query", "header"] = "query"
    meaning: str | None = None
    schema: JsonSchema = field(default_factory=lambda: TEXT)
    is_required: bool = False


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A route under one method, with its handler and its description.

    path is as Starlette writes it. bodies are the models of which the request's body must be one;
    query has a field for each parameter of the query, beside parameters. status, answers (media
    types) and answer (JSON schema) describe success, errors describes failures by status. is_open:
    no key is asked for.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    bodies: tuple[type[BaseModel], ...] = ()
    query: type[BaseModel] | None = None
    parameters: tuple[Parameter, ...] = ()
    errors: Mapping[int, str] = field(default_factory=dict)
    status: int = 200
    answers: tuple[str, ...] = (_JSON,)
    answer: JsonSchema | None = None
    is_open: bool = False

    @property
    def template(self) -> str:
        """The path with its parameters' names alone, as OpenAPI writes it."""
        return re.sub(r"{(\w+):\w+}", r"{\1}", self.path)


def routes(
    endpoints: Sequence[Endpoint],
    wrapped: Callable[[Endpoint], Handler] = lambda endpoint: endpoint.handler,
) -> list[Route]:
    """Starlette's routes in the order of the table, each with its handler as it is wrapped."""
    return [Route(one.path, wrapped(one), methods=[one.method]) for one in endpoints]
