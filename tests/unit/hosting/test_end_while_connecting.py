"""The end of a server at the moment at which it takes a connection."""

import asyncio
from collections.abc import Callable

import pytest
import uvloop
from starlette.applications import Starlette

from reftrail.hosting import connections
from reftrail.hosting.connection import Connection
from reftrail.hosting.serving import serve
from reftrail.local.ports import free_port

SOON = 20.0
"""Seconds in which a server without requests ends on a busy machine."""


@pytest.mark.parametrize("make_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_connection_that_is_being_taken_is_closed(
    make_loop: Callable[[], asyncio.AbstractEventLoop], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the end waits for it as long as it waits for anything, and its client for an answer."""
    port = free_port()
    lost: list[Connection] = []
    serving: asyncio.Task[None]

    class Watched(Connection):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            serving.cancel()

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            lost.append(self)

    async def play() -> bytes:
        nonlocal serving
        serving = asyncio.create_task(
            serve(Starlette(), "127.0.0.1", port, "PORT", finishing_seconds=10 * SOON)
        )
        await asyncio.sleep(0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.wait([serving], timeout=SOON)
        assert serving.cancelled()
        received = await reader.read()
        writer.close()
        return received

    monkeypatch.setattr(connections, "Connection", Watched)
    with asyncio.Runner(loop_factory=make_loop) as runner:
        assert runner.run(play()) == b""
    assert len(lost) == 1
