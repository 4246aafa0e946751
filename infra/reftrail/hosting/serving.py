"""HTTP server of a host."""

import asyncio
import logging
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from email.utils import formatdate
from typing import Any, Final

from reftrail.contracts.errors import ExpectedError
from reftrail.hosting.connections import Server

_log = logging.getLogger(__name__)

IDLE_SECONDS: Final = 65.0
"""The longest time without the whole head of a request: before the first, within one, between two.

Load balancers keep idle connections for 60 s, and must close them first.
"""
MOST_CONNECTIONS: Final = 8192
"""The most connections that are open at once.

For the next ones those are closed that wait for a request longest; with none of them, they wait.
"""
_OTHER_FILES: Final = 512
"""Open files of a host beside connections: Kafka's, a database's, the interpreter's."""
_BACKLOG: Final = 1024
_RETRY_SECONDS: Final = 0.1
_DATE_SECONDS: Final = 1.0
FINISHING_SECONDS: Final = 30.0
"""The longest time for which an end waits for answers: bodies have 20 s, Kafka 5."""


async def serve(  # noqa: PLR0913  (the last ones as every host has them)
    app: Any,
    host: str,
    port: int,
    setting: str,
    *,
    idle_seconds: float = IDLE_SECONDS,
    finishing_seconds: float = FINISHING_SECONDS,
) -> None:
    """Answer until cancelled, and then what was begun, for at most finishing_seconds.

    HTTP/1.1 alone. Bodies have a deadline of their own, in `edge.requests`. Raises `ExpectedError`
    if the port, set by `setting`, is taken.
    """
    check_free(host, port, setting)
    room = asyncio.Semaphore(_connections(MOST_CONNECTIONS))
    server = Server(app, room.release)
    with _listening(host, port) as listening:
        _log.info("serving on http://%s:%d", f"[{host}]" if ":" in host else host, port)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_accept(listening, server, room))
                group.create_task(_close_idle(server, idle_seconds))
        finally:
            listening.close()
            await _finish(server, finishing_seconds)


async def _accept(listening: socket.socket, server: Server, room: asyncio.Semaphore) -> None:
    """Take connections, and make room for them."""
    loop = asyncio.get_running_loop()
    is_ending = False
    while not is_ending:
        try:
            connection, _ = await loop.sock_accept(listening)
        except OSError as error:  # a client that has gone already, or too many open files
            _log.warning("a connection can't be taken: %s", error)
            await asyncio.sleep(_RETRY_SECONDS)
            continue
        with ExitStack() as unless_taken:
            unless_taken.callback(connection.close)
            if room.locked():
                server.make_room()
            await room.acquire()
            is_ending = await _connect(server, connection)
            unless_taken.pop_all()
    raise asyncio.CancelledError


async def _connect(server: Server, connection: socket.socket) -> bool:
    """Hand a connection to the loop; whether this task was cancelled meanwhile.

    uvloop closes a connection whose taking is cancelled, and doesn't tell its protocol.
    """
    loop = asyncio.get_running_loop()
    connecting = loop.create_task(loop.connect_accepted_socket(server.connection, connection))
    try:
        await asyncio.shield(connecting)
    except asyncio.CancelledError:
        await connecting
        return True
    return False


async def _close_idle(server: Server, idle_seconds: float) -> None:
    """Close connections without a whole head, and keep the date of answers."""
    loop = asyncio.get_running_loop()
    while True:
        server.default_headers[:] = [(b"date", formatdate(usegmt=True).encode())]
        await asyncio.sleep(min(idle_seconds / 10, _DATE_SECONDS))
        server.close_idle(loop.time() - idle_seconds)


async def _finish(server: Server, seconds: float) -> None:
    """Let what was begun be answered, for a while."""
    server.shutdown()
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await server.ended()
    server.abort()


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Connections have it from here. The body of an answer is written after its head, and would
        # wait until the client has confirmed that, which it puts off for 40 ms.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listening.bind((host, port))
        listening.listen(_BACKLOG)
        listening.setblocking(False)
        yield listening


def check_free(host: str, port: int, setting: str) -> None:
    """Raises `ExpectedError` if the port, set by `setting`, is taken.

    Asked before anything else of a host is begun.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ExpectedError(
                f"cannot listen on {host}:{port}: {error.strerror}; set {setting} to a free port, "
                f"or stop what holds it"
            ) from error


def _connections(most: int) -> int:
    """The number of connections that the limit of open files allows, after raising it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = most + _OTHER_FILES
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return max(wanted - _OTHER_FILES, min(most, 64))
