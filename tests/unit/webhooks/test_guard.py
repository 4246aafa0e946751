"""Names that lead into private networks, at once or at the second look."""

import socket
from ipaddress import ip_network
from typing import Any

import httpcore
import pytest

from reftrail.webhooks.guard import AddressRefused, GuardedBackend
from reftrail.webhooks.lookups import Lookups


class Names:
    """A name server that gives one answer after the other, and counts how often it is asked."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = answers
        self.asked = 0

    def look_up(self, _host: str, port: int, **_: Any) -> list[Any]:
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in answer]


class Connected(Exception):  # noqa: N818  (ends the attempt where the network would begin)
    """The address to which a connection was begun."""


@pytest.fixture
def connecting(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(_: object, host: str, *_arguments: Any, **_settings: Any) -> Any:
        raise Connected(host)

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)


def begin(
    monkeypatch: pytest.MonkeyPatch, names: Names, *allowed: str, encrypts: bool = True
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", names.look_up)
    networks = [ip_network(network) for network in allowed]
    GuardedBackend(networks, 30, Lookups(), encrypts=encrypts).connect_tcp("shop.example", 443)


@pytest.mark.usefixtures("connecting")
def test_the_address_that_was_judged_is_the_one_that_is_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = Names(["8.8.8.8"], ["127.0.0.1"])
    with pytest.raises(Connected, match=r"8\.8\.8\.8"):
        begin(monkeypatch, names)
    assert names.asked == 1


@pytest.mark.usefixtures("connecting")
@pytest.mark.parametrize("found", [["10.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["::1"]])
def test_no_private_address_is_among_those_of_a_host(
    monkeypatch: pytest.MonkeyPatch, found: list[str]
) -> None:
    with pytest.raises(AddressRefused, match="isn't public; allow its network"):
        begin(monkeypatch, Names(found))


@pytest.mark.usefixtures("connecting")
def test_allowed_networks_are_connected_to_and_they_alone_without_encryption(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for encrypts in (True, False):
        with pytest.raises(Connected, match=r"10\.0\.0\.1"):
            begin(monkeypatch, Names(["10.0.0.1"]), "10.0.0.0/8", encrypts=encrypts)
    with pytest.raises(AddressRefused, match="give an https address"):
        begin(monkeypatch, Names(["8.8.8.8"]), "10.0.0.0/8", encrypts=False)


def test_a_name_that_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(httpcore.ConnectError, match="can't be looked up"):
        GuardedBackend([], 30, Lookups(), encrypts=True).connect_tcp("shop.example", 443)
