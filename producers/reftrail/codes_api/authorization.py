"""Authorization of a request by its key and its rate."""

from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

from reftrail.codes_api.metrics import CodesApiMetrics
from reftrail.codes_api.rate_limits import Limits, TooOften
from reftrail.codes_api.request_parsing import caller_of
from reftrail.contracts.events import KeyKind
from reftrail.edge.api_keys import kind_in, require_key, require_secret_key
from reftrail.edge.http_errors import RequestRefused
from reftrail.edge.requests import Networks, client_address
from reftrail.hosting.auth import ApiKeys

_NOBODY: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Caller:
    """Caller of a request: the short name of the key, its kind, and the address."""

    name: str
    kind: KeyKind
    address: str | None

    @property
    def is_secret(self) -> bool:
        """Whether the answer may have all details."""
        return self.kind is KeyKind.SECRET


class Admission:
    """Lets requests in, or says why not."""

    def __init__(
        self, keys: ApiKeys, limits: Limits, proxies: Networks, metrics: CodesApiMetrics
    ) -> None:
        self._keys = keys
        self._limits = limits
        self._proxies = proxies
        self._metrics = metrics

    def admit(self, request: Request, *, published: bool = False) -> Caller:
        """The caller of a request. Raises `RequestRefused` if it may not ask.

        A publishable key may where published.
        """
        kind = kind_in(request, self._keys)
        name, address = caller_of(request), client_address(request, self._proxies)
        try:
            if kind is None:
                self._limits.admit_unknown(address)
            elif kind is KeyKind.PUBLISHABLE:
                self._limits.admit_published(name, address)
            else:
                self._limits.admit_secret(name, address)
        except TooOften as error:
            self._metrics.limited.labels(error.scope, kind or _NOBODY).inc()
            raise RequestRefused(429, str(error), retry_after=error.retry_after) from error
        if not published:
            require_secret_key(kind, "this needs a secret key; a publishable one may verify")
        return Caller(name, require_key(kind), address)

    def charge_guess(self, caller: Caller) -> None:
        """A publishable key asks for a code, which may be wrong."""
        self._limits.charge_guess(caller.name, caller.address)

    def refund_guess(self, caller: Caller) -> None:
        """The code counts."""
        self._limits.refund_guess(caller.name, caller.address)

    def charge_forged(self, caller: Caller) -> None:
        """A secret key asked for a code that was made up."""
        self._limits.charge_forged(caller.name, caller.address)
