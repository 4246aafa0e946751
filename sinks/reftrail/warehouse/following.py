"""Reading of a standby: done in threads, beside its checks of whose turn it is.

The first time may take many seconds. A turn is claimed meanwhile, and only its first load waits; a
stop doesn't.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future


class Following:
    """Runs of follow, one at a time, in threads that the end of the process doesn't wait for."""

    def __init__(self, follow: Callable[[], None]) -> None:
        self._follow = follow
        self._run: Future[None] | None = None

    def go_on(self) -> None:
        """Begin a run, unless one is under way. Raises what the last one raised."""
        if self._run is not None:
            if not self._run.done():
                return
            self._run.result()
        self._run = Future()
        self._run.set_running_or_notify_cancel()
        threading.Thread(target=self._work, args=(self._run,), daemon=True).start()

    async def end(self, stop: asyncio.Event) -> None:
        """Wait for the run that is under way, or until stop is set. Raises what it raised."""
        if self._run is None:
            return
        run, stopped = asyncio.wrap_future(self._run), asyncio.create_task(stop.wait())
        await asyncio.wait((run, stopped), return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if run.done():
            run.result()

    def _work(self, run: Future[None]) -> None:
        try:
            self._follow()
        except BaseException as error:  # noqa: BLE001  (raised where the run is waited for)
            run.set_exception(error)
        else:
            run.set_result(None)
