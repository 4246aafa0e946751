"""Private port of a host, for its readiness and metrics."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias

from reftrail.hosting.problems import problem
from reftrail.hosting.serving import serve

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Scope]]
Send: TypeAlias = Callable[[Scope], Awaitable[None]]

_PRIVATE: Final = frozenset({"/metrics", "/readyz"})
_ON_BOTH: Final = frozenset({"/healthz"})


class PublicPart:
    """An ASGI application without what is private. Its short ways, to other routes, stay."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.whole = getattr(app, "whole", {})
        self.at_once = getattr(app, "at_once", {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        app = _not_found if scope.get("path") in _PRIVATE else self._app
        await app(scope, receive, send)


class PrivatePart:
    """An ASGI application with nothing but readiness, health and metrics."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        is_here = scope["type"] != "http" or scope["path"] in _PRIVATE | _ON_BOTH
        await (self._app if is_here else _not_found)(scope, receive, send)


@asynccontextmanager
async def private_port(app: Any, host: str, port: int | None, setting: str) -> AsyncIterator[Any]:
    """Serve the private part of an application on a port of its own; gives the public part.

    Without a port the whole application is public. Raises `ExpectedError` if the port, set by
    `setting`, is taken.
    """
    if port is None:
        yield app
        return
    serving = asyncio.create_task(serve(PrivatePart(app), host, port, setting), name="private port")
    await asyncio.sleep(0)
    if serving.done():
        serving.result()
    try:
        yield PublicPart(app)
    finally:
        serving.cancel()
        await asyncio.wait((serving,))
        if not serving.cancelled():
            serving.result()


async def _not_found(scope: Scope, receive: Receive, send: Send) -> None:
    await problem(404, "this is answered at the other port")(scope, receive, send)
