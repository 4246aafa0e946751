"""Requests that change codes: carried out once, and answered after the store's commit.

The answer's `published` says whether Kafka has the change already; with `?wait=true` it is waited
for up to five seconds.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from reftrail.codes.store import outbox
from reftrail.codes_api.idempotency import once
from reftrail.codes_api.request_parsing import request_id
from reftrail.codes_api.store_access import Backend, Opened
from reftrail.edge.http_errors import RequestRefused

WAIT_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Act:
    """Act of a request, with the status of its answer. is_long: it may be about many codes."""

    do: Callable[[Opened], dict[str, Any]]
    status: int = 200
    is_long: bool = False


async def acted(backend: Backend, request: Request, body: bytes, act: Act) -> Response:
    """Do what a request asks, at most once for an Idempotency-Key. Raises `RequestRefused`."""
    waits = _waits(request)
    named = request_id(request, body)

    def done(opened: Opened) -> tuple[dict[str, Any], bool, int | None]:
        answer, before = once(opened.store, named, lambda: act.do(opened))
        return answer, before, _tail(opened)

    run = backend.run_long if act.is_long else backend.run
    answer, before, last = await run(done)
    published = await _published(backend, last, waits=waits)
    return Response(
        msgspec.json.encode(answer | {"published": published}),
        act.status,
        headers={"idempotent-replay": "true"} if before else {},
        media_type="application/json",
    )


async def published(backend: Backend, do: Callable[[Opened], None]) -> bool:
    """Do something, and wait until Kafka has it; whether it does. Raises `RequestRefused`."""

    def done(opened: Opened) -> int | None:
        do(opened)
        return _tail(opened)

    return await _published(backend, await backend.run(done), waits=True)


async def _published(backend: Backend, last: int | None, *, waits: bool) -> bool:
    """Whether Kafka has all messages up to this one; None: none waited."""
    until = time.monotonic() + (WAIT_SECONDS if waits else 0.0)
    while last is not None:
        head = await backend.run(_head)
        if head is None or head > last:
            break
        if time.monotonic() >= until:
            return False
        await asyncio.sleep(_POLL_SECONDS)
    return True


def _head(opened: Opened) -> int | None:
    with opened.store.read() as connection:
        return outbox.head(connection)


def _tail(opened: Opened) -> int | None:
    """The last message that waits; a caller's own are not after it."""
    with opened.store.read() as connection:
        return outbox.tail(connection)


def _waits(request: Request) -> bool:
    given = request.query_params.get("wait", "false")
    if given not in ("true", "false"):
        raise RequestRefused(422, f"wait is {given[:40]!r}; give true or false", pointer="/wait")
    return given == "true"
