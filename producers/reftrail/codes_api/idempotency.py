"""Idempotency: a request is carried out once, however often it is sent under one Idempotency-Key.

The answer is stored in the transaction that does what was asked, so there are both or neither:
after a crash, a time-out or in a race of two collectors the same request finds its answer, or is
done then.
"""

import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from reftrail.codes.store import Store
from reftrail.codes.store.tables import requests
from reftrail.edge.http_errors import RequestRefused

KEPT_SECONDS: Final = 7 * 24 * 3600
_DROPPED_AT_A_TIME: Final = 100


@dataclass(frozen=True, slots=True)
class RequestId:
    """A request by the caller and the Idempotency-Key; fingerprint is that of what it asks for."""

    name: str
    fingerprint: str

    @classmethod
    def of(cls, caller: str, key: str, method: str, path: str, body: bytes) -> "RequestId":
        """Another caller's equal key is another request."""
        asked = b"\0".join((method.encode(), path.encode(), body))
        return cls(sha256(f"{caller}\0{key}".encode()).hexdigest(), sha256(asked).hexdigest())


def once(
    store: Store, request: RequestId | None, act: Callable[[], dict[str, Any]]
) -> tuple[dict[str, Any], bool]:
    """The answer of an act, and whether it was done before. None: no Idempotency-Key.

    Raises `RequestRefused` if another request had this id.
    """
    if request is None:
        return act(), False
    with store.together() as connection:
        earlier = _claimed(connection, request)
        if earlier is not None:
            return earlier, True
        answer = act()
        stored = zlib.compress(msgspec.json.encode(answer))
        connection.execute(
            sa.update(requests).where(requests.c.name == request.name).values(answer=stored)
        )
        _forget_old(connection)
    return answer, False


def _claimed(connection: sa.Connection, request: RequestId) -> dict[str, Any] | None:
    """The earlier answer; None if the request is ours to do. Waits while another one does it."""
    now = int(time.time())
    values = {"name": request.name, "fingerprint": request.fingerprint, "at": now, "answer": b""}
    claim = _insert(connection).on_conflict_do_nothing().returning(requests.c.name)
    if connection.execute(claim, [values]).first() is not None:
        return None
    found = connection.execute(
        sa.select(requests.c.fingerprint, requests.c.answer).where(requests.c.name == request.name)
    ).one()
    if found.fingerprint != request.fingerprint:
        raise RequestRefused(
            422, "this Idempotency-Key was used for another request; give each one of its own"
        )
    answer: dict[str, Any] = msgspec.json.decode(zlib.decompress(found.answer))
    return answer


def _insert(connection: sa.Connection) -> Any:
    """Both databases have `ON CONFLICT DO NOTHING`, and SQLAlchemy an insert for each."""
    is_postgresql = connection.dialect.name == "postgresql"
    return postgresql_insert(requests) if is_postgresql else sqlite_insert(requests)


def _forget_old(connection: sa.Connection) -> None:
    old = (
        sa.select(requests.c.name)
        .where(requests.c.at < int(time.time()) - KEPT_SECONDS)
        .limit(_DROPPED_AT_A_TIME)
    )
    connection.execute(sa.delete(requests).where(requests.c.name.in_(old)))
