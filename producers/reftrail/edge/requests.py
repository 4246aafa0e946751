"""HTTP requests: bounded bodies, the items in them, and the address of the sender."""

import asyncio
import ipaddress
import json
import re
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Final

import msgspec
from starlette.requests import ClientDisconnect, Request

from reftrail.edge.bots import is_prefetch
from reftrail.edge.field_formats import parse_address
from reftrail.edge.http_errors import RequestRefused

MAX_EVENTS: Final = 1000
MAX_BYTES: Final = 2**20
_USER_AGENT_CHARACTERS: Final = 1024
_MOST_LEFT: Final = 8 * MAX_BYTES
_LEFT_SECONDS: Final = 5.0

Networks = Sequence[IPv4Network | IPv6Network]


_HALF_A_PAIR: Final = re.compile(rb"\\u[Dd][89A-Fa-f]")
"""An escaped surrogate. msgspec reads none that stands alone, which JSON allows (RFC 8259, section
8.2): it is the fault of the event that has it, not of the whole request."""


async def read_items(request: Request, name: str) -> list[Any]:
    """The items that a body lists under a name, or itself alone. Raises `RequestRefused`."""
    return items_of(read_json(await read_body(request)), name)


async def read_body(request: Request) -> bytes:
    """The body, never holding more than the limit of it. Raises `RequestRefused`."""
    if request.headers.get("content-encoding", "identity") != "identity":
        raise RequestRefused(415, "send the body uncompressed")
    too_large = RequestRefused(
        413, f"the body is larger than {MAX_BYTES} bytes; send it in several requests"
    )
    announced = request.headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > MAX_BYTES:
        raise too_large
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BYTES:
            raise too_large
        chunks.append(chunk)
    return b"".join(chunks)


async def read_rest(request: Request) -> bool:
    """Read on what a refused request still has, and forget it; whether its end was reached.

    A connection on which an answer went out before the request was read is closed by the server:
    the client may lose the answer, or send its next request into the closing connection.
    """
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
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if _HALF_A_PAIR.search(body):
            with suppress(ValueError, RecursionError):
                return json.loads(body, parse_constant=_no_constant)
        raise RequestRefused(400, f"the body is not JSON: {error}") from error


def _no_constant(name: str) -> None:
    raise ValueError(f"JSON has no {name}")


def items_of(parsed: Any, name: str, beside: Sequence[str] = ()) -> list[Any]:
    """The items that a parsed body lists under a name, or itself as the only one.

    beside are other fields that it may have. Raises `RequestRefused`.
    """
    if not isinstance(parsed, dict):
        one = name.removesuffix("s")
        raise RequestRefused(400, f'expected {{"{name}": [...]}} or one {one} as a JSON object')
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


def client_address(request: Request, proxies: Networks) -> str | None:
    """The address of who sent the request, in its normal form; None if it isn't known.

    X-Forwarded-For is read from its end, where the trusted proxies wrote, up to the first address
    that isn't one of theirs; anybody may have made up what comes before that.
    """
    peer = request.client.host if request.client else ""
    hops = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
    known = None
    for hop in [peer, *reversed(hops)]:
        try:
            address = parse_address(hop)
        except ValueError:
            return known
        known = str(address)
        if not any(address in proxy for proxy in proxies):
            return known
    return known


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
