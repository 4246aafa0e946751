"""Requests on the short way and on the long one: each is answered once, in its turn."""

import asyncio
import gc
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from support.http_server import served
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from reftrail.hosting.routes import Shortcut
from reftrail.hosting.whole_requests import WholeRequest

larges: list[Request] = []
going_on, begun = threading.Event(), threading.Event()


async def echo(request: Request) -> Response:
    if isinstance(request, WholeRequest):
        return PlainTextResponse(f"whole {request.whole_body.decode()}.")
    return PlainTextResponse(f"parts {(await request.body()).decode()}.")


async def peer(request: Request) -> Response:
    assert request.client
    return PlainTextResponse(f"from {request.client.host} by {request.url.scheme}.")


async def slow(request: Request) -> Response:
    begun.set()
    await asyncio.to_thread(going_on.wait, 60)
    return await echo(request)


async def large(request: Request) -> Response:
    larges.append(request)
    return PlainTextResponse("x" * 2**25)


async def broken(_: Request) -> Response:
    raise ValueError


def application() -> Shortcut:
    handlers = {"/echo": echo, "/peer": peer, "/slow": slow, "/large": large, "/broken": broken}
    plain = Starlette(routes=[Route(path, handlers[path], methods=["POST"]) for path in handlers])
    return Shortcut(plain, {("POST", path): handler for path, handler in handlers.items()})


@pytest.fixture(scope="module", params=[asyncio.new_event_loop, uvloop.new_event_loop])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Behind the loop of most hosts, and that of the collector."""
    with served(application, make_loop=request.param) as running:
        yield running


def connected(url: str) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname or "", parts.port or 0), timeout=60)


def post(path: str, body: bytes, *headers: bytes, version: bytes = b"1.1") -> bytes:
    length = b"Content-Length: %d" % len(body)
    if any(header.startswith(b"Transfer-Encoding") for header in headers):
        length = b"X-Length: 0"
    head = [b"POST %b HTTP/%b" % (path.encode(), version), b"Host: x", length, *headers]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


LAST = b"Connection: close"


def answered(url: str, *sent: bytes) -> bytes:
    """All that comes until the server closes; each part is sent once the one before was read."""
    with connected(url) as connection:
        for number, part in enumerate(sent):
            connection.sendall(part)
            if number < len(sent) - 1:
                wait_until_read(connection)
        return all_of(connection)


def all_of(connection: socket.socket) -> bytes:
    """All that comes until the server closes."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


@contextmanager
def waiting_for_slow(url: str, sent: bytes) -> Iterator[socket.socket]:
    """A connection whose first request, to /slow, is answered once going_on is set."""
    going_on.clear()
    begun.clear()
    with connected(url) as connection:
        connection.sendall(sent)
        assert begun.wait(60)
        yield connection


def wait_until_read(connection: socket.socket) -> None:
    """An answer to another connection comes after what was sent on this one has been read."""
    with socket.create_connection(connection.getpeername(), timeout=60) as other:
        other.sendall(post("/echo", b"", LAST))
        assert all_of(other)


def test_a_request_that_is_here_takes_the_short_way(url: str) -> None:
    answer = answered(url, post("/echo", b"one", LAST))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\ndate: ")
    assert answer.endswith(b"connection: close\r\n\r\nwhole one.")


@pytest.mark.parametrize(
    "header",
    [
        b"Origin: https://shop.example",
        b"Expect: 100-continue",
    ],
)
def test_a_request_with_other_wishes_takes_the_long_way(url: str, header: bytes) -> None:
    with connected(url) as connection:
        connection.sendall(post("/echo", b"one", header))
        received = b""
        while not received.endswith(b"parts one."):
            received += connection.recv(4096)
    assert received.startswith(b"HTTP/1.1 100 " if b"Expect" in header else b"HTTP/1.1 200 ")


@pytest.mark.parametrize("way", [b"X-Way: short", b"Origin: https://shop.example"])
@pytest.mark.parametrize("host", [b"X-Host: x", b"Host: x\r\nhost: y"])
def test_a_request_without_one_host_is_refused(url: str, host: bytes, way: bytes) -> None:
    sent = post("/echo", b"one", way, LAST).replace(b"Host: x", host)
    answer = answered(url, sent)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"one Host header" in answer
    assert b"one." not in answer


def test_http_1_0_needs_no_host(url: str) -> None:
    sent = post("/echo", b"one", version=b"1.0").replace(b"Host: x\r\n", b"")
    assert answered(url, sent).endswith(b"parts one.")


def test_an_offer_of_another_protocol_is_left_out(url: str) -> None:
    """As Java's client makes it, with bodies, too."""
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk"
    answer = answered(url, post("/echo", b"one", offer) + post("/echo", b"two", LAST))
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert b"whole one." in answer
    assert answer.endswith(b" two.")


def test_an_offer_in_an_older_version_is_answered_and_closed(url: str) -> None:
    offer = post("/echo", b"one", b"Connection: Upgrade", b"Upgrade: h2c", version=b"1.0")
    assert answered(url, offer).endswith(b"parts one.")


