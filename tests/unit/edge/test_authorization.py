"""Keys that a host hasn't read yet are no wrong keys."""

import pytest
from starlette.requests import Request

from reftrail.contracts.api_keys import Scope
from reftrail.edge.api_keys import ApiKeys
from reftrail.edge.authorization import Authorization
from reftrail.edge.http_errors import RequestRefused, Unavailable
from reftrail.hosting.rate_limits import Rate
from reftrail.hosting.routes import needs


def request(key: str) -> Request:
    headers = [(b"authorization", f"Bearer {key}".encode())]
    return Request(
        {"type": "http", "method": "GET", "headers": headers, "client": ("203.0.113.7", 1)}
    )


def test_a_key_that_isn_t_read_yet_costs_its_address_nothing() -> None:
    keys = ApiKeys({})
    keys.is_complete = False
    limited: list[None] = []
    authorization = Authorization(
        keys,
        wrong=Rate(per_second=0.001, burst=2.0),
        on_limited=lambda: limited.append(None),
    )
    access = needs(Scope.EVENTS_WRITE)
    for _ in range(5):
        with pytest.raises(Unavailable, match="not read yet"):
            authorization.admit(request("sk_stored"), access)
    assert limited == []

    keys.is_complete = True
    for _ in range(2):
        with pytest.raises(RequestRefused, match="give a known API key"):
            authorization.admit(request("sk_wrong"), access)
    with pytest.raises(RequestRefused, match="address"):
        authorization.admit(request("sk_wrong"), access)
