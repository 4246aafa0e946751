"""Rate limits of requests about codes, and which of them pay for wrong guesses."""

from collections.abc import Callable
from typing import Final

from reftrail.hosting.rate_limits import Buckets, Rate, network_of, take_token

WRONG_GUESS_COSTS: Final = 4
"""The cost of a code that doesn't count, beside the request's own token."""
FORGED_COSTS: Final = 9
"""The cost of a forged code to a secret key, beside the request's own token."""


class Limits:
    """The buckets that a request has to pass, and which of them pay for wrong guesses.

    secret is the rate of each secret key and of each address that uses one, published that of each
    publishable key, address that of each address that uses one.
    """

    def __init__(
        self, secret: Rate, published: Rate, address: Rate, clock: Callable[[], float]
    ) -> None:
        self._secret = Buckets(secret, clock)
        self._servers = Buckets(secret, clock)
        self._published = Buckets(published, clock)
        self._addresses = Buckets(address, clock)

    def admit_secret(self, key: str, address: str | None) -> None:
        """A request under a secret key. Raises `TooOften`."""
        take_token(self._servers, network_of(address), "address")
        take_token(self._secret, key, "key")

    def admit_published(self, key: str, address: str | None) -> None:
        """A verification under a publishable key. Raises `TooOften`.

        The address is asked first: one that is slowed down takes nothing from those who share the
        key with it.
        """
        take_token(self._addresses, network_of(address), "address")
        take_token(self._published, key, "key")

    def charge_forged(self, key: str, address: str | None) -> None:
        """Under a secret key somebody has asked for a code that was made up."""
        self._servers.charge(network_of(address), FORGED_COSTS)
        self._secret.charge(key, FORGED_COSTS)

    def charge_guess(self, key: str, address: str | None) -> None:
        """A publishable key asks for a code, which may not count.

        All reasons why it doesn't cost the same, or the rate would tell them apart.
        """
        self._addresses.charge(network_of(address), WRONG_GUESS_COSTS)
        self._published.charge(key, WRONG_GUESS_COSTS)

    def refund_guess(self, key: str, address: str | None) -> None:
        """Take back what the guess was charged: the code counts."""
        self._addresses.charge(network_of(address), -WRONG_GUESS_COSTS)
        self._published.charge(key, -WRONG_GUESS_COSTS)
