"""HTTP server of a host."""

import asyncio
import logging
import resource
import socket
from typing import Any, Final

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from reftrail.contracts.errors import ExpectedError

_log = logging.getLogger(__name__)

IDLE_SECONDS: Final = 65.0
"""The longest time without the whole head of a request: before the first, within one, between two.

Load balancers keep idle connections for 60 s, and must close them first.
"""
MOST_CONNECTIONS: Final = 8192
"""The most connections that are open at once; the next ones wait to be accepted."""
_OTHER_FILES: Final = 512
"""Open files of a host beside connections: Kafka's, a database's, the interpreter's."""
_BACKLOG: Final = 1024
_HEAD_BYTES: Final = 64 * 1024
"""The buffered bytes of a connection, and so the longest head of a request."""


async def serve(
    app: Any, host: str, port: int, setting: str, *, idle_seconds: float = IDLE_SECONDS
) -> None:
    """Answer until cancelled, and then what was begun.

    HTTP/1.1 alone: only its connections are closed when nothing is sent. Bodies have a deadline of
    their own, in `edge.requests`. Raises `ExpectedError` if the port, set by `setting`, is taken.
    """
    check_free(host, port, setting)
    server = Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGINL,  # no host has a lifespan
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(
            header_read_timeout=round(idle_seconds * 1000), max_buffer_size=_HEAD_BYTES
        ),
        backlog=_BACKLOG,
        backpressure=_connections(),
        websockets=False,
        log_enabled=False,
    )
    _log.info("serving on http://%s:%d", host, port)
    try:
        await server.serve()
    except asyncio.CancelledError:
        await server.shutdown()  # type: ignore[no-untyped-call]
        raise


def check_free(host: str, port: int, setting: str) -> None:
    """Raises `ExpectedError` if the port, set by `setting`, is taken.

    The server itself would share it with another one, or panic.
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


def _connections() -> int:
    """The number of connections that the limit of open files allows, after raising it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + _OTHER_FILES
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return max(wanted - _OTHER_FILES, 64)
