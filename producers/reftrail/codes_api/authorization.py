"""Rates of requests about codes, by the key that was let in and by its address."""

from dataclasses import dataclass

from starlette.requests import Request

from reftrail.codes_api.metrics import CodesApiMetrics
from reftrail.codes_api.rate_limits import Limits
from reftrail.contracts.events import KeyKind
from reftrail.edge.authorization import caller_of
from reftrail.edge.http_errors import RequestRefused
from reftrail.edge.requests import Networks, client_address
from reftrail.hosting.rate_limits import TooOften


@dataclass(frozen=True, slots=True)
class CodesCaller:
    """Caller of a request about codes: the key's name, kind and campaigns, and the address."""

    name: str
    kind: KeyKind
    address: str | None
    campaigns: frozenset[str] = frozenset()

    @property
    def is_secret(self) -> bool:
        """Whether the answer may have all details."""
        return self.kind is KeyKind.SECRET


class Admission:
    """Lets requests in at their rate, or says when to ask again."""

    def __init__(self, limits: Limits, proxies: Networks, metrics: CodesApiMetrics) -> None:
        self._limits = limits
        self._proxies = proxies
        self._metrics = metrics

    def admit(self, request: Request) -> CodesCaller:
        """The caller of a request. Raises `RequestRefused` if it asks too often."""
        key, address = caller_of(request), client_address(request, self._proxies)
        try:
            if key.is_secret:
                self._limits.admit_secret(key.name, address)
            else:
                self._limits.admit_published(key.name, address)
        except TooOften as error:
            self._metrics.limited.labels(error.scope, key.kind).inc()
            raise RequestRefused(429, str(error), retry_after=error.retry_after) from error
        return CodesCaller(key.name, key.kind, address, key.campaigns)

    def charge_guess(self, caller: CodesCaller) -> None:
        """A publishable key asks for a code, which may be wrong."""
        self._limits.charge_guess(caller.name, caller.address)

    def refund_guess(self, caller: CodesCaller) -> None:
        """The code counts."""
        self._limits.refund_guess(caller.name, caller.address)

    def charge_forged(self, caller: CodesCaller) -> None:
        """A secret key asked for a code that was made up."""
        self._limits.charge_forged(caller.name, caller.address)
