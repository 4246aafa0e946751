"""Answers in JSON."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import msgspec
from starlette.responses import Response

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
