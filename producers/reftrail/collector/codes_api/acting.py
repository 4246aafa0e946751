"""Requests that change codes: done once, and answered after the store's commit.

The answer's `published` says whether Kafka has the change already; with `?wait=true` it is waited
for up to five seconds.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from starlette.requests import Request
from starlette.responses import Response

from reftrail.codes.store.tables import outbox
from reftrail.collector.codes_api.backend import Backend, Opened
from reftrail.collector.codes_api.once import once
from reftrail.collector.codes_api.reading import request_id
from reftrail.collector.errors import Refused

WAIT_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.1

Act = Callable[[Opened], dict[str, Any]]


async def acted(
    backend: Backend, request: Request, body: bytes, act: Act, status: int = 200
) -> Response:
    """Do what a request asks, at most once for an Idempotency-Key. Raises `Refused`."""
    waits = _waits(request)
    named = request_id(request, body)

    def done(opened: Opened) -> tuple[dict[str, Any], bool, int | None]:
        answer, before = once(opened.store, named, lambda: act(opened))
        return answer, before, last_message(opened)

    answer, before, last = await backend.run(done)
    published = await _published(backend, last, waits)
    return Response(
        msgspec.json.encode(answer | {"published": published}),
        status,
        headers={"idempotent-replay": "true"} if before else {},
        media_type="application/json",
    )


def last_message(opened: Opened) -> int | None:
    """The last message that waits for Kafka; the caller's own are not after it."""
    return _number(opened, sa.select(sa.func.max(outbox.c.number)))


async def _published(backend: Backend, last: int | None, waits: bool) -> bool:
    """Whether Kafka has all messages up to this one; None: none waited."""
    until = time.monotonic() + (WAIT_SECONDS if waits else 0.0)
    while last is not None:
        first = await backend.run(_first_message)
        if first is None or first > last:
            break
        if time.monotonic() >= until:
            return False
        await asyncio.sleep(_POLL_SECONDS)
    return True


def _first_message(opened: Opened) -> int | None:
    return _number(opened, sa.select(sa.func.min(outbox.c.number)))


def _number(opened: Opened, statement: "sa.Select[Any]") -> int | None:
    with opened.store.read() as connection:
        number: int | None = connection.execute(statement).scalar_one()
        return number


def _waits(request: Request) -> bool:
    given = request.query_params.get("wait", "false")
    if given not in ("true", "false"):
        raise Refused(422, f"wait is {given[:40]!r}; give true or false", pointer="/wait")
    return given == "true"
