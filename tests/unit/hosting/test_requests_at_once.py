"""Requests whose head was met before: begun without a parser, and answered as others are."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from support.http_server import served

from reftrail.hosting.json_answer import FixedAnswer
from reftrail.hosting.private import PublicPart
from reftrail.hosting.remembered_heads import Begin, RememberedHeads, Respond
from reftrail.hosting.routes import Shortcut
from reftrail.hosting.whole_requests import WholeRequest

LAST = b"Connection: close"
FIXED = FixedAnswer(PlainTextResponse("at once fixed."))


async def usual(request: Request) -> Response:
    way = "whole" if isinstance(request, WholeRequest) else "parts"
    return PlainTextResponse(f"{way} {(await body_of(request)).decode()}.")


async def body_of(request: Request) -> bytes:
    return request.whole_body if isinstance(request, WholeRequest) else await request.body()


def of_head(headers: Headers) -> Begin | None:
    return None if "x-usual" in headers else begin


def begin(body: bytes, respond: Respond) -> bool:
    if body == b"declined":
        return False
    answer = FIXED if body == b"fixed" else PlainTextResponse(f"at once {body.decode()}.")
    seconds = 0.5 if body == b"late" else 0.02
    asyncio.get_running_loop().call_later(seconds, respond, answer)
    return True


def application() -> Shortcut:
    plain = Starlette(routes=[Route("/quick", usual, methods=["POST"])])
    place = ("POST", "/quick")
    return Shortcut(plain, {place: usual}, {place: of_head})


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with served(application) as running:
        yield running


def post(body: bytes, *headers: bytes) -> bytes:
    length = b"Content-Length: %d" % len(body)
    head = b"\r\n".join([b"POST /quick HTTP/1.1", b"Host: x", length, *headers])
    return head + b"\r\n\r\n" + body


def connected(url: str) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname or "", parts.port or 0), timeout=60)


def answers(url: str, *sent: bytes) -> list[bytes]:
    """The answers to requests, each of which is sent once the one before was answered."""
    with connected(url) as connection:
        return [answer_to(connection, request) for request in sent]


def answer_to(connection: socket.socket, request: bytes) -> bytes:
    connection.sendall(request)
    received = b""
    while not received.endswith(b"."):
        received += connection.recv(4096)
    return received


def bodies(found: list[bytes]) -> list[bytes]:
    return [answer.partition(b"\r\n\r\n")[2] for answer in found]


def test_the_same_head_again_is_begun_at_once(url: str) -> None:
    mark = b"X-Test: again"
    found = answers(url, post(b"one", mark), post(b"two", mark), post(b"three", mark))
    assert bodies(found) == [b"whole one.", b"at once two.", b"whole three."]
    assert found[1].startswith(b"HTTP/1.1 200 OK\r\ndate: ")


def test_heads_are_remembered_for_all_connections(url: str) -> None:
    mark = b"X-Test: all"
    assert bodies(answers(url, post(b"one", mark))) == [b"whole one."]
    assert bodies(answers(url, post(b"two", mark))) == [b"at once two."]


def test_a_fixed_answer_is_like_others(url: str) -> None:
    mark = b"X-Test: fixed"
    found = answers(url, post(b"other", mark), post(b"fixed", mark), post(b"fixed", mark))
    assert bodies(found)[1:] == [b"at once fixed."] * 2
    assert found[1].startswith(b"HTTP/1.1 200 OK\r\ndate: ")
    assert b"content-length: 14\r\n" in found[1]


def test_what_is_declined_goes_the_usual_way(url: str) -> None:
    mark = b"X-Test: declined"
    sent = (post(b"12345678", mark), post(b"declined", mark), post(b"87654321", mark))
    assert bodies(answers(url, *sent)) == [
        b"whole 12345678.",
        b"whole declined.",
        b"at once 87654321.",
    ]


@pytest.mark.parametrize("header", [b"X-Usual: x", b"Origin: https://shop.example"])
def test_other_heads_go_the_usual_way(url: str, header: bytes) -> None:
    found = bodies(answers(url, *[post(b"one", header)] * 3))
    assert len(set(found)) == 1
    assert b"at once" not in found[0]


def test_the_end_of_a_connection_is_kept(url: str) -> None:
    for body in (b"one", b"two", b"fixed", b"fixed"):
        with connected(url) as connection:
            connection.sendall(post(body, LAST))
            received = b"".join(iter(lambda: connection.recv(4096), b""))
        assert received.count(b"connection: close\r\n") == 1
        assert received.endswith(body + b".")


def test_who_sends_no_more_is_answered(url: str) -> None:
    mark = b"X-Test: half"
    answers(url, post(b"one", mark))
    with connected(url) as connection:
        connection.sendall(post(b"two", mark))
        connection.shutdown(socket.SHUT_WR)
        received = b"".join(iter(lambda: connection.recv(4096), b""))
    assert received.endswith(b"connection: close\r\n\r\nat once two.")


def test_a_private_port_leaves_the_public_one_its_short_ways() -> None:
    with served(lambda: PublicPart(application())) as url:
        found = answers(url, post(b"one"), post(b"two"))
    assert bodies(found) == [b"whole one.", b"at once two."]


def test_what_was_begun_is_answered_before_the_end() -> None:
    with ExitStack() as left:
        with served(application) as url:
            answers(url, post(b"one1"))
            connection = left.enter_context(connected(url))
            gone = left.enter_context(connected(url))
            for asking in (connection, gone):
                asking.sendall(post(b"late"))
            answers(url, post(b"two"))  # what was sent before has been read
            gone.close()
        received = b"".join(iter(lambda: connection.recv(4096), b""))
    assert received.endswith(b"at once late.")


def test_requests_behind_one_begun_at_once_wait_for_their_turn(url: str) -> None:
    mark = b"X-Test: row"
    answers(url, post(b"0", mark))
    with connected(url) as connection:
        connection.sendall(post(b"1", mark))
        connection.sendall(post(b"2", mark) + post(b"3", mark, LAST))
        received = b"".join(iter(lambda: connection.recv(4096), b""))
    places = [received.index(text) for text in (b" 1.", b" 2.", b" 3.")]
    assert places == sorted(places)
    assert received.count(b"HTTP/1.1 200 OK") == 3


def test_two_requests_in_one_read_are_parsed(url: str) -> None:
    mark = b"X-Test: two"
    answers(url, post(b"0", mark))
    with connected(url) as connection:
        connection.sendall(post(b"1", mark) + post(b"2", mark, LAST))
        received = b"".join(iter(lambda: connection.recv(4096), b""))
    assert received.index(b" 1.") < received.index(b" 2.")
    assert b"at once" not in received


def test_a_head_within_a_message_is_a_part_of_it(url: str) -> None:
    """A body may look like a request; so may what follows the beginning of a head."""
    mark = b"X-Test: within"
    inner = post(b"1", mark)
    answers(url, inner)
    with connected(url) as connection:
        outer = post(inner, LAST)
        connection.sendall(outer[: -len(inner)])
        answers(url, post(b"0", mark))  # what was sent before has been read
        connection.sendall(inner)
        received = b"".join(iter(lambda: connection.recv(4096), b""))
    assert received.endswith(b"parts " + inner + b".")


def test_only_heads_whose_body_has_the_length_they_say_are_remembered() -> None:
    heads = RememberedHeads()
    for sent, fields in (
        (b"POST\r\n\r\none", {"content-length": "4"}),
        (b"POST\r\n\r\none", {"content-length": "3", "transfer-encoding": "chunked"}),
        (b"POST\r\n\r\none", {"content-length": "+3"}),
        (b"POST\r\n\r\none", {}),
        (b"x" * 3_000 + b"\r\n\r\none", {"content-length": "3"}),
    ):
        heads.remember(sent, Headers(fields), of_head, keeps_alive=True)
        assert heads.find(sent) is None


def test_heads_without_a_beginning_leave_the_others_their_place() -> None:
    """A client whose heads all differ (an Idempotency-Key in each) drives nobody else's out."""
    heads = RememberedHeads()
    first = b"POST first\r\n\r\none"
    heads.remember(first, Headers({"content-length": "3"}), of_head, keeps_alive=True)
    for number in range(1_025):
        sent = b"POST %d\r\n\r\none" % number
        fields = Headers({"content-length": "3", "x-usual": "x"})
        heads.remember(sent, fields, of_head, keeps_alive=True)
        assert heads.find(sent) is None
    assert heads.find(first) is not None


def test_the_heads_met_first_are_forgotten_where_there_are_many() -> None:
    heads = RememberedHeads()
    for number in range(1_025):
        sent = b"POST %d\r\n\r\none" % number
        heads.remember(sent, Headers({"content-length": "3"}), of_head, keeps_alive=True)
    assert heads.find(b"POST 0\r\n\r\none") is None
    assert heads.find(b"POST 1\r\n\r\none") is not None
    assert heads.find(b"POST 1\r\n\r\nfour") is None
