"""Queue of a client that is awaited: a task sends what waits."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from reftrail.client.events import Event
from reftrail.client.pending import PAUSE, Pending, QueueOptions, logger, not_sent
from reftrail.client.requests import MAX_EVENTS, Receipt


class AsyncOutbox:
    """Sends events in order, by `send`. It belongs to the loop that first puts something in."""

    def __init__(
        self, send: Callable[[Sequence[Event]], Awaitable[Receipt]], options: QueueOptions
    ) -> None:
        self._send = send
        self._pending = Pending(options)
        self._changed = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None
        self._hurried = 0
        self._closed = False

    async def put(self, event: Event) -> None:
        """Queue an event. Raises `QueueFull`, RuntimeError if the client is closed."""
        async with self._changed:
            try:
                async with asyncio.timeout(self._pending.options.full_seconds):
                    await self._changed.wait_for(lambda: self._closed or not self._pending.is_full)
            except TimeoutError:
                raise self._pending.full() from None
            if self._closed:
                raise RuntimeError("the client is closed; make a new one")
            self._pending.events.append(event)
            self._changed.notify_all()
            if self._task is None:
                self._task = asyncio.create_task(self._run(), name="reftrail")

    async def flush(self, seconds: float) -> None:
        """Return when everything is sent. Raises `Unsent` if that takes longer."""
        async with self._changed:
            self._hurried += 1
            self._changed.notify_all()
            try:
                async with asyncio.timeout(seconds):
                    await self._changed.wait_for(lambda: not self._pending.events)
            except TimeoutError:
                raise self._pending.unsent(seconds) from None
            finally:
                self._hurried -= 1

    async def close(self, seconds: float) -> None:
        """Take no more events, and flush. Raises `Unsent`, and sends those no more."""
        async with self._changed:
            self._closed = True
            self._changed.notify_all()
        try:
            await self.flush(seconds)
        finally:
            self._pending.events.clear()
            if self._task is not None:
                self._task.cancel()

    async def _run(self) -> None:
        try:
            while batch := await self._next():
                await self._try(batch)
        finally:
            if self._pending.events:
                logger.error(
                    "the event loop ended before %d events were sent; close the client before it "
                    "does: async with AsyncReftrail(...)",
                    len(self._pending.events),
                )

    async def _try(self, batch: list[Event]) -> None:
        try:
            receipt = await self._send(batch)
        except Exception as error:  # noqa: BLE001  a task that ends would lose what waits
            failure = not_sent(error)
            async with self._changed:
                self._pending.failed(batch, failure)
                self._changed.notify_all()
            await asyncio.sleep(0 if failure.status is None else PAUSE)
            return
        async with self._changed:
            self._pending.answered(batch, receipt)
            self._changed.notify_all()

    async def _next(self) -> list[Event]:
        """The events of the next request; none once the client is closed."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._pending.events or self._closed)
            try:
                async with asyncio.timeout(self._pending.options.linger_seconds):
                    await self._changed.wait_for(
                        lambda: (
                            len(self._pending.events) >= MAX_EVENTS or self._hurried or self._closed
                        )
                    )
            except TimeoutError:
                pass
            return self._pending.batch()
