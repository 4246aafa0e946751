"""HTTP requests: bounded bodies, the items in them, and the address of the sender."""

import asyncio
import ipaddress
import json
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, Final

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from reftrail.edge.bots import is_navigation, is_prefetch
from reftrail.edge.encodings import ENCODINGS, TooLarge, unpacked
from reftrail.edge.field_formats import parse_address
from reftrail.edge.http_errors import RequestRefused
from reftrail.hosting.whole_requests import WholeRequest

MAX_EVENTS: Final = 1000
MAX_BYTES: Final = 2**20
PLAIN: Final = "identity"
_USER_AGENT_CHARACTERS: Final = 1024
_LONGEST_HOP: Final = 64
_MOST_LEFT: Final = 8 * MAX_BYTES
_LEFT_SECONDS: Final = 5.0
BODY_SECONDS = 20.0
"""The time that a body may take to arrive: the largest one over some 0.4 Mbit/s."""

_RETRY_AFTER: Final = 2
_BAD_REQUEST: Final = 400
_TIMED_OUT: Final = 408
_HELD: Final = "reftrail.held_bytes"
MOST_HELD_BYTES = 64 * MAX_BYTES
"""The most bytes of bodies that this process holds, those that still arrive included."""


@dataclass(slots=True)
class _Held:
    total: int = 0


_held: Final = _Held()

Networks = Sequence[IPv4Network | IPv6Network]


_HALF_A_PAIR: Final = re.compile(rb"\\u[Dd][89A-Fa-f]")
"""An escaped surrogate. msgspec reads none alone, which JSON allows (RFC 8259, section
8.2): it is the fault of the event that has it, not of the whole request."""


async def read_items(request: Request, name: str) -> list[Any]:
    """The items that a body lists under a name, or itself alone. Raises `RequestRefused`."""
    return items_of(read_json(await read_body(request)), name)


def encoding_of(request: Request) -> str:
    """The encoding of a request's body, in lower case; `PLAIN` for none."""
    return request.headers.get("content-encoding", PLAIN).strip().lower()


async def read_body(request: Request) -> bytes:
    """The body, never holding more than the limit of it. Raises `RequestRefused`."""
    encoding = encoding_of(request)
    if encoding not in (PLAIN, *ENCODINGS):
        raise RequestRefused(415, f"send the body as it is, or as {' or '.join(ENCODINGS)}")
    announced = request.headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > MAX_BYTES:
        raise _too_large()
    if isinstance(request, WholeRequest):
        body = request.whole_body
        if len(body) > MAX_BYTES:
            raise _too_large()
        _hold(request, len(body))
    else:
        body = await _streamed(request)
    return body if encoding == PLAIN else _unpacked(request, body, encoding)


async def _streamed(request: Request) -> bytes:
    """A body as it arrives."""
    chunks, size = [], 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                size += len(chunk)
                if size > MAX_BYTES:
                    raise _too_large()
                _hold(request, len(chunk))
                chunks.append(chunk)
    except TimeoutError:
        raise RequestRefused(
            408, f"the body has not arrived within {BODY_SECONDS:g} s; send it again"
        ) from None
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _too_large() -> RequestRefused:
    return RequestRefused(
        413, f"the body is larger than {MAX_BYTES} bytes; send it in several requests"
    )


def _unpacked(request: Request, body: bytes, encoding: str) -> bytes:
    """The content of a compressed body, which has the limit of other bodies."""
    try:
        content = unpacked(body, encoding, MAX_BYTES)
    except TooLarge:
        raise RequestRefused(
            413, f"the body is larger than {MAX_BYTES} bytes unpacked; send it in several requests"
        ) from None
    except ValueError as error:
        raise RequestRefused(400, str(error)) from error
    _hold(request, len(content))
    return content


def _hold(request: Request, size: int) -> None:
    """Count bytes of a body until `let_go`. Raises `RequestRefused` where there are too many."""
    if _held.total + size > MOST_HELD_BYTES:
        raise RequestRefused(
            503, "too many requests at once; send the same again", retry_after=_RETRY_AFTER
        )
    _held.total += size
    request.scope[_HELD] = request.scope.get(_HELD, 0) + size


def hold_bytes(size: int) -> bool:
    """Count bytes of a body until they are counted off, by their negative; whether there is room.

    For a request of which there is no object; others are counted as they are read.
    """
    if _held.total + size > MOST_HELD_BYTES:
        return False
    _held.total += size
    return True


def let_go(request: Request) -> None:
    """Count the bytes of a request's body no longer: it is answered."""
    _held.total -= request.scope.pop(_HELD, 0)


async def end(request: Request, response: Response) -> None:
    """End a request that has its answer: its bytes count no more, its connection may go on.

    Unless a refused request wasn't read to its end: then the connection is closed.
    """
    try:
        is_refused = response.status_code >= _BAD_REQUEST
        if is_refused and (response.status_code == _TIMED_OUT or not await read_rest(request)):
            response.headers["connection"] = "close"
    finally:
        let_go(request)


