"""Connections of one port together: which are closed when there are too many, or at the end."""

import asyncio
import heapq
from collections.abc import Callable, Iterable
from typing import Any, Final, cast

from uvicorn.config import Config

from reftrail.hosting.connection import Connection
from reftrail.hosting.remembered_heads import RememberedHeads
from reftrail.hosting.watched_connection import PortState

_PARTS_CLOSED: Final = 64


class Server(PortState):
    """Connections of one port. on_closed is called after each has ended."""

    def __init__(self, app: Any, on_closed: Callable[[], object]) -> None:
        super().__init__()
        self.whole = getattr(app, "whole", {})
        self.at_once = getattr(app, "at_once", {})
        self.heads = RememberedHeads()
        self._on_closed = on_closed
        self._ended = asyncio.Event()
        self.config = Config(
            app,
            interface="asgi3",
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            proxy_headers=False,
        )
        self.config.load()

    def connection(self) -> Connection:
        """A new connection."""
        return Connection(self.config, self, {})

    def closed(self) -> None:
        """A connection has ended."""
        self._on_closed()
        if not self.connections:
            self._ended.set()

    def close_idle(self, since: float) -> None:
        """Close connections that wait for a head for so long, by the loop's time.

        Those whose client takes nothing of an answer for so long are aborted.
        """
        for connection in tuple(self._all()):
            if connection.is_unread(since):
                connection.reset()
            elif connection.waits_since is not None and connection.waits_since <= since:
                connection.transport.close()

    def make_room(self) -> None:
        """Close those that wait for a head longest, a few at once: looking for them takes time."""
        idle = [found for found in self._all() if found.waits_since is not None]
        for connection in heapq.nsmallest(len(idle) // _PARTS_CLOSED + 1, idle, key=_waits_since):
            connection.transport.abort()

    def shutdown(self) -> None:
        """Close each connection, or have it closed once its request is answered."""
        for connection in tuple(self._all()):
            connection.shutdown()

    def abort(self) -> None:
        """Close connections whatever they are about."""
        for connection in tuple(self._all()):
            connection.transport.abort()

    async def ended(self) -> None:
        """Return when there are no connections, and no requests of those that broke off."""
        while self.connections or self.tasks:
            if self.connections:
                self._ended.clear()
                await self._ended.wait()
            else:
                await asyncio.wait(self.tasks)

    def _all(self) -> Iterable[Connection]:
        return cast("set[Connection]", self.connections)


def _waits_since(connection: Connection) -> float:
    return connection.waits_since or 0.0
