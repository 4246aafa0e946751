"""TCP ports of this machine."""

import random
import socket
from contextlib import closing
from typing import Final

from reftrail.contracts.errors import ExpectedError

LOOPBACK: Final = "127.0.0.1"

# Below what Linux (32768) and macOS (49152) hand out for outgoing connections: a client that
# keeps calling a dead local port out of that range can be given this very port, connect to
# itself, and so keep the server from coming back.
_FROM, _TO = 20_000, 32_000


def free_port(host: str = LOOPBACK) -> int:
    """A port on which nothing listens now."""
    candidates = random.sample(range(_FROM, _TO), 500)  # not for secrets
    for port in candidates:
        if is_free(port, host):
            return port
    raise ExpectedError(
        f"none of 500 ports tried between {_FROM} and {_TO} is free on {host}; "
        f"stop what holds them or give the ports yourself"
    )


def port_for(what: str, given: int | None) -> int:
    """The port that was given for something, or a free one where none was.

    Raises `ExpectedError` if it is in use.
    """
    if given is None:
        return free_port()
    if not is_free(given):
        raise ExpectedError(
            f"port {given}, given for {what}, is in use; stop what listens there, give another "
            f"port, or none for a free one"
        )
    return given


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could listen on the port."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def answers(port: int, host: str = LOOPBACK) -> bool:
    """Whether something accepts connections on the port."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True
