"""Keys of an HTTP API: their kinds, and the check that a request bears one."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Self

from starlette.responses import JSONResponse

from reftrail.contracts.events import KeyKind


@dataclass(frozen=True, slots=True)
class ApiKeys:
    """The keys that a host knows, by hash: the time of a lookup says nothing about a key."""

    _kinds: Mapping[bytes, KeyKind]

    @classmethod
    def of(cls, *, secret: Iterable[str], publishable: Iterable[str] = ()) -> Self:
        """The table of these keys."""
        return cls(
            {_hashed(key): KeyKind.PUBLISHABLE for key in publishable}
            | {_hashed(key): KeyKind.SECRET for key in secret}
        )

    def kind_of(self, authorization: str | None) -> KeyKind | None:
        """The kind of the key in an Authorization header; None if there is no such key."""
        scheme, _, key = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        return self._kinds.get(_hashed(key.strip()))


class RequiresSecretKey:
    """An ASGI application that answers 401 under /v1/ unless the request bears a secret key."""

    def __init__(self, app: Any, keys: ApiKeys) -> None:
        self._app = app
        self._keys = keys

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        """ASGI."""
        if scope["type"] == "http" and scope["path"].startswith("/v1/"):
            header = (
                dict(scope["headers"]).get(b"authorization", b"").decode("utf-8", "surrogateescape")
            )
            if self._keys.kind_of(header) is not KeyKind.SECRET:
                refusal = JSONResponse(
                    {"error": "send Authorization: Bearer SECRET_KEY"},
                    401,
                    headers={"WWW-Authenticate": "Bearer"},
                )
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _hashed(key: str) -> bytes:
    return sha256(key.encode("utf-8", "surrogateescape")).digest()
