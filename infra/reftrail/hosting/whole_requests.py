"""Requests that are here as a whole, head and body, and their headers, found by name."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, Self, TypeAlias

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]


class WholeRequest(Request):
    """A request whose body is here."""

    def __init__(self, scope: dict[str, Any], fields: dict[bytes, bytes], body: bytes) -> None:
        super().__init__(scope)
        self.found_headers = _FoundHeaders(fields, scope["headers"])
        self.whole_body = body

    @property
    def headers(self) -> Headers:
        """The headers, found by name."""
        return self.found_headers


class _Names(dict[str, bytes]):
    """Names of headers as they are on the wire, by those that handlers ask for."""

    def __missing__(self, name: str) -> bytes:
        self[name] = name.lower().encode("latin-1")
        return self[name]


_FIELDS: Final = _Names()


class _FoundHeaders(Headers):
    """Headers of which the first of a name is found at once."""

    def __init__(self, fields: dict[bytes, bytes], raw: list[tuple[bytes, bytes]]) -> None:
        super().__init__(raw=raw)
        self._fields = fields

    def get(self, key: str, default: Any = None) -> Any:
        """The first value of a header."""
        found = self._fields.get(_FIELDS[key])
        return default if found is None else found.decode("latin-1")


class _NoEvent:
    """Event that nobody waits for."""

    def set(self) -> None:
        """Wake nobody."""


_NO_EVENT: Final = _NoEvent()


class WholeCycle:
    """Request on its short way, in the place of uvicorn's `RequestResponseCycle`."""

    message_event = _NO_EVENT
    handler: Handler
    scope: dict[str, Any]
    fields: dict[bytes, bytes]

    def __init__(self, handler: Handler, scope: dict[str, Any], fields: dict[bytes, bytes]) -> None:
        self.handler = handler
        self.scope = scope
        self.fields = fields
        self.body = b""
        self.more_body = True
        self.response_complete = False
        self.disconnected = False
        self.keep_alive = True

    @classmethod
    def begun(cls, *, keep_alive: bool) -> Self:
        """One that is answered already, by what began it at once."""
        cycle = cls.__new__(cls)
        cycle.more_body = cycle.response_complete = cycle.disconnected = False
        cycle.keep_alive = keep_alive
        return cycle
