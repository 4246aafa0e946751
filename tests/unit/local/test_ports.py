"""Ports that are free, and those that aren't."""

import socket
from collections.abc import Iterator

import pytest

from reftrail.contracts.errors import ExpectedError
from reftrail.local.ports import answers, free_port, is_free, port_for


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_free_port_has_no_listener() -> None:
    port = free_port()
    assert is_free(port)
    assert not answers(port)


def test_a_free_port_is_none_that_outgoing_connections_get() -> None:
    assert all(20_000 <= free_port() < 32_000 for _ in range(20))


def test_a_port_in_use_is_not_free(taken: int) -> None:
    assert not is_free(taken)
    assert answers(taken)


def test_a_given_port_in_use_is_refused(taken: int) -> None:
    with pytest.raises(
        ExpectedError, match=rf"port {taken}, given for the collector, is in use; stop what"
    ):
        port_for("the collector", taken)


def test_a_given_port_is_taken_as_it_is() -> None:
    port = free_port()
    assert port_for("the collector", port) == port
