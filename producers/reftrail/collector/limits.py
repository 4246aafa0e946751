"""Limits of events and followed links, by key and by the address of who sends them.

An event costs a token. A request is let in while there is one, and pays for its events afterwards,
down to a debt of one burst. Secret keys pay where a rate is set for them.

Guesses at codes are paid for apart. The time that an answer takes shows
whether a code is registered, so an address has to wait once it has named too many unknown codes.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final

from starlette.requests import Request

from reftrail.collector.metrics import CollectorMetrics
from reftrail.collector.settings import CollectorSettings
from reftrail.edge.api_keys import Caller
from reftrail.edge.http_errors import RequestRefused
from reftrail.edge.requests import client_address
from reftrail.hosting.rate_limits import (
    Buckets,
    Rate,
    TooOften,
    network_of,
    take_token,
)

_BURST_SECONDS: Final = 30.0
_GUESS_COSTS: Final = 5.0
_MOST_GUESSES: Final = 50_000


class Payer:
    """Payer for a request: the buckets that it empties."""

    __slots__ = ("_buckets", "address")

    def __init__(self, address: str, buckets: Iterable[tuple[Buckets, str]]) -> None:
        self.address = address
        self._buckets = tuple(buckets)

    def pay(self, events: int) -> None:
        """Pay for the events of a request beyond the first."""
        for buckets, name in self._buckets:
            buckets.charge(name, events - 1)


_NOBODY: Final = Payer("", ())


class EventLimits:
    """The buckets of one collector. clock gives seconds that never go back."""

    def __init__(
        self,
        settings: CollectorSettings,
        metrics: CollectorMetrics,
        clock: Callable[[], float],
    ) -> None:
        def buckets(per_second: float) -> Buckets:
            return Buckets(Rate.of(per_second, _BURST_SECONDS), clock)

        self._proxies = settings.proxies
        self._metrics = metrics
        self._addresses = buckets(settings.address_event_rate)
        self._published = buckets(settings.publishable_event_rate)
        secret = settings.secret_event_rate
        self._secret = None if secret is None else buckets(secret)
        self._guesses = buckets(settings.address_rate)
        self._guessed: OrderedDict[tuple[str, str], None] = OrderedDict()

    @property
    def are_for_secrets(self) -> bool:
        """Whether secret keys pay, too."""
        return self._secret is not None

    def admit(self, request: Request, caller: Caller) -> Payer:
        """Let a request with events in. Raises `RequestRefused` (429)."""
        if caller.is_secret:
            if self._secret is None:
                return _NOBODY
            return self._admitted("", [(self._secret, caller.name, "key")])
        address = self.address_of(request)
        asked = [
            (self._addresses, address, "address"),
            (self._published, caller.name, "key"),
        ]
        return self._admitted(address, asked)

    def check_address(self, request: Request) -> None:
        """Raise `RequestRefused` (429) for an address that sends too much."""
        if seconds := self._addresses.wait(self.address_of(request)):
            raise self._refused(TooOften("address", seconds))

    def may_ask(self, request: Request) -> bool:
        """Whether an address may learn what a code is, after the guesses that it has made."""
        return not self._guesses.wait(self.address_of(request))

    def counts_click(self, request: Request) -> bool:
        """Whether the address of a followed link has a token left, which is taken."""
        address = self.address_of(request)
        if self._guesses.wait(address) or self._addresses.take(address):
            self._metrics.limited.labels("address").inc()
            return False
        return True

    def admit_codes(self, address: str) -> None:
        """Let an address name codes. Raises `RequestRefused` (429)."""
        if address and (seconds := self._guesses.wait(address)):
            raise self._refused(TooOften("address", seconds))

    def charge_guesses(self, address: str, codes: Iterable[str]) -> None:
        """Charge codes that nobody knows: each once, since its repetition tells nothing new."""
        for code in codes:
            guess = (address, code)
            if address and guess not in self._guessed:
                self._guesses.charge(address, _GUESS_COSTS)
                self._guessed[guess] = None
                if len(self._guessed) > _MOST_GUESSES:
                    self._guessed.popitem(last=False)

    def _admitted(self, address: str, asked: list[tuple[Buckets, str, str]]) -> Payer:
        for buckets, name, scope in asked:
            self._take(buckets, name, scope)
        return Payer(address, [(buckets, name) for buckets, name, _ in asked])

    def _take(self, buckets: Buckets, name: str, scope: str) -> None:
        try:
            take_token(buckets, name, scope)
        except TooOften as error:
            raise self._refused(error) from error

    def _refused(self, error: TooOften) -> RequestRefused:
        self._metrics.limited.labels(error.scope).inc()
        return RequestRefused(429, str(error), retry_after=error.retry_after)

    def address_of(self, request: Request) -> str:
        """The name under which the address of a request pays."""
        return network_of(client_address(request, self._proxies))
