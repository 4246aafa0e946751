"""Connections that send nothing, too little or another protocol, beside honest requests."""

import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from support import local_http
from support.http_server import served

from reftrail.hosting import serving
from reftrail.hosting.connections import Server

IDLE_SECONDS = 1.0


def application() -> Starlette:
    async def fine(_: Request) -> PlainTextResponse:
        return PlainTextResponse("fine")

    async def large(_: Request) -> PlainTextResponse:
        return PlainTextResponse("x" * 2**25)

    return Starlette(routes=[Route("/", fine), Route("/large", large)])


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with served(application, idle_seconds=IDLE_SECONDS) as running:
        yield running


def connected(url: str, sent: bytes = b"") -> socket.socket:
    parts = urlsplit(url)
    connection = socket.create_connection((parts.hostname or "", parts.port or 0), timeout=60)
    connection.sendall(sent)
    return connection


def ended(connection: socket.socket) -> bytes:
    """All that comes before the server closes; TimeoutError if it doesn't within 60 s."""
    return b"".join(iter(lambda: connection.recv(4096), b""))


def test_a_thousand_connections_without_a_byte_keep_nobody_out(url: str) -> None:
    with ExitStack() as open_:
        idle = [open_.enter_context(connected(url)) for _ in range(1000)]
        assert local_http.get(url, timeout=60).text == "fine"
        assert {ended(connection) for connection in (idle[0], idle[-1])} == {b""}


@pytest.mark.parametrize(
    "sent",
    [b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
)
def test_a_connection_without_a_whole_head_is_closed(url: str, sent: bytes) -> None:
    with connected(url, sent) as connection:
        assert b"fine" not in ended(connection)


def test_a_kept_connection_is_closed_after_a_while(url: str) -> None:
    with connected(url, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") as connection:
        assert ended(connection).endswith(b"fine")


@pytest.mark.parametrize("last", [b"", b"Connection: close\r\n"])
def test_a_connection_whose_answer_nobody_reads_is_ended(url: str, last: bytes) -> None:
    with connected(url, b"GET /large HTTP/1.1\r\nHost: x\r\n" + last + b"\r\n") as connection:
        ends = select.poll()
        ends.register(connection, 0)
        assert ends.poll(20_000)


def test_an_answer_does_not_wait_for_the_other_side_to_have_its_head(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Most answers are written in two parts; the kernel held the second one back for 40 ms."""
    delays: list[bool] = []

    class Watched(Server):
        def connection(self) -> Any:
            made: Any = super().connection()
            begin = made.connection_made

            def begun(transport: Any) -> None:
                begin(transport)
                plain = transport.get_extra_info("socket")
                delays.append(not plain.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

            made.connection_made = begun
            return made

    monkeypatch.setattr(serving, "Server", Watched)
    with served(application) as running:
        assert local_http.get(running, timeout=60).text == "fine"
    assert delays
    assert not any(delays)


def test_an_answer_that_is_read_slowly_is_read_to_its_end(url: str) -> None:
    sent = b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    begun = time.monotonic()
    with connected(url, sent) as connection:
        received = 0
        while part := connection.recv(2**18):
            received += len(part)
            time.sleep(3 * IDLE_SECONDS / 128)
    assert received > 2**25
    assert time.monotonic() - begun > 2 * IDLE_SECONDS


def test_a_full_host_makes_room_by_closing_those_that_are_idle_longest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serving, "MOST_CONNECTIONS", 4)
    with served(application) as url, ExitStack() as open_:
        idle = [open_.enter_context(connected(url)) for _ in range(4)]
        assert local_http.get(url, timeout=20).text == "fine"
        assert ended(idle[0]) == b""
