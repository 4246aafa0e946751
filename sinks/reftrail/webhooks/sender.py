"""Request to a receiver, and the meaning of its answer: 2xx is delivered, all else is not."""

import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NamedTuple

import httpcore

from reftrail.webhooks.guard import AddressRefused, GuardedBackend, Networks
from reftrail.webhooks.lookups import Lookups
from reftrail.webhooks.model import Due, Webhook
from reftrail.webhooks.signing import signed_headers

_READ_AT_MOST: Final = 4096
_SHOWN: Final = 200


class Answer(NamedTuple):
    """The answer of a receiver. retry_after is what it asks for, in seconds."""

    is_delivered: bool
    detail: str
    retry_after: float | None = None


class Sender:
    """Sends messages; may be used by many threads.

    Each request has a connection of its own, so that one receiver never waits for another's.
    Redirects aren't followed: they say where the address should lead by now.
    """

    def __init__(
        self, allowed: Networks, seconds: float, clock: Callable[[], float] = time.time
    ) -> None:
        self._allowed = allowed
        self._seconds = seconds
        self._clock = clock
        self._tls = ssl.create_default_context()
        self._lookups = Lookups()

    def send(self, webhook: Webhook, due: Due) -> Answer:
        """POST a message, signed now."""
        signed = signed_headers(due.message_id, due.body, webhook.keys, int(self._clock()))
        headers = {
            "content-type": "application/json",
            "user-agent": "reftrail-webhooks",
            "connection": "close",
            **signed,
        }
        scheme, _, rest = webhook.url.partition(":")
        url = f"{scheme.lower()}:{rest}"
        encrypts = url.startswith("https:")
        backend = GuardedBackend(self._allowed, self._seconds, self._lookups, encrypts=encrypts)
        try:
            with (
                httpcore.ConnectionPool(self._tls, network_backend=backend) as pool,
                pool.stream(
                    "POST", url, headers=[*headers.items()], content=due.body.encode()
                ) as response,
            ):
                return _meaning(response)
        except AddressRefused as error:
            return Answer(is_delivered=False, detail=str(error))
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
            return Answer(is_delivered=False, detail=f"{type(error).__name__}: {error}")


def _meaning(response: httpcore.Response) -> Answer:
    if 200 <= response.status < 300:  # whatever becomes of its body
        return Answer(is_delivered=True, detail=f"answered {response.status}")
    said = _beginning(response)[:_SHOWN].decode("utf-8", "replace")
    detail = f"answered {response.status}" + (f": {said!r}" if said else "")
    if 300 <= response.status < 400:
        detail += "; redirects aren't followed, give the webhook the new address"
    return Answer(is_delivered=False, detail=detail, retry_after=_retry_after(response))


def _beginning(response: httpcore.Response) -> bytes:
    """The beginning of a body, for people; as much as came of it."""
    read = bytearray()
    with suppress(httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
        for chunk in response.iter_stream():
            read += chunk
            if len(read) >= _READ_AT_MOST:
                break
    return bytes(read)


def _retry_after(response: httpcore.Response) -> float | None:
    """The seconds of a Retry-After header, where it has seconds (RFC 9110, 10.2.3)."""
    for name, value in response.headers:
        if name.lower() == b"retry-after" and value.isdigit() and len(value) < 9:
            return float(value)
    return None
