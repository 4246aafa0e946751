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

_given_out: Final[dict[int, socket.socket]] = {}
"""The ports that this process was given, each with what reserves it."""


def free_port(host: str = LOOPBACK) -> int:
    """A port on which nothing listens now, another one at each call, also of other processes.

    Hosts of one stack get their ports before the first of them listens, and one that was killed
    comes back to its own. So a port belongs to the process that was given it until that ends.
    """
    candidates = random.sample(range(_FROM, _TO), 500)  # not for secrets
    for port in candidates:
        if port not in _given_out and is_free(port, host) and (held := _reservation(port)):
            _given_out[port] = held
            return port
    raise ExpectedError(
        f"none of 500 ports tried between {_FROM} and {_TO} is free on {host}; "
        f"stop what holds them or give the ports yourself"
    )


def _reservation(port: int) -> socket.socket | None:
    """A UDP socket on the same number, held for as long as this process lives; None if one is.

    Nobody here speaks UDP, and the TCP port stays free for the host that is to listen there.
    """
    held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        held.bind((LOOPBACK, port))
    except OSError:
        held.close()
        return None
    return held


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