@pytest.mark.parametrize("way", [b"X-Short: x", b"Origin: x"])
def test_a_sender_is_who_is_connected_whatever_its_headers_say(url: str, way: bytes) -> None:
    """Headers of proxies are read by `edge.requests` alone, which knows the trusted ones."""
    said = (b"X-Forwarded-For: 192.0.2.1", b"X-Forwarded-Proto: https", way, LAST)
    assert answered(url, post("/peer", b"", *said)).endswith(b"from 127.0.0.1 by http.")


def test_a_body_that_comes_in_parts_takes_the_long_way(url: str) -> None:
    sent = post("/echo", b"x" * 200_000, LAST)
    for first in (len(sent) - 200_000, len(sent) - 100_000):
        answer = answered(url, sent[:first], sent[first:])
        assert answer.endswith(b"parts " + b"x" * 200_000 + b".")


def test_a_head_that_comes_in_parts_is_one(url: str) -> None:
    sent = post("/echo", b"one", LAST)
    assert answered(url, *(sent[n : n + 20] for n in range(0, 80, 20)), sent[80:]).endswith(
        b" one."
    )


def test_chunks_are_one_body_and_what_follows_them_is_left_out(url: str) -> None:
    chunks = b"3\r\none\r\n4\r\n two\r\n0\r\nAuthorization: Bearer x\r\n\r\n"
    answer = answered(url, post("/echo", chunks, b"Transfer-Encoding: chunked", LAST))
    assert answer.endswith(b"whole one two.")


def test_requests_behind_one_another_are_answered_in_their_order(url: str) -> None:
    with waiting_for_slow(
        url, post("/slow", b"1") + post("/echo", b"2") + post("/echo", b"3", b"Origin: x")
    ) as connection:
        connection.sendall(post("/echo", b"4", LAST))
        going_on.set()
        received = all_of(connection)
    bodies = [received.index(text) for text in (b" 1.", b" 2.", b" 3.", b" 4.")]
    assert bodies == sorted(bodies)
    assert received.count(b"HTTP/1.1 200 OK") == 4


def test_who_sends_no_more_is_answered(url: str) -> None:
    with waiting_for_slow(url, post("/slow", b"last")) as connection:
        connection.shutdown(socket.SHUT_WR)
        wait_until_read(connection)
        going_on.set()
        received = all_of(connection)
    assert received.endswith(b"connection: close\r\n\r\nwhole last.")


@pytest.mark.parametrize("way", [b"X-Way: short", b"Origin: long"])
@pytest.mark.parametrize("behind", [(), (b"2", b"3")])
def test_all_whole_requests_of_who_sends_no_more_are_answered(
    url: str, behind: tuple[bytes, ...], way: bytes
) -> None:
    sent = post("/slow", b"1", way) + b"".join(post("/slow", body, way) for body in behind)
    with waiting_for_slow(url, sent) as connection:
        connection.shutdown(socket.SHUT_WR)
        wait_until_read(connection)
        going_on.set()
        received = all_of(connection)
    assert received.count(b"HTTP/1.1 200 OK") == 1 + len(behind)
    assert received.endswith(b" %d." % (1 + len(behind)))


