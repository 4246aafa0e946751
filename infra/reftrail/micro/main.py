"""Process of `reftrail micro`."""

import asyncio
from collections.abc import Callable
from typing import Final

from reftrail.hosting.run import run_until_stopped, stop_on_signals
from reftrail.hosting.serving import check_free, serve
from reftrail.micro.composition import Given
from reftrail.micro.routes import Micro

_PORT: Final = "--port"
_BETWEEN_SECONDS: Final = 0.005


async def run(given: Given, host: str, port: int, on_ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT; on_ready is called once connections are taken.

    Raises `ExpectedError` if it can't begin.
    """
    check_free(host, port, _PORT)
    stop = stop_on_signals()
    app = Micro(given)
    await run_until_stopped(
        stop, serve(app, host, port, _PORT), _announced(stop, host, port, on_ready)
    )


async def _announced(
    stop: asyncio.Event, host: str, port: int, on_ready: Callable[[], None]
) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(_BETWEEN_SECONDS)
        else:
            writer.close()
            break
    on_ready()
    await stop.wait()
