"""Bodies that never end, and bodies of many requests at once."""

import gzip
import json
import resource
import socket
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx
import pytest
from support.edge import RunningEdge
from support.metrics import wait_until

from reftrail.edge import requests
from reftrail.edge.encodings import zstd

HEAD = (
    b"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer pk\r\n"
    b"Content-Length: 100\r\n\r\n"
)


def opened(edge: RunningEdge, sent: bytes) -> socket.socket:
    parts = urlsplit(edge.url)
    connection = socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10)
    connection.sendall(sent)
    return connection


def test_half_a_body_is_answered_and_its_connection_closed(
    edge: RunningEdge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "BODY_SECONDS", 0.2)
    with opened(edge, HEAD + b'{"events": [') as connection:
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"send it again" in answer


def test_the_memory_of_all_bodies_is_bounded(
    edge: RunningEdge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "MOST_HELD_BYTES", 80)
    # Unit tests call handlers without answering, and so let go of no body.
    monkeypatch.setattr(requests, "_held", requests._Held())

    def sent() -> httpx.Response:
        return edge.published.post("/v1/events", json={"type": "view", "visitor_id": "v"})

    with opened(edge, HEAD + b" " * 60):
        # The other way round this body would be the one too many.
        wait_until(lambda: requests._held.total == 60, seconds=180)
        answer = sent()
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    wait_until(lambda: sent().status_code == 202, seconds=180)


VIEWS = json.dumps(
    {"events": [{"type": "view", "visitor_id": f"v{n}"} for n in range(50)]}
).encode()
PACKED: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "zstd": zstd.compress}


def packed(edge: RunningEdge, encoding: str, body: bytes) -> httpx.Response:
    return edge.published.post("/v1/events", content=body, headers={"content-encoding": encoding})


@pytest.mark.parametrize("encoding", PACKED)
def test_a_compressed_body_is_taken(edge: RunningEdge, encoding: str) -> None:
    answer = packed(edge, encoding, PACKED[encoding](VIEWS))
    assert (answer.status_code, answer.json()["accepted"]) == (202, 50)
    assert packed(edge, encoding.upper(), PACKED[encoding](VIEWS)).status_code == 202


@pytest.mark.parametrize("encoding", PACKED)
def test_a_body_of_several_members_is_one(edge: RunningEdge, encoding: str) -> None:
    pack = PACKED[encoding]
    assert packed(edge, encoding, pack(VIEWS[:100]) + pack(VIEWS[100:])).json()["accepted"] == 50


@pytest.mark.parametrize("encoding", PACKED)
def test_a_body_that_is_not_so_compressed_is_refused(edge: RunningEdge, encoding: str) -> None:
    whole = PACKED[encoding](VIEWS)
    for broken in (b"", b"x", VIEWS, whole[:-1], whole + b"x", whole[:20] + b"\xff" + whole[21:]):
        answer = packed(edge, encoding, broken)
        assert answer.status_code == 400
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("encoding", PACKED)
def test_a_bomb_is_unpacked_no_further_than_the_limit(edge: RunningEdge, encoding: str) -> None:
    bomb = PACKED[encoding](bytes(600 * 2**20))
    assert len(bomb) < requests.MAX_BYTES
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = packed(edge, encoding, bomb)
    assert answer.status_code == 413
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 2**10  # KiB
    members = PACKED[encoding](bytes(2**20)) * 200
    assert packed(edge, encoding, members).status_code == 413


NOTHING_PACKED = {
    "gzip": gzip.compress(b""),
    "zstd": zstd.compress(b""),
    "a zstd frame to skip": b"\x50\x2a\x4d\x18" + bytes(4),
}


@pytest.mark.parametrize("kind", NOTHING_PACKED)
def test_a_body_of_very_many_parts_is_refused_at_once(edge: RunningEdge, kind: str) -> None:
    part = NOTHING_PACKED[kind]
    body = part * (requests.MAX_BYTES // len(part))
    answer = packed(edge, "gzip" if kind == "gzip" else "zstd", body)
    assert (answer.status_code, "parts" in answer.json()["detail"]) == (400, True)


def test_a_zstd_window_that_takes_much_memory_is_refused(edge: RunningEdge) -> None:
    options: dict[int, int] = {
        zstd.CompressionParameter.window_log: 27,
        zstd.CompressionParameter.checksum_flag: 0,
    }
    compressor = zstd.ZstdCompressor(options=options)
    body = (
        compressor.compress(VIEWS) + compressor.flush()
    )  # without its size, the window is 128 MiB
    assert packed(edge, "zstd", body).status_code == 400
