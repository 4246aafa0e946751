"""Access of requests to the service of codes: in a few threads, and while the store is away.

Threads, because the database blocks; few, because what runs in them shares the interpreter with the
events; and never more waiting than can be answered soon.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, TypeVar

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from reftrail.codes.formats.secrets import MasterSecret
from reftrail.codes.model import ActRefused, Why
from reftrail.codes.service import CodeService
from reftrail.codes.store import Store
from reftrail.contracts.errors import ExpectedError
from reftrail.edge.http_errors import RequestRefused

logger = logging.getLogger(__name__)

T = TypeVar("T")

_THREADS: Final = 4
_MOST_WAITING: Final = 64
_PATIENCE_SECONDS: Final = 10.0
_REOPEN_SECONDS: Final = 1.0
_CROWDED: Final = "too much is being asked of the codes at once; ask again"
RETRY_AFTER: Final = 2
NO_STORE: Final = (
    "this collector has no store of codes; set REFTRAIL_CODES_STORE, such as "
    "sqlite:////var/lib/reftrail/codes.sqlite"
)

STATUS_OF: Final = {
    Why.INVALID: 422,
    Why.NOT_FOUND: 404,
    Why.CLASH: 409,
    Why.STATUS: 409,
    Why.LIMIT: 409,
    Why.EXHAUSTED: 409,
    Why.NO_SECRET: 503,
}


@dataclass(frozen=True, slots=True)
class Opened:
    """A database that has answered, and the service on it."""

    store: Store
    service: CodeService


class Backend:
    """Runs what needs the database. url None: no store is configured, so every call is refused."""

    def __init__(self, url: str | None, secret: MasterSecret | None) -> None:
        self._url = url
        self._secret = secret
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="codes")
        self._waiting = 0
        self._long = asyncio.Lock()
        self._opening = threading.Lock()
        self._opened: Opened | None = None
        self._failed: ExpectedError | None = None
        self._failed_at = float("-inf")

    @property
    def is_configured(self) -> bool:
        """Whether there is a store that can be asked."""
        return self._url is not None

    async def run_long(self, call: Callable[[Opened], T]) -> T:
        """`run` for what computes for long: one at a time, so that events get their half."""
        self._check_capacity()
        self._waiting += 1
        try:
            await asyncio.wait_for(self._long.acquire(), _PATIENCE_SECONDS)
        except TimeoutError:
            raise RequestRefused(503, _CROWDED, retry_after=RETRY_AFTER) from None
        finally:
            self._waiting -= 1
        try:
            return await self.run(call)
        finally:
            self._long.release()

    async def run(self, call: Callable[[Opened], T]) -> T:
        """Run a call, which may block, in a thread. Raises `RequestRefused` with its status.

        A call that takes too long is answered for, and goes on.
        """
        if self._url is None:
            raise RequestRefused(503, NO_STORE)
        self._check_capacity()
        self._waiting += 1
        called = asyncio.get_running_loop().run_in_executor(self._threads, self._call, call)
        called.add_done_callback(self._done)
        try:
            return await asyncio.wait_for(asyncio.shield(called), _PATIENCE_SECONDS)
        except TimeoutError:
            raise RequestRefused(
                503,
                "the store of codes takes too long, this may be done all the same; ask again, with "
                "the same Idempotency-Key",
                retry_after=RETRY_AFTER,
            ) from None
        except ActRefused as error:
            raise RequestRefused(
                STATUS_OF[error.why], str(error), suggestion=error.suggestion
            ) from error
        except (ExpectedError, OperationalError, InterfaceError, PoolTimeout) as error:
            logger.warning("the store of codes: %s", error)
            raise RequestRefused(
                503,
                "the store of codes does not answer; ask again, with the same Idempotency-Key",
                retry_after=RETRY_AFTER,
            ) from error

    async def close(self) -> None:
        """Wait for what runs, then disconnect."""
        await asyncio.to_thread(self._threads.shutdown, wait=True, cancel_futures=True)
        if self._opened is not None:
            self._opened.store.close()

    def _check_capacity(self) -> None:
        if self._waiting >= _MOST_WAITING:
            raise RequestRefused(503, _CROWDED, retry_after=RETRY_AFTER)

    def _done(self, called: "asyncio.Future[T]") -> None:
        self._waiting -= 1
        if not called.cancelled():
            called.exception()  # the caller may be gone

    def _call(self, call: Callable[[Opened], T]) -> T:
        return call(self._open())

    def _open(self) -> Opened:
        """The store, opened at the first call that it answers."""
        with self._opening:
            if self._opened is not None:
                return self._opened
            if self._failed is not None and time.monotonic() < self._failed_at + _REOPEN_SECONDS:
                raise self._failed
            assert self._url is not None
            try:
                store = Store.open(self._url)
            except ExpectedError as error:
                self._failed, self._failed_at = error, time.monotonic()
                raise
            self._opened = Opened(store, CodeService(store, secret=self._secret))
            return self._opened