async def read_rest(request: Request) -> bool:
    """Read on what a refused request still has, and forget it; whether its end was reached.

    A connection on which an answer went out before the request was read is closed by the server:
    the client may lose the answer, or send its next request into the closing connection.
    """
    if isinstance(request, WholeRequest):
        return True
    left = 0
    with suppress(TimeoutError, ClientDisconnect):
        async with asyncio.timeout(_LEFT_SECONDS):
            try:
                async for chunk in request.stream():
                    left += len(chunk)
                    if left > _MOST_LEFT:
                        return False
            except RuntimeError:  # the stream was read to its end before
                pass
            return True
    return False


def read_json(body: bytes) -> Any:
    """The value that a body has in JSON. Raises `RequestRefused`."""
    try:
        parsed = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if _HALF_A_PAIR.search(body):
            with suppress(ValueError, RecursionError):
                return _with_unique_keys(body)
        raise RequestRefused(400, f"the body is not JSON: {error}") from error
    # A value that lost a key has fewer quotes; with none of them escaped this is certain, and takes
    # a fifth of the time that Python needs to look at each key.
    if b"\\" in body or body.count(b'"') != msgspec.json.encode(parsed).count(b'"'):
        try:
            _with_unique_keys(body)
        except RecursionError as error:
            raise RequestRefused(400, "the body's JSON is nested too deeply") from error
    return parsed


def _with_unique_keys(body: bytes) -> Any:
    return json.loads(body, parse_constant=_no_constant, object_pairs_hook=_unique)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        counted = Counter(name for name, _ in pairs)
        [(repeated, _)] = counted.most_common(1)
        raise RequestRefused(400, f"{repeated[:40]!a} is twice in one object of the body")
    return fields


def _no_constant(name: str) -> None:
    raise ValueError(f"JSON has no {name}")


def items_of(parsed: Any, name: str, beside: Sequence[str] = ()) -> list[Any]:
    """The items that a parsed body lists under a name, or itself as the only one.

    beside are other fields that it may have. Raises `RequestRefused`.
    """
    if not isinstance(parsed, dict):
        singular = name.removesuffix("s")
        raise RequestRefused(
            400, f'expected {{"{name}": [...]}} or one {singular} as a JSON object'
        )
    if name not in parsed:
        return [parsed]
    items = parsed[name]
    if others := sorted(parsed.keys() - {name, *beside}):
        raise RequestRefused(
            400, f'beside "{name}" there is {others[0][:40]!r}, which is not known'
        )
    if not isinstance(items, list):
        raise RequestRefused(400, f'"{name}" is not an array')
    if len(items) > MAX_EVENTS:
        raise RequestRefused(
            413, f"{len(items)} {name} in one request; send at most {MAX_EVENTS} at a time"
        )
    return items


def user_agent_of(request: Request) -> str | None:
    """The User-Agent header, cut to a length that a record may have."""
    said = request.headers.get("user-agent", "")[:_USER_AGENT_CHARACTERS]
    return said.encode("utf-8", "replace").decode() or None


def prefetched(request: Request) -> bool:
    """Whether a browser fetches this ahead of anybody wanting it."""
    return is_prefetch(request.headers)


def navigated(request: Request) -> bool:
    """Whether somebody opened this, and no page loads it by itself."""
    return is_navigation(request.headers) and not prefetched(request)


def client_address(request: Request, proxies: Networks) -> str | None:
    """The address of who sent the request, in its normal form; None if it isn't known.

    X-Forwarded-For is read from its end, where the trusted proxies wrote, up to the first address
    that isn't one of theirs; anybody may have made up what comes before that.
    """
    peer = request.client.host if request.client else ""
    hops = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
    known = None
    for hop in [peer, *reversed(hops)]:
        address = _address_of(hop) if len(hop) <= _LONGEST_HOP else None
        if address is None:
            return known
        known = str(address)
        if not any(address in proxy for proxy in proxies):
            return known
    return known


@lru_cache(maxsize=16_384)
def _address_of(hop: str) -> IPv4Address | IPv6Address | None:
    try:
        return parse_address(_without_port(hop.strip()))
    except ValueError:
        return None


def _without_port(hop: str) -> str:
    """An address of X-Forwarded-For; some proxies write its port behind it (Azure's, Kong)."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    address, colon, port = hop.partition(":")
    return address if colon and port.isdecimal() else hop


def is_https(request: Request, proxies: Networks) -> bool:
    """Whether the visitor's own connection is encrypted, by a trusted proxy's word or ours."""
    if request.client and _is_trusted(request.client.host, proxies):
        forwarded = request.headers.get("x-forwarded-proto", request.url.scheme)
        return forwarded.split(",")[-1].strip() == "https"
    return request.url.scheme == "https"


def _is_trusted(host: str, proxies: Networks) -> bool:
    try:
        return any(ipaddress.ip_address(host) in proxy for proxy in proxies)
    except ValueError:
        return False
