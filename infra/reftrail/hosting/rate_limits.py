"""Rate limits: token buckets, one for each key and each client address.

A bucket holds `burst` tokens and fills at `per_second`. A request takes one token before anything
is looked up; what it turns out to have been may cost more afterwards, down to a debt of one burst.
So a guesser waits longer and longer, and a user who asks for their own codes never waits.

Buckets live in this process: with n collectors behind a balancer somebody may ask n times as often.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from math import ceil
from typing import Final

MOST_BUCKETS: Final = 50_000
"""The most callers that are remembered; then the one that asked longest ago is forgotten."""
_NETWORK_BITS: Final = 64
"""The part of an IPv6 address that one customer has: the rest anybody may vary at will."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Tokens a second, and how many may be taken at once."""

    per_second: float
    burst: float

    @classmethod
    def of(cls, per_second: float, seconds: float) -> "Rate":
        """A rate whose burst is what comes in so many seconds, at least one token."""
        return cls(per_second, max(1.0, per_second * seconds))


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Buckets:
    """Buckets of one rate by name. clock gives seconds that never go back."""

    def __init__(self, rate: Rate, clock: Callable[[], float], most: int = MOST_BUCKETS) -> None:
        self._rate = rate
        self._clock = clock
        self._most = most
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, name: str) -> float:
        """Take a token: 0.0 if there was one, else the seconds until there is one again."""
        bucket = self._filled(name)
        if bucket.tokens < 1.0:
            return (1.0 - bucket.tokens) / self._rate.per_second
        bucket.tokens -= 1.0
        return 0.0

    def wait(self, name: str) -> float:
        """The seconds from now on until there is a token; 0.0 if there is one."""
        return max(1.0 - self._filled(name).tokens, 0.0) / self._rate.per_second

    def charge(self, name: str, tokens: float) -> None:
        """Take tokens that may not be there: the debt is never more than a burst.

        Fewer than none are given back.
        """
        bucket = self._filled(name)
        burst = self._rate.burst
        bucket.tokens = min(max(bucket.tokens - tokens, -burst), burst)

    def __len__(self) -> int:
        return len(self._buckets)

    def _filled(self, name: str) -> _Bucket:
        now = self._clock()
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = _Bucket(self._rate.burst, now)
            if len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
            return bucket
        gained = max(now - bucket.at, 0.0) * self._rate.per_second
        bucket.tokens, bucket.at = min(bucket.tokens + gained, self._rate.burst), now
        self._buckets.move_to_end(name)
        return bucket


class TooOften(Exception):  # noqa: N818  named after the HTTP status
    """A bucket is empty. retry_after is in whole seconds, at least one."""

    def __init__(self, scope: str, seconds: float) -> None:
        self.scope = scope
        self.retry_after = max(1, ceil(seconds))
        super().__init__(f"too many requests from this {scope}; ask again in {self.retry_after} s")


def network_of(address: str | None) -> str:
    """The bucket of an address: itself, or the /64 around it. Unknown addresses share one."""
    if address is None:
        return "unknown"
    parsed = ip_address(address)
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(IPv6Address(int(parsed) >> _NETWORK_BITS << _NETWORK_BITS))


def take_token(buckets: Buckets, name: str, scope: str) -> None:
    """Take a token of a scope, such as an address. Raises `TooOften`."""
    if seconds := buckets.take(name):
        raise TooOften(scope, seconds)
