"""State of a connection: for how long it waits for a head, and whether its answers are read."""

import asyncio
import socket
import struct
from collections.abc import Mapping
from typing import Final, TypeAlias

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from reftrail.hosting.remembered_heads import AtOnce, RememberedHeads
from reftrail.hosting.whole_requests import Handler

WholeHandlers: TypeAlias = Mapping[tuple[bytes, bytes], Handler]
"""Handlers that answer whatever happens, by method and target."""

AtOnceHandlers: TypeAlias = Mapping[tuple[bytes, bytes], AtOnce]
"""Ways to begin requests at once, by method and target."""

_FORGET: Final = struct.pack("ii", 1, 0)
"""The option of a socket by which it is reset where it is closed."""


class PortState(ServerState):
    """State that the connections of one port share. whole, at_once: the application's handlers."""

    whole: WholeHandlers
    at_once: AtOnceHandlers
    heads: RememberedHeads

    def closed(self) -> None:
        """A connection has ended."""
        raise NotImplementedError


class _Flow(FlowControl):
    """Flow of a connection: nothing more is read while requests, or bytes, wait for their turn."""

    def __init__(self, connection: "WatchedConnection") -> None:
        super().__init__(connection.transport)
        self._connection = connection

    def resume_reading(self) -> None:
        """Read on."""
        if not self._connection.is_behind:
            super().resume_reading()


class WatchedConnection(HttpToolsProtocol):
    """A connection. waits_since: the loop's time since which a whole head is waited for, or None.

    So it is for those without a request, between two, and in the middle of a head.
    """

    server_state: PortState
    waits_since: float | None
    _unsent_since: float | None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self.flow = _Flow(self)
        self.waits_since = self.loop.time()
        self._unread = b""
        self._unsent, self._unsent_since = 0, None

    def is_unread(self, since: float) -> bool:
        """Whether the client has taken nothing of what is to be sent, by the loop's time.

        Asked from time to time: a client that took something in between begins anew.
        """
        unsent = self.transport.get_write_buffer_size()
        if not unsent or unsent < self._unsent or self._unsent_since is None:
            self._unsent_since = self.loop.time() if unsent else None
        self._unsent = unsent
        return self._unsent_since is not None and self._unsent_since <= since

    def reset(self) -> None:
        """End the connection, and forget what the system still has to send."""
        plain = self.transport.get_extra_info("socket")
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _FORGET)
        self.transport.abort()

    def resume_writing(self) -> None:
        """The client has taken much of what was to be sent."""
        self._unsent_since = None
        super().resume_writing()

    @property
    def is_behind(self) -> bool:
        """Whether requests or bytes were received that wait for the answer to those before them."""
        return bool(self.pipeline or self._unread)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        super().connection_lost(exc)
        self.server_state.closed()
