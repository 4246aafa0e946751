"""Client for programs on asyncio."""

import asyncio
from collections.abc import Iterable
from types import TracebackType
from typing import Self, Unpack

import httpx

from reftrail.client import events
from reftrail.client.async_outbox import AsyncOutbox
from reftrail.client.connection import (
    FLUSH_SECONDS,
    PATH,
    PATIENCE,
    TIMEOUT,
    checked_endpoint,
    checked_seconds,
    headers,
    not_said,
)
from reftrail.client.events import Context, Details, Event, OrderContext, RefundContext
from reftrail.client.fields import Amount
from reftrail.client.pending import QueueOptions
from reftrail.client.requests import Chunk, Receipt, chunks, now_text
from reftrail.client.trials import Trial


class AsyncReftrail:
    """`Reftrail` for asyncio: several `send` may run at once, each in order in itself.

    Nothing is sent once its event loop has ended: use `async with`, or await `close`.
    """

    def __init__(
        self,
        endpoint: str,
        secret_key: str,
        *,
        patience: float = PATIENCE,
        own_clock: bool = True,
        queue: QueueOptions | None = None,
    ) -> None:
        self._http = httpx.AsyncClient(
            base_url=checked_endpoint(endpoint), headers=headers(secret_key), timeout=TIMEOUT
        )
        self._patience = checked_seconds("patience", patience)
        self._sent_at = now_text if own_clock else not_said
        self._outbox = AsyncOutbox(self.send, queue or QueueOptions())

    async def signup(self, user_id: str, **context: Unpack[Context]) -> None:
        """See `Reftrail.signup`."""
        await self._outbox.put(events.signup(user_id, **context))

    async def purchase(
        self,
        user_id: str,
        order_id: str,
        amount: Amount,
        currency: str,
        **context: Unpack[OrderContext],
    ) -> None:
        """See `Reftrail.purchase`."""
        await self._outbox.put(events.purchase(user_id, order_id, amount, currency, **context))

    async def refund(self, user_id: str, order_id: str, **context: Unpack[RefundContext]) -> None:
        """See `Reftrail.refund`."""
        await self._outbox.put(events.refund(user_id, order_id, **context))

    async def identify(self, user_id: str, visitor_id: str, **details: Unpack[Details]) -> None:
        """See `Reftrail.identify`."""
        await self._outbox.put(events.identify(user_id, visitor_id, **details))

    async def send(self, events: Iterable[Event]) -> Receipt:
        """See `Reftrail.send`."""
        receipt = Receipt()
        for chunk in chunks(events):
            receipt += await self._send(chunk, receipt)
        return receipt

    async def _send(self, chunk: Chunk, before: Receipt) -> Receipt:
        trial = Trial(self._patience, before)
        while True:
            try:
                answer = await self._http.post(PATH, content=chunk.body(self._sent_at()))
            except httpx.TransportError as error:
                await asyncio.sleep(trial.pause(error))
                continue
            if answer.is_success:
                return chunk.receipt(answer)
            await asyncio.sleep(trial.pause(answer))

    async def flush(self, seconds: float = FLUSH_SECONDS) -> None:
        """See `Reftrail.flush`."""
        await self._outbox.flush(checked_seconds("seconds", seconds))

    async def close(self, seconds: float = FLUSH_SECONDS) -> None:
        """See `Reftrail.close`."""
        checked_seconds("seconds", seconds)
        try:
            await self._outbox.close(seconds)
        finally:
            await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()
