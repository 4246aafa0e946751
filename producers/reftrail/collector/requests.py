"""What is in an HTTP request: its events, and who sent it."""

import asyncio
import ipaddress
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Final, NamedTuple

import msgspec
from starlette.requests import ClientDisconnect, Request

from reftrail.collector.bots import is_prefetch
from reftrail.collector.errors import Refused
from reftrail.collector.submission import EXPECTED, parse_address, parse_time
from reftrail.contracts.record import Millis

MAX_EVENTS: Final = 1000
MAX_BYTES: Final = 2**20
_USER_AGENT_CHARACTERS: Final = 1024
_MOST_LEFT: Final = 8 * MAX_BYTES
_LEFT_SECONDS: Final = 5.0

Networks = Sequence[IPv4Network | IPv6Network]


_SENT_AT: Final = "sent_at"


class EventBatch(NamedTuple):
    """The events in a body, of whatever JSON type each is, and when it says that it was sent."""

    items: list[Any]
    sent_at: Millis | None


async def read_events(request: Request) -> EventBatch:
    """What a body tells of events. Raises `Refused`."""
    parsed = _parsed(await read_body(request))
    items = _items(parsed, "events", beside=(_SENT_AT,))
    return EventBatch(items, _sent_at(parsed) if "events" in parsed else None)


async def read_items(request: Request, name: str) -> list[Any]:
    """What a body lists under a name, or the one thing that it is. Raises `Refused`."""
    return _items(_parsed(await read_body(request)), name)


def refused_sent_at(reason: str) -> Refused:
    """The error of a request that can't have been sent when it says."""
    return Refused(422, f"{_SENT_AT} {reason}", pointer=f"/{_SENT_AT}")


def _sent_at(parsed: dict[str, Any]) -> Millis | None:
    given = parsed.get(_SENT_AT)
    if given is None:
        return None
    try:
        return parse_time(given)
    except ValueError as error:
        raise refused_sent_at(
            f"is {str(given)[:40]!r}; expected {EXPECTED['event_time']}"
        ) from error


async def read_body(request: Request) -> bytes:
    """The body, never holding more than the limit of it. Raises `Refused`."""
    if request.headers.get("content-encoding", "identity") != "identity":
        raise Refused(415, "send the body uncompressed")
    too_large = Refused(
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


def _parsed(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(400, f"the body is not JSON: {error}") from error


def _items(parsed: Any, name: str, beside: Sequence[str] = ()) -> list[Any]:
    if not isinstance(parsed, dict):
        one = name.removesuffix("s")
        raise Refused(400, f'expected {{"{name}": [...]}} or one {one} as a JSON object')
    if name not in parsed:
        return [parsed]
    items = parsed[name]
    if others := sorted(parsed.keys() - {name, *beside}):
        raise Refused(400, f'beside "{name}" there is {others[0][:40]!r}, which is not known')
    if not isinstance(items, list):
        raise Refused(400, f'"{name}" is not an array')
    if len(items) > MAX_EVENTS:
        raise Refused(
            413, f"{len(items)} {name} in one request; send at most {MAX_EVENTS} at a time"
        )
    return items


def user_agent_of(request: Request) -> str | None:
    """What the client calls itself, cut to a length that a record may have."""
    said = request.headers.get("user-agent", "")[:_USER_AGENT_CHARACTERS]
    return said.encode("utf-8", "replace").decode() or None


def prefetched(request: Request) -> bool:
    """Whether a browser fetches this ahead of anybody wanting it."""
    return is_prefetch(request.headers)


def client_address(request: Request, proxies: Networks) -> str | None:
    """The address of who sent the request, in its normal form; None if it isn't known.

    X-Forwarded-For is read from its end, where the trusted proxies wrote, up to the first address
    that isn't one of theirs; whatever stands before that anybody may have made up.
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
