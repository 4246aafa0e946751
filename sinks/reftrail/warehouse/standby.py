"""Turns of several warehouses on one ClickHouse server: one loads, the others wait as standbys.

The one that loads gives a sign of life each second. A standby that sees none for some seconds
claims the next epoch, and after an orderly end at once. No clocks of two machines are compared.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final

from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError

from reftrail.contracts.errors import ExpectedError
from reftrail.warehouse.epochs import Epoch, Epochs, is_refused, overtaken
from reftrail.warehouse.following import Following
from reftrail.warehouse.ledger import ClaimedByAnotherError

_BEAT_SECONDS: Final = 1.0
_LOOK_SECONDS: Final = 0.5

_log = logging.getLogger(__name__)


class Standby:
    """A warehouse's wait for its turn, and its turn."""

    def __init__(
        self,
        epochs: Epochs,
        silence_seconds: float,
        waits_for: Callable[[str | None], None] = lambda _: None,
        follow: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """waits_for hears who loads, follow keeps up with it, so that a turn begins quickly.

        Follow runs in a thread of its own, also after the turn is claimed: see `followed`.
        """
        self._epochs = epochs
        self._silence_seconds = silence_seconds
        self._waits_for = waits_for
        self._following = Following(follow)
        self._clock = clock
        self._seen: Epoch | None = None
        self._since = clock()

    async def turn(self, stop: asyncio.Event) -> int | None:
        """Wait for the turn; the epoch that is claimed for it, None when asked to stop."""
        said: str | None = None
        while not stop.is_set():
            latest = await asyncio.to_thread(self._epochs.latest)
            if self._is_free(latest) and (number := await self._claim(latest)):
                self._waits_for(None)
                return number
            if latest is not None and not latest.is_released and latest.holder != said:
                said = latest.holder
                _log.info("waiting as a standby: %s loads (epoch %d)", said, latest.number)
                self._waits_for(said)
            self._following.go_on()
            await _pause(stop, _LOOK_SECONDS)
        return None

    async def followed(self, stop: asyncio.Event) -> None:
        """Wait until follow, begun before the turn, has ended, or stop is set."""
        await self._following.end(stop)

    async def turn_now(self) -> int:
        """The epoch, if nobody has given a sign of life since. Raises `ExpectedError`."""
        first = await asyncio.to_thread(self._epochs.latest)
        while not self._is_free(latest := await asyncio.to_thread(self._epochs.latest)):
            if latest != first and latest is not None:
                raise ExpectedError(
                    f"the warehouse {latest.holder} loads into this ClickHouse server; stop it, "
                    f"and its standbys, first"
                )
            await asyncio.sleep(_LOOK_SECONDS)
        if number := await self._claim(latest):
            return number
        raise overtaken()

    async def hold(self, work: Coroutine[Any, Any, None]) -> None:
        """Do the work of a turn, with signs of life. Raises `ExpectedError` if overtaken."""
        ended = asyncio.Event()
        working = asyncio.create_task(work)
        beating = asyncio.create_task(self._beat(ended))
        try:
            await asyncio.wait((working, beating), return_when=asyncio.FIRST_COMPLETED)
            await (beating if beating.done() else working)
        except DatabaseError as error:
            if is_refused(error):
                raise overtaken() from error
            raise
        except ClaimedByAnotherError:
            # Reading of the other's claim, a late holder isn't refused: it asks whether it is one.
            await asyncio.to_thread(self._epochs.beat)
            raise
        finally:
            working.cancel()
            ended.set()
            await asyncio.wait((beating,))  # a sign of life after the end would take it back
            beating.exception()  # what it found may be known already
            await asyncio.to_thread(self._release)

    async def _beat(self, ended: asyncio.Event) -> None:
        while not ended.is_set():
            await asyncio.to_thread(self._epochs.beat)
            await _pause(ended, _BEAT_SECONDS)

    def _release(self) -> None:
        """Let another one begin. An insert that is still under way is of a load that it finds."""
        try:
            self._epochs.release()
        except ClickHouseError as error:
            _log.warning("the end of this warehouse's turn can't be written: %s", error)

    def _is_free(self, latest: Epoch | None) -> bool:
        if latest != self._seen:
            self._seen, self._since = latest, self._clock()
        if latest is None or latest.is_released:
            return True
        return self._clock() - self._since >= self._silence_seconds

    async def _claim(self, latest: Epoch | None) -> int | None:
        number = await asyncio.to_thread(self._epochs.claim, latest.number if latest else 0)
        if number is not None:
            _log.info("it is this warehouse's turn: epoch %d", number)
        return number


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until it is set."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
