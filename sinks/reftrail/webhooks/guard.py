"""Guard against requests into private networks.

A host's name is looked up once, all its addresses are judged, and the connection goes to one that
was judged: another answer of its name server a moment later changes nothing.
"""

import ssl
import time
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any, Final

import httpcore

from reftrail.webhooks.addresses import is_public
from reftrail.webhooks.lookups import Lookups, LookupTimeout

Networks = Sequence[IPv4Network | IPv6Network]


class AddressRefused(Exception):  # noqa: N818  named after what became of the address
    """An address that nothing is sent to. str() says why."""


def parse_address(text: str) -> IPv4Address | IPv6Address:
    """An address as lookups give it, without the zone of a link-local one."""
    return ip_address(text.partition("%")[0])


def refusal(
    host: str, address: IPv4Address | IPv6Address, allowed: Networks, *, encrypts: bool
) -> str | None:
    """The reason for which nothing is sent to a host's address; None if something is."""
    if any(address in network for network in allowed):
        return None
    if not is_public(address):
        return (
            f"{host} is at {address}, which isn't public; allow its network in "
            f"REFTRAIL_WEBHOOKS_PRIVATE_NETWORKS if that is meant"
        )
    return None if encrypts else f"{host} is asked without encryption; give an https address"


class GuardedBackend(httpcore.NetworkBackend):
    """Connections to public addresses, and to those of allowed networks, for a time.

    seconds is all the time that a connection has, from its beginning, the lookup of the name
    included: a receiver that sends a byte now and then doesn't get more. Without encryption only
    allowed networks are connected to.
    """

    def __init__(
        self, allowed: Networks, seconds: float, lookups: Lookups, *, encrypts: bool
    ) -> None:
        self._allowed = allowed
        self._lookups = lookups
        self._until = time.monotonic() + seconds
        self._encrypts = encrypts
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of a host that answers. Raises `AddressRefused`."""
        error: Exception | None = None
        for address in self._checked(host, port, timeout):
            try:
                stream = self._backend.connect_tcp(
                    address,
                    port,
                    timeout=_left(self._until, timeout),
                    local_address=local_address,
                    socket_options=socket_options,
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as failure:
                error = failure
            else:
                return _BoundedStream(stream, self._until)
        raise error or httpcore.ConnectError(f"{host} has no address")

    def _checked(self, host: str, port: int, timeout: float | None) -> list[str]:
        """All addresses of a host; none of them is refused."""
        try:
            addresses = self._lookups.addresses(host, port, _left(self._until, timeout))
        except LookupTimeout as error:
            raise httpcore.ConnectTimeout(str(error)) from error
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host} can't be looked up: {error}") from error
        for address in addresses:
            self._check(host, parse_address(address))
        return addresses

    def _check(self, host: str, address: IPv4Address | IPv6Address) -> None:
        why = refusal(host, address, self._allowed, encrypts=self._encrypts)
        if why is not None:
            raise AddressRefused(why)


class _BoundedStream(httpcore.NetworkStream):
    """A stream whose reads and writes all end by one time."""

    def __init__(self, stream: httpcore.NetworkStream, until: float) -> None:
        self._stream = stream
        self._until = until

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(self._until, timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(self._until, timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(self._until, timeout)
        encrypted = self._stream.start_tls(ssl_context, server_hostname, left)
        return _BoundedStream(encrypted, self._until)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


_LEAST_SECONDS: Final = 0.001


def _left(
    until: float,
    timeout: float | None,
    late: type[httpcore.TimeoutException] = httpcore.ConnectTimeout,
) -> float:
    left = until - time.monotonic()
    if left <= _LEAST_SECONDS:
        raise late("the time is up")
    return left if timeout is None else min(left, timeout)
