"""Requests and events that the collector refused, seen at its edge."""

from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import msgspec
from starlette.requests import Request

from reftrail.contracts.times import now, rfc3339
from reftrail.edge.encodings import ENCODINGS, TooLarge, unpacked
from reftrail.edge.requests import MAX_BYTES, encoding_of

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

MOST_KEPT: Final = 10_000
"""The refusals that are kept: the last ones."""
_NOT_SENT_BY_CLIENTS: Final = ("/micro", "/healthz", "/readyz", "/metrics", "/favicon.ico")
_BAD_REQUEST: Final = 400


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that was refused as a whole, or one event of it.

    status is the answer's; pointer leads to the field; item is the event, or the body if it is
    JSON.
    """

    at: str
    method: str
    path: str
    status: int
    reason: str
    pointer: str | None
    item: Any


class Refusals:
    """An ASGI application around the collector's, which keeps what that refuses."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.kept: deque[Refusal] = deque(maxlen=MOST_KEPT)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or scope["path"].startswith(_NOT_SENT_BY_CLIENTS):
            await self._app(scope, receive, send)
            return
        sent, answered = bytearray(), bytearray()
        status = 0

        async def receiving() -> Message:
            message = await receive()
            if len(sent) <= MAX_BYTES:
                sent.extend(message.get("body", b""))
            return message

        async def sending(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            answered.extend(message.get("body", b""))
            await send(message)

        await self._app(scope, receiving, sending)
        self._keep(scope, status, _json(answered), _json(_plain(scope, bytes(sent))))

    def _keep(self, scope: Message, status: int, answer: Any, body: Any) -> None:
        at, method, path = rfc3339(now()), scope["method"], scope["path"]
        if status >= _BAD_REQUEST:
            given = answer if isinstance(answer, dict) else {}
            reason, pointer = str(given.get("detail", "")), given.get("pointer")
            self.kept.append(Refusal(at, method, path, status, reason, pointer, body))
            return
        rejected = answer.get("rejected") if isinstance(answer, dict) else None
        for event in rejected or ():
            item, reason = _item(body, event["index"]), event["reason"]
            self.kept.append(Refusal(at, method, path, status, reason, event["pointer"], item))


def _item(body: Any, index: int) -> Any:
    """The event that a rejection is about: one of a list beside other fields, or the body."""
    lists = [value for value in body.values() if isinstance(value, list)] if body else []
    return lists[0][index] if lists and index < len(lists[0]) else body


def _plain(scope: Message, body: bytes) -> bytes:
    """A body without its compression."""
    encoding = encoding_of(Request(scope))
    try:
        return unpacked(body, encoding, MAX_BYTES) if encoding in ENCODINGS else body
    except (ValueError, TooLarge):
        return b""


def _json(text: bytearray | bytes) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
