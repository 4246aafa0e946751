"""An ASGI application behind the hosts' real HTTP server, in a thread of this process."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from reftrail.hosting.serving import serve
from reftrail.local.ports import answers, free_port
from support.metrics import wait_until


@contextmanager
def served(
    make_app: Callable[[], Any],
    port: int | None = None,
    make_loop: Callable[[], asyncio.AbstractEventLoop] | None = None,
    **options: Any,
) -> Iterator[str]:
    """The URL at which the application answers; it is made in the loop that serves it."""
    port, started = port or free_port(), threading.Event()
    ends: list[Callable[[], object]] = []

    async def run() -> None:
        loop, stopping = asyncio.get_running_loop(), asyncio.Event()
        ends.append(lambda: loop.call_soon_threadsafe(stopping.set))
        serving = asyncio.create_task(serve(make_app(), "127.0.0.1", port, "PORT", **options))
        started.set()
        await stopping.wait()
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving

    def run_in_loop() -> None:
        with asyncio.Runner(loop_factory=make_loop) as runner:
            runner.run(run())

    thread = threading.Thread(target=run_in_loop, name="HTTP server")
    thread.start()
    try:
        started.wait(60)
        wait_until(lambda: answers(port), seconds=180)
        yield f"http://127.0.0.1:{port}"
    finally:
        ends[0]()
        thread.join()
