"""Connection of a client to its collector: the address, the key and the times."""

import math
from typing import Final

import httpx

PATIENCE: Final = 60.0
"""Seconds for which a request is tried again before `NotSent` is raised."""
FLUSH_SECONDS: Final = 10.0
"""Seconds for which `flush`, `close` and the end of the process wait for what is queued."""
LONGEST_SECONDS: Final = 7 * 86_400.0
"""A week: no call waits longer, and no event."""
TIMEOUT: Final = httpx.Timeout(30.0, connect=5.0)
PATH: Final = "/v1/events"


def checked_endpoint(endpoint: str) -> str:
    """The collector's address. Raises ValueError if it is none."""
    if not isinstance(endpoint, str) or not endpoint.startswith(("http://", "https://")):
        raise ValueError(
            f"the endpoint is {endpoint!r}; expected the collector's address, such as "
            f"https://events.shop.example"
        )
    return endpoint


def checked_seconds(name: str, seconds: float) -> float:
    """A time to wait. Raises ValueError if it is negative, not finite, or longer than a week."""
    if not (math.isfinite(seconds) and 0 <= seconds <= LONGEST_SECONDS):
        raise ValueError(
            f"{name} is {seconds!r}; expected seconds from 0 to {LONGEST_SECONDS:.0f} (a week)"
        )
    return seconds


def headers(secret_key: str) -> dict[str, str]:
    """The headers of each request. Raises TypeError, ValueError for a key that can't be sent."""
    if not isinstance(secret_key, str):
        raise TypeError(f"the key is {secret_key!r}; is the environment variable set that has it?")
    if not secret_key.isascii() or not secret_key.isprintable() or not secret_key.strip():
        raise ValueError("the key is empty or has characters that no key has; is it set?")
    return {"authorization": f"Bearer {secret_key.strip()}", "content-type": "application/json"}


def not_said() -> None:
    """No time of sending: events' times come from other clocks."""
