"""End of a host that doesn't wait for questions which are still being answered.

What is left behind ends with the process, see `run.end_process`: so it must be nothing that writes.
"""

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager

_log = logging.getLogger(__name__)


class AbandonedThreads(ThreadPoolExecutor):
    """Threads that nobody waits for: as an event loop's own they don't hold up its end."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002
        """Begin nothing more, whatever is asked for."""
        super().shutdown(wait=False, cancel_futures=True)


@contextmanager
def closed_within(seconds: float) -> Iterator[ExitStack]:
    """A stack whose closing is left behind if it takes longer: a connection may be at work.

    Raises what closing raises within this time.
    """
    opened = ExitStack()
    try:
        yield opened
    finally:
        closing: Future[None] = Future()
        threading.Thread(target=_close, args=(opened, closing), name="closing", daemon=True).start()
        if not wait([closing], seconds).done:
            _log.warning("a question is still being answered: it is left behind")
        else:
            closing.result()


def _close(opened: ExitStack, closing: Future[None]) -> None:
    try:
        opened.close()
    except Exception as error:  # noqa: BLE001  (raised by who waits for it)
        closing.set_exception(error)
    else:
        closing.set_result(None)
