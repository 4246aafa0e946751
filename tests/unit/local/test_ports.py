"""Ports that are free, and those that aren't."""

import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from reftrail.contracts.errors import ExpectedError
from reftrail.local import ports
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


@pytest.fixture
def free() -> tuple[int, int]:
    """Two ports that nobody was given."""
    first, second = free_port(), free_port()
    for port in (first, second):
        ports._given_out.pop(port).close()
    return first, second


def test_two_hosts_of_a_stack_never_get_one_port(
    monkeypatch: pytest.MonkeyPatch, free: tuple[int, int]
) -> None:
    monkeypatch.setattr("random.sample", lambda population, k: [free[0], *free])
    assert (free_port(), free_port()) == free


def asking(*wanted: int) -> subprocess.Popen[str]:
    """A process that asks for one of these ports, says which one it got, and lives on."""
    program = (
        "import random, sys\n"
        "from reftrail.local.ports import free_port\n"
        "random.sample = lambda population, k: [int(port) for port in sys.argv[1:]]\n"
        "print(free_port(), flush=True)\n"
        "sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", program, *map(str, wanted)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def given(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


def test_two_processes_never_get_one_port_while_the_first_lives(free: tuple[int, int]) -> None:
    """Though nothing listens on it yet, or not for a moment."""
    with asking(*free) as first:
        assert given(first) == free[0]
        with asking(*free) as second:
            assert given(second) == free[1]
            second.communicate()
        first.communicate()
    with asking(*free) as later:
        assert given(later) == free[0]
        later.communicate()
