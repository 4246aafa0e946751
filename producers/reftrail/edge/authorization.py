"""Authorization of requests: each by the row of the table of routes that it is for.

A secret key travels in the Authorization header alone, as Bearer or, where a route says so, as the
user name of Basic. A publishable one may also be in the query (`?key=`), or where a route says so
in the body, since `navigator.sendBeacon` sets no headers.
"""

import base64
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request

from reftrail.edge.api_keys import ApiKeys, Caller
from reftrail.edge.http_errors import RequestRefused, Unavailable
from reftrail.edge.requests import Networks, client_address
from reftrail.hosting.rate_limits import Buckets, Rate, TooOften, network_of, take_token
from reftrail.hosting.routes import OPEN, Access

WRONG_KEYS: Final = Rate(per_second=1.0, burst=30.0)
"""The number of requests of one address that are let in to be answered that their key is wrong."""
KEY_PARAMETER: Final = "key"
APP_HEADER: Final = "x-reftrail-app"
_CALLER: Final = "reftrail.caller"
_ACCESS: Final = "reftrail.access"


class Authorization:
    """Checks of keys. on_limited is called for an address that sends too many wrong ones."""

    def __init__(
        self,
        keys: ApiKeys,
        *,
        proxies: Networks = (),
        wrong: Rate = WRONG_KEYS,
        clock: Callable[[], float] = time.monotonic,
        on_limited: Callable[[], object] = lambda: None,
    ) -> None:
        self.keys = keys
        self._proxies = proxies
        self._wrong = Buckets(wrong, clock)
        self._on_limited = on_limited

    def admit(self, request: Request, access: Access) -> None:
        """Let a request in, and note who sends it (`caller_of`). Raises `RequestRefused`.

        Where the key may be in the body, a request without one elsewhere is let through to
        `admit_by_body`; until then nobody sends it.
        """
        if access.is_open:
            return
        key, in_header = _key_in(request, access)
        if key is None and access.in_body:
            self.check_wrong(request)
            request.scope[_ACCESS] = access
            return
        self._admit(request, access, key, in_header=in_header)

    def admit_by_body(self, request: Request, key: object) -> None:
        """Let a request in by a key in its body, unless it has been let in. Raises as `admit`."""
        access = request.scope.pop(_ACCESS, None)
        if access is not None:
            text = key if isinstance(key, str) else None
            self._admit(request, access, text, in_header=False)

    def admit_secret(self, request: Request, key: str, access: Access = OPEN) -> None:
        """Let a request in by a secret key that its session or form has. Raises as `admit`."""
        self._admit(request, access, key, in_header=True)

    def _admit(self, request: Request, access: Access, key: str | None, *, in_header: bool) -> None:
        caller = None if key is None else self.keys.find(key)
        if caller is None and key is not None and not self.keys.is_complete:
            raise Unavailable("API keys are not read yet")
        if caller is None or (caller.is_secret and not in_header):
            self.count_wrong(request)
            if caller is not None:
                raise RequestRefused(
                    401,
                    f"a secret key travels in the Authorization header alone; {caller.name} was in "
                    f"the URL or the body, which proxies log: rotate it",
                )
            raise RequestRefused(401, _advice(access))
        _check(request, access, caller)
        request.scope[_CALLER] = caller

    def check_wrong(self, request: Request) -> None:
        """Raises `RequestRefused` (429) for an address that sent too many wrong keys."""
        if seconds := self._wrong.wait(self._address_of(request)):
            raise self._limited(TooOften("address", seconds))

    def count_wrong(self, request: Request) -> None:
        """Count a wrong key or signature. Raises `RequestRefused` (429) for too many."""
        try:
            take_token(self._wrong, self._address_of(request), "address")
        except TooOften as error:
            raise self._limited(error) from error

    def _limited(self, error: TooOften) -> RequestRefused:
        self._on_limited()
        return RequestRefused(429, str(error), retry_after=error.retry_after)

    def _address_of(self, request: Request) -> str:
        return network_of(client_address(request, self._proxies))


def admitted(request: Request) -> Caller | None:
    """The sender of a request; None while its key may be in the body."""
    caller: Caller | None = request.scope.get(_CALLER)
    return caller


def caller_of(request: Request) -> Caller:
    """The sender of a request that was let in. Raises `RequestRefused` (401) for any other."""
    caller = admitted(request)
    if caller is None:
        raise RequestRefused(401, "give a known API key: Authorization: Bearer KEY")
    return caller


def _key_in(request: Request, access: Access) -> tuple[str | None, bool]:
    """The key of a request without its body, and whether the header has it."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return key.strip(), True
    if scheme.lower() == "basic" and access.in_basic:
        return _user_in(key), True
    if not access.publishable:
        return None, True
    return request.query_params.get(KEY_PARAMETER), False


def _user_in(basic: str) -> str:
    """The user name of Basic authentication, which clients of Segment's API send a key as."""
    try:
        return base64.b64decode(basic.strip(), validate=True).decode().partition(":")[0]
    except ValueError:
        return ""


def _check(request: Request, access: Access, caller: Caller) -> None:
    """Raises `RequestRefused` (403) for what the key doesn't allow."""
    if caller.is_secret:
        lacking = [scope.value for scope in access.scopes if scope not in caller.scopes]
        if lacking:
            raise RequestRefused(
                403, f"the key {caller.name} lacks the scope {' and '.join(lacking)}"
            )
        return
    if not access.publishable:
        raise RequestRefused(403, f"this needs a secret key with {_scopes(access)}")
    if not (caller.origins or caller.app_ids):
        return
    origin, app_id = _origin_of(request), request.headers.get(APP_HEADER)
    if app_id in caller.app_ids or (origin is not None and caller.allows_origin(origin)):
        return
    raise RequestRefused(
        403,
        f"the key {caller.name} is not for {_sender(origin, app_id)}; it names the origins and "
        f"apps that may use it: create one for this one",
    )


def _origin_of(request: Request) -> str | None:
    """The origin of a page; of a picture, with which browsers send none, that of its referrer."""
    origin = request.headers.get("origin")
    if origin is not None or request.method != "GET":
        return origin
    try:
        referrer = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        return None
    return f"{referrer.scheme}://{referrer.netloc}" if referrer.netloc else None


def _sender(origin: str | None, app_id: str | None) -> str:
    if app_id is not None:
        return f"the app {app_id[:80]!a}"
    return "a request without Origin" if origin is None else f"the origin {origin[:80]!a}"


def _advice(access: Access) -> str:
    advice = "give a known API key: Authorization: Bearer KEY"
    return f"{advice}, or ?key= for a publishable one" if access.publishable else advice


def _scopes(access: Access) -> str:
    return " and ".join(f"the scope {scope}" for scope in access.scopes)
