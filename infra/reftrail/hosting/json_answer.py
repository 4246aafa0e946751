"""Answers in JSON."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, Final

import msgspec
from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

_MOST_PREPARED: Final = 1024


def json_answer(body: Any, status: int = 200) -> Response:
    """A body of plain values, records or dataclasses as JSON."""
    return Response(msgspec.json.encode(body), status, media_type="application/json")


class _Prepared(Response):
    """An answer whose head was made before; `Response` takes several times as long to make it."""

    def __init__(self, like: Response) -> None:
        self.status_code = like.status_code
        self.background = None
        self.body = like.body
        self.raw_headers = list(like.raw_headers)  # each answer may get more of its own


def prepared(body: Callable[[int], Any], status: int = 200) -> Callable[[int], Response]:
    """Answers as `json_answer` gives them, made once for each number that they are about."""

    @lru_cache(maxsize=_MOST_PREPARED)
    def made(number: int) -> Response:
        return json_answer(body(number), status)

    return lambda number: _Prepared(made(number))


def wire_form(status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> bytes:
    """An answer as HTTP/1.1 has it."""
    fields = [b"%b: %b\r\n" % field for field in headers]
    return b"".join((STATUS_LINE[status], *fields, b"\r\n", body))


class FixedAnswer(Response):
    """An answer to which nobody adds: it is joined once for all requests of a second."""

    def __init__(self, like: Response) -> None:
        self.status_code = like.status_code
        self.background = None
        self.body = like.body
        self.raw_headers = like.raw_headers
        self._beside: list[tuple[bytes, bytes]] | None = None
        self._joined = b""

    def joined(self, beside: list[tuple[bytes, bytes]]) -> bytes:
        """All of it, with headers beside its own."""
        if beside != self._beside:
            self._beside = list(beside)
            headers = (*beside, *self.raw_headers)
            self._joined = wire_form(self.status_code, headers, bytes(self.body))
        return self._joined
