"""Sessions of the dashboard: the key that somebody has signed in with, sealed in a cookie.

No server keeps a session. Each request is checked by the key that its cookie has, so a key that is
revoked, has expired or lost a scope ends or narrows its sessions at once. The ids of sessions that
were signed out are kept in memory for as long as their cookies would be good.
"""

import hmac
import secrets
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from reftrail.dashboard.sealing import Seal

COOKIE: Final = "reftrail_session"
CSRF_FIELD: Final = "csrf"
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_SAME: Final = (None, "same-origin", "none")


class Sessions:
    """Cookies of sessions, each good for some seconds after signing in."""

    def __init__(self, secret: str, seconds: int, clock: Callable[[], float] = time.time) -> None:
        self._seal = Seal(secret, "session", clock)
        self._clock = clock
        self._ended: dict[str, float] = {}
        self._csrf_key = sha256(f"reftrail csrf\0{secret}".encode()).digest()
        self._seconds = seconds

    def begin(self, request: Request, response: Response, key: str) -> None:
        """Set the cookie of a session under a key."""
        response.set_cookie(
            COOKIE,
            self._seal.close({"key": key, "id": secrets.token_urlsafe(16)}, self._seconds),
            max_age=self._seconds,
            path="/",
            secure=not _is_on_this_machine(request),
            httponly=True,
            samesite="strict",
        )

    def end(self, request: Request, response: Response) -> None:
        """End the session, and remove its cookie: a copy of the cookie is good no longer."""
        if fields := self._fields_of(request):
            at = self._clock()
            self._ended = {name: until for name, until in self._ended.items() if until > at}
            self._ended[fields["id"]] = at + self._seconds
        secure = not _is_on_this_machine(request)
        response.delete_cookie(COOKIE, "/", secure=secure, httponly=True, samesite="strict")

    def key_of(self, request: Request) -> str | None:
        """The key of a request's session; None without one."""
        fields = self._fields_of(request)
        return fields["key"] if fields else None

    @property
    def ended(self) -> int:
        """The number of sessions that were ended and may not have expired yet."""
        return len(self._ended)

    def _fields_of(self, request: Request) -> dict[str, Any] | None:
        text = request.cookies.get(COOKIE)
        fields = self._seal.open(text) if text else None
        is_good = fields is not None and "id" in fields and fields["id"] not in self._ended
        return fields if is_good else None

    def csrf(self, request: Request) -> str:
        """The text that a form of this session must have."""
        text = request.cookies.get(COOKIE, "")
        return hmac.new(self._csrf_key, text.encode("utf-8", "replace"), sha256).hexdigest()

    def is_own_form(self, request: Request, csrf: str) -> bool:
        """Whether a form was sent by a page of this session."""
        return comes_from_here(request) and hmac.compare_digest(
            self.csrf(request).encode(), csrf.encode("utf-8", "replace")
        )


def comes_from_here(request: Request) -> bool:
    """Whether a browser says that a page of this host sent the request, or doesn't say."""
    origin = request.headers.get("origin")
    try:
        sender = None if origin is None else urlsplit(origin).netloc
    except ValueError:
        return False
    if sender is not None and sender != request.headers.get("host", ""):
        return False
    return request.headers.get("sec-fetch-site") in _SAME


def _is_on_this_machine(request: Request) -> bool:
    """Whether the host is a loopback one, where browsers may have no HTTPS."""
    return request.url.hostname in _LOOPBACK
