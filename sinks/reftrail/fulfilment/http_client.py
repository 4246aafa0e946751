"""HTTP request to a partner, and the meaning of its answer.

| what comes back | what it means |
|---|---|
| 2xx | delivered, as its body says |
| 400, 410, 413, 415, 422 | refused for good |
| 408, 409, 5xx | asked again; it may have been done (409: it is being done) |
| any other status | asked again; it wasn't done (wrong address or key, too many requests) |
| no connection | asked again; it wasn't done |
| a connection that breaks, or no answer in time | asked again; it may have been done |
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import httpx
import msgspec

from reftrail.fulfilment.answers import Answer, Deferred, Delivered, OrderRefused

_REFUSALS: Final = {400, 410, 413, 415, 422}
_DOUBTS: Final = {408, 409}
_READ_AT_MOST: Final = 64 * 1024
_SHOWN: Final = 200
_REFERENCE: Final = 200


class HttpClient:
    """Asks over HTTP; may be used by many threads.

    A connection serves one request alone. One that was kept open might have been closed by the
    other side just then, which would leave the order in doubt; and a receiver that answers twice
    would have its second answer taken for that to the next order.
    """

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout = timeout_seconds
        self._client = httpx.Client(
            timeout=timeout_seconds,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
            headers={"Connection": "close", "User-Agent": "reftrail-fulfilment"},
            follow_redirects=False,
        )

    def ask(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        understand: Callable[[dict[str, Any]], Delivered | None],
    ) -> Answer:
        """POST a JSON body. understand makes of a 2xx's JSON object what was delivered, or None."""
        deadline = time.monotonic() + self._timeout
        try:
            with self._client.stream(
                "POST", url, content=body, headers={"Content-Type": "application/json", **headers}
            ) as response:
                text = _read(response, deadline)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            return Deferred(f"{_place(url)} can't be reached: {_name(error)}", in_doubt=False)
        except httpx.TransportError as error:
            return Deferred(f"{_place(url)} broke off: {_name(error)}", in_doubt=True)
        return _meaning(response, text, understand)

    def close(self) -> None:
        """Close what is open."""
        self._client.close()


def text_in(fields: Mapping[str, Any], name: str) -> str | None:
    """A short text or number of an answer; None if it isn't there or isn't one."""
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value)[:_REFERENCE] or None


def _meaning(
    response: httpx.Response, text: bytes, understand: Callable[[dict[str, Any]], Delivered | None]
) -> Answer:
    status, place = response.status_code, _place(str(response.request.url))
    said = f"{place} answered {status}: {text[:_SHOWN].decode('utf-8', 'replace')!r}"
    if response.is_success:
        delivered = understand(_fields(text))
        return delivered or Deferred(f"{said}, which lacks what it should say", in_doubt=True)
    if status in _REFUSALS:
        return OrderRefused(said)
    return Deferred(said, in_doubt=status in _DOUBTS or status >= 500, retry_after=_after(response))


def _read(response: httpx.Response, deadline: float) -> bytes:
    """The beginning of the body. Raises httpx.ReadTimeout if it trickles in for too long."""
    read = bytearray()
    for chunk in response.iter_bytes():
        read += chunk
        if len(read) > _READ_AT_MOST:
            break
        if time.monotonic() > deadline:
            raise httpx.ReadTimeout("the answer takes too long", request=response.request)
    return bytes(read)


def _fields(text: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _after(response: httpx.Response) -> float | None:
    """The seconds of a Retry-After header, where it has seconds (RFC 9110, 10.2.3)."""
    given = response.headers.get("retry-after", "")
    return float(given) if given.isascii() and given.isdigit() and len(given) < 9 else None


def _place(url: str) -> str:
    """A URL without what may be secret in it."""
    parsed = httpx.URL(url)
    port = f":{parsed.port}" if parsed.port else ""
    return f"{parsed.scheme}://{parsed.host}{port}{parsed.path}"


def _name(error: Exception) -> str:
    return f"{type(error).__name__} {error}".strip()
