"""HTTP server of a host."""

import asyncio
import logging
import socket
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

from reftrail.contracts.errors import ExpectedError

_log = logging.getLogger(__name__)


async def serve(app: Any, host: str, port: int, setting: str) -> None:
    """Answer until cancelled, and then what was begun.

    Raises `ExpectedError` if the port, set by `setting`, is taken.
    """
    check_free(host, port, setting)
    server = Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGINL,  # no host has a lifespan
        http=HTTPModes.auto,
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
