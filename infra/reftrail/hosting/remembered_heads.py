"""Heads of requests that were parsed before: the same bytes again are not parsed again.

A client sends nearly the same head with each request. Where the head of a request that is here as a
whole was met before, the request needs no parser: its body is what follows.
"""

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from starlette.datastructures import Headers
from starlette.responses import Response

Respond: TypeAlias = Callable[[Response], None]
"""Answers a request: to be called once, by the event loop."""
Begin: TypeAlias = Callable[[bytes, Respond], bool]
"""Begins to answer a request with a body. Whether it has; if not, the request goes its usual way.

It doesn't answer before it returns.
"""
AtOnce: TypeAlias = Callable[[Headers], Begin | None]
"""The beginning of requests with these headers; None of those that go the usual way.

They are asked about again with each such request: nothing is remembered of them.
"""

_MOST: Final = 1024
_LONGEST: Final = 2048
_END: Final = b"\r\n\r\n"


class Head(NamedTuple):
    """A head, by what it says: the length of the body, and whether the connection is kept."""

    begin: Begin
    length: int
    keeps_alive: bool


class RememberedHeads:
    """The heads met last, by their bytes. They are kept in memory alone, with the keys in them.

    Only heads with a beginning have a place: heads without one, which anybody can send, would
    replace those of others.
    """

    def __init__(self) -> None:
        self._heads: dict[bytes, Head] = {}

    def find(self, request: bytes) -> tuple[Head, bytes] | None:
        """The head of a whole request, and its body; None of one that isn't remembered."""
        end = request.find(_END) + len(_END)
        head = self._heads.get(request[:end])
        if head is None or len(request) - end != head.length:
            return None
        return head, request[end:]

    def remember(
        self, request: bytes, headers: Headers, at_once: AtOnce, *, keeps_alive: bool
    ) -> None:
        """Remember the head of a whole request that was parsed, if such requests have a beginning.

        Unless its body isn't as long as it says.
        """
        end = request.find(_END) + len(_END)
        text, lengths = request[:end], headers.getlist("content-length")
        if end > _LONGEST or text in self._heads or "transfer-encoding" in headers:
            return
        if lengths != [str(len(request) - end)]:
            return
        begin = at_once(headers)
        if begin is None:
            return
        self._heads[text] = Head(begin, len(request) - end, keeps_alive)
        if len(self._heads) > _MOST:
            del self._heads[next(iter(self._heads))]
