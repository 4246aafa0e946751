"""Table of a host's routes: the application and its OpenAPI description are both made of it."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.convertors import PathConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from reftrail.contracts import api_keys
from reftrail.hosting.problems import http_problem, problem, unexpected
from reftrail.hosting.remembered_heads import AtOnce

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
class Access:
    """Keys under which a route may be used.

    scopes are those that a secret key must have, all of them. publishable: a publishable key may
    use it too; in_body: the body may have that key. in_basic: a key may be the user name of Basic
    authentication, which browsers repeat by themselves: for clients that have no other way.
    is_open: no key is asked for.
    """

    scopes: tuple[api_keys.Scope, ...] = ()
    publishable: bool = False
    in_body: bool = False
    in_basic: bool = False
    is_open: bool = False

    def __post_init__(self) -> None:
        if self.is_open == bool(self.scopes):
            raise ValueError("a route is open, or names the scopes that it needs")


OPEN: Final = Access(is_open=True)


def needs(*scopes: api_keys.Scope) -> Access:
    """Access under secret keys with all of these scopes."""
    return Access(scopes)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A route under one method, with its handler, who may use it, and its description.

    path is as Starlette writes it. bodies are the models of which the request's body must be one;
    query has a field for each parameter of the query, beside parameters. status, answers (media
    types) and answer (JSON schema) describe success, errors describes failures by status.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    access: Access
    bodies: tuple[type[BaseModel], ...] = ()
    query: type[BaseModel] | None = None
    parameters: tuple[Parameter, ...] = ()
    errors: Mapping[int, str] = field(default_factory=dict)
    status: int = 200
    answers: tuple[str, ...] = (_JSON,)
    answer: JsonSchema | None = None

    @property
    def template(self) -> str:
        """The path with its parameters' names alone, as OpenAPI writes it."""
        return re.sub(r"{(\w+):\w+}", r"{\1}", self.path)


class _AnyPath(PathConvertor):
    """The rest of a path, line breaks included: some users' ids have slashes, or worse."""

    regex = "(?s:.*)"


register_url_convertor("path", _AnyPath())


def routes(
    endpoints: Sequence[Endpoint],
    wrapped: Callable[[Endpoint], Handler] = lambda endpoint: endpoint.handler,
) -> list[Route]:
    """Starlette's routes in the order of the table, each with its handler as it is wrapped."""
    return [
        Route(
            endpoint.path,
            _with_text_in_path(endpoint, wrapped(endpoint)),
            methods=[endpoint.method],
        )
        for endpoint in endpoints
    ]


def served(
    made: Sequence[Route],
    middleware: Sequence[Middleware] = (),
) -> Starlette:
    """Starlette's application of routes: no path but theirs leads to them.

    Starlette would redirect a path with one slash too many to the host that the request names.
    """
    app = Starlette(
        routes=made,
        exception_handlers={HTTPException: http_problem, Exception: unexpected},
        middleware=middleware,
    )
    app.router.redirect_slashes = False
    return app


NOTHING_AT_ONCE: Final[Mapping[tuple[str, str], AtOnce]] = MappingProxyType({})


class Shortcut:
    """ASGI application that answers some routes without the layers around an application.

    handlers are by method and path, and answer whatever happens. Those layers would do nothing for
    their requests: one with an Origin header, or another route's, goes through them.
    """

    def __init__(
        self,
        app: ASGIApp,
        handlers: Mapping[tuple[str, str], Handler],
        at_once: Mapping[tuple[str, str], AtOnce] = NOTHING_AT_ONCE,
    ) -> None:
        self._app = app
        self._handlers = handlers
        self.whole = {
            (method.encode(), path.encode()): handler
            for (method, path), handler in handlers.items()
        }
        """The handlers, for requests that the server has as a whole: see `hosting.connection`."""
        self.at_once = {
            (method.encode(), path.encode()): begin for (method, path), begin in at_once.items()
        }
        """Ways to begin such requests at once, beside those handlers."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "http":
            handler = self._handlers.get((scope["method"], scope["path"]))
            if handler is not None and not any(name == b"origin" for name, _ in scope["headers"]):
                request = Request(scope, receive, send)
                response = await handler(request)
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _with_text_in_path(endpoint: Endpoint, handler: Handler) -> Handler:
    """The handler, for paths of UTF-8 alone: a server reads other bytes as U+FFFD."""
    if "{" not in endpoint.path:
        return handler

    async def answer(request: Request) -> Response:
        if "\ufffd" in request.scope["path"]:
            return problem(400, "the path is not UTF-8, percent-encoded")
        return await handler(request)

    return answer
