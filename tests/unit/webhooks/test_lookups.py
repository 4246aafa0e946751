"""Name servers that hang: within a delivery's time, and with one thread for each name."""

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from reftrail.webhooks import lookups as module
from reftrail.webhooks.lookups import Lookups, LookupTimeout
from reftrail.webhooks.model import Due, LogPlace, SigningKey, Webhook
from reftrail.webhooks.sender import Sender

PATIENCE = 60.0
A_MOMENT = 0.02
KEY = SigningKey("k1", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")
DUE = Due(LogPlace("rewards", 0, 1), "msg_1", "{}", 0, 1)


class Resolver:
    """A system's resolver that answers nothing for some names until it is let go."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.goes_on = threading.Event()

    def look_up(self, host: str, port: int, **_: Any) -> list[Any]:
        self.asked.append(host)
        if host.startswith("slow"):
            assert self.goes_on.wait(PATIENCE)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.1.2.3", port))]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    made = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", made.look_up)
    yield made
    made.goes_on.set()


def test_a_name_that_hangs_ends_in_time_and_others_are_found(resolver: Resolver) -> None:
    lookups = Lookups()
    with pytest.raises(LookupTimeout, match=r"slow\.example wasn't looked up in time"):
        lookups.addresses("slow.example", 443, A_MOMENT)
    assert lookups.addresses("shop.example", 443, PATIENCE) == ["10.1.2.3"]
    # Whoever asks again waits for the same lookup, and gets its answer once it is there.
    with pytest.raises(LookupTimeout):
        lookups.addresses("slow.example", 443, A_MOMENT)
    threading.Timer(A_MOMENT, resolver.goes_on.set).start()
    assert lookups.addresses("slow.example", 443, PATIENCE) == ["10.1.2.3"]
    assert resolver.asked == ["slow.example", "shop.example"]


def test_what_a_resolver_raises_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    lookups = Lookups()
    for _ in range(2):
        with pytest.raises(socket.gaierror):
            lookups.addresses("shop.example", 443, PATIENCE)


@pytest.mark.usefixtures("resolver")
def test_the_number_of_hanging_lookups_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_HANGING", 2)
    lookups = Lookups()
    for host in ("slow-1", "slow-2"):
        with pytest.raises(LookupTimeout, match="in time"):
            lookups.addresses(host, 443, A_MOMENT)
    with pytest.raises(LookupTimeout, match="2 other names"):
        lookups.addresses("shop.example", 443, PATIENCE)


@pytest.mark.usefixtures("resolver")
def test_a_delivery_whose_receivers_name_hangs_has_failed() -> None:
    webhook = Webhook("wh_1", "https://slow.example/", ("rewards",), (KEY,), 1, 0)
    answer = Sender([], A_MOMENT).send(webhook, DUE)
    assert not answer.is_delivered
    assert "ConnectTimeout: slow.example wasn't looked up in time" in answer.detail