@pytest.mark.parametrize("way", [b"X-Way: short", b"Origin: long"])
def test_who_sends_nonsense_and_no_more_is_refused_behind_the_answer(url: str, way: bytes) -> None:
    with waiting_for_slow(url, post("/slow", b"1", way)) as connection:
        connection.sendall(b"nonsense\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        wait_until_read(connection)
        going_on.set()
        received = all_of(connection)
    good, bad = received.index(b"HTTP/1.1 200 OK"), received.index(b"HTTP/1.1 400 ")
    assert good < received.index(b" 1.") < bad
    assert received.count(b"HTTP/1.1 ") == 2


def test_who_ends_in_the_middle_of_a_request_is_not_answered(url: str) -> None:
    for way in (b"X-Way: short", b"Origin: long"):
        with connected(url) as connection:
            connection.sendall(post("/echo", b"half", way)[:-1])
            connection.shutdown(socket.SHUT_WR)
            assert all_of(connection) == b""


@pytest.mark.parametrize("way", [b"X-Way: short", b"Origin: long"])
@pytest.mark.parametrize(
    ("nonsense", "status"),
    [(b"nonsense\r\n\r\n", b"400"), (b"POST /" + b"x" * 70_000, b"431")],
)
def test_nonsense_is_refused_behind_the_answers_to_what_came_before(
    url: str, way: bytes, nonsense: bytes, status: bytes
) -> None:
    for behind in ((), (post("/echo", b"2", way), post("/echo", b"3"))):
        with waiting_for_slow(url, post("/slow", b"1", way)) as connection:
            connection.sendall(b"".join(behind) + nonsense)
            wait_until_read(connection)
            going_on.set()
            good, refusal, rest = all_of(connection).partition(b"HTTP/1.1 " + status)
        assert good.count(b"HTTP/1.1 200 OK") == good.count(b"HTTP/1.1 ") == 1 + len(behind)
        assert good.endswith(b" %d." % (1 + len(behind)))
        assert b"connection: close" not in good
        assert refusal
        assert b"connection: close" in rest
        assert b"HTTP/1.1 " not in rest


def test_who_closes_gets_no_refusal_of_what_comes_behind(url: str) -> None:
    with waiting_for_slow(url, post("/slow", b"1", LAST)) as connection:
        connection.sendall(b"nonsense\r\n\r\n")
        wait_until_read(connection)
        going_on.set()
        received = all_of(connection)
    assert received.count(b"HTTP/1.1 ") == 1
    assert received.endswith(b" 1.")


def test_a_broken_body_is_refused_behind_the_answers_to_what_came_before(url: str) -> None:
    broken_chunk = post("/echo", b"zz\r\n", b"Transfer-Encoding: chunked")
    for before in (post("/echo", b"1"), post("/echo", b"1", b"Origin: x")):
        answer = answered(url, before + broken_chunk)
        good, bad = answer.index(b"HTTP/1.1 200 OK"), answer.index(b"HTTP/1.1 400 ")
        assert good < answer.index(b" 1.") < bad
        assert answer.count(b"HTTP/1.1 ") == 2


def test_who_breaks_a_body_off_and_sends_no_more_is_refused_behind_the_answer(url: str) -> None:
    broken_chunk = post("/echo", b"zz\r\n", b"Transfer-Encoding: chunked")
    with waiting_for_slow(url, post("/slow", b"1")) as connection:
        connection.sendall(broken_chunk)
        connection.shutdown(socket.SHUT_WR)
        wait_until_read(connection)
        going_on.set()
        received = all_of(connection)
    assert received.index(b"HTTP/1.1 200 OK") < received.index(b"HTTP/1.1 400 ")


def test_requests_behind_one_another_are_read_a_few_at_a_time(url: str) -> None:
    with waiting_for_slow(url, post("/slow", b"") + post("/echo", b"") * 3_000) as connection:
        wait_until_read(connection)
        waiting = sum(isinstance(found, RequestResponseCycle) for found in gc.get_objects())
        going_on.set()
        connection.sendall(post("/echo", b"last", LAST))
        received = all_of(connection)
    assert waiting < 200
    assert received.count(b"HTTP/1.1 200 OK") == 3_002
    assert received.endswith(b" last.")


def test_a_body_behind_many_requests_is_read_to_its_end(url: str) -> None:
    sent = post("/echo", b"") * 300 + post("/echo", b"x" * 400_000, LAST)
    assert answered(url, sent).endswith(b"parts " + b"x" * 400_000 + b".")


def test_a_connection_is_kept_until_it_is_to_be_closed(url: str) -> None:
    with connected(url) as connection:
        for number in range(3):
            connection.sendall(post("/echo", b"%d" % number))
            assert connection.recv(4096).endswith(b"whole %d." % number)
        connection.sendall(post("/echo", b"last", version=b"1.0"))
        assert all_of(connection).endswith(b"parts last.")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 70_000, 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-Many: x\r\n" * 7_000, 431),
        (post("/echo", b"0\r\nX-Long: ", b"Transfer-Encoding: chunked") + b"x" * 400_000, 431),
        (post("/echo", b"", b"Content-Length: 1", b"Content-Length: 2"), 400),
        (post("/echo", b"", b"Content-Length: 9", b"Transfer-Encoding: chunked"), 400),
        (b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    ],
    ids=lambda given: str(given)[:40],
)
def test_what_is_no_request_is_refused(url: str, sent: bytes, status: int) -> None:
    with connected(url) as connection:
        connection.sendall(sent)
        answer = connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b"application/problem+json" in answer


def test_who_reads_no_answers_is_answered_no_further(url: str) -> None:
    larges.clear()
    with connected(url) as connection:
        for _ in range(4):
            connection.sendall(post("/large", b""))
            wait_until_read(connection)
        assert len(larges) == 2  # the second is answered once the first is on its way


def test_many_offers_at_once_are_left_out(url: str) -> None:
    """Each is read again without its offer; none within another."""
    offer = post("/echo", b"", b"Connection: Upgrade", b"Upgrade: h2c")
    assert (
        answered(url, offer * 1_500 + post("/echo", b"", LAST)).count(b"HTTP/1.1 200 OK") == 1_501
    )


def test_a_handler_that_breaks_ends_its_connection_alone(url: str) -> None:
    assert answered(url, post("/broken", b"")) == b""
    assert answered(url, post("/echo", b"on", LAST)).endswith(b"whole on.")


def test_what_was_begun_is_answered_before_the_end() -> None:
    going_on.clear()
    begun.clear()
    with served(application) as url:
        idle, busy = connected(url), connected(url)
        busy.sendall(post("/slow", b"late"))
        assert begun.wait(60)
        threading.Timer(0.2, going_on.set).start()  # while the server waits for it
    with idle, busy:
        assert busy.recv(4096).endswith(b"connection: close\r\n\r\nwhole late.")
        assert (busy.recv(4096), idle.recv(4096)) == (b"", b"")
