"""Client for programs that wait for each call."""

import atexit
import os
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Final, Self, Unpack
from weakref import WeakSet

import httpx

from reftrail.client import events
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
from reftrail.client.outbox import Outbox
from reftrail.client.pending import QueueOptions, Unsent, logger
from reftrail.client.requests import Chunk, Receipt, chunks, now_text
from reftrail.client.trials import Trial


class Reftrail:
    """Reports events to a collector. A context manager; safe to use from several threads.

    `signup`, `purchase`, `refund` and `identify` return at once: a thread sends what they report,
    at the latest when the process ends. `send` returns when Kafka has the events.

    Each request says what this machine's clock shows, by which the collector corrects the times of
    events. Where these come from other clocks (a file's, another machine's), own_clock=False.
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
        self._endpoint = checked_endpoint(endpoint)
        self._headers = headers(secret_key)
        self._patience = checked_seconds("patience", patience)
        self._sent_at = now_text if own_clock else not_said
        self._options = queue or QueueOptions()
        self._begin()
        _clients.add(self)

    def _begin(self) -> None:
        """Make connections and queue: at first, and in a fork, which must not share them."""
        self._http = httpx.Client(base_url=self._endpoint, headers=self._headers, timeout=TIMEOUT)
        self._outbox = Outbox(self.send, self._options)

    def signup(self, user_id: str, **context: Unpack[Context]) -> None:
        """Report a signup. visitor_id, in the context, says whose visits it belongs to.

        This and the following raise `QueueFull`, and TypeError or ValueError for wrong fields.
        """
        self._outbox.put(events.signup(user_id, **context))

    def purchase(
        self,
        user_id: str,
        order_id: str,
        amount: Amount,
        currency: str,
        **context: Unpack[OrderContext],
    ) -> None:
        """Report a paid order. The amount is exact: a Decimal, or a string such as "19.99"."""
        self._outbox.put(events.purchase(user_id, order_id, amount, currency, **context))

    def refund(self, user_id: str, order_id: str, **context: Unpack[RefundContext]) -> None:
        """Report that an order was paid back: an amount, up to a total in all, or in full."""
        self._outbox.put(events.refund(user_id, order_id, **context))

    def identify(self, user_id: str, visitor_id: str, **details: Unpack[Details]) -> None:
        """Report that a visitor is a user, who logged in on this browser or device."""
        self._outbox.put(events.identify(user_id, visitor_id, **details))

    def send(self, events: Iterable[Event]) -> Receipt:
        """Send any number of events, in order; returns when Kafka has what was accepted.

        Raises `NotSent` when the collector stays away for longer than patience or refuses a
        request as a whole.
        """
        receipt = Receipt()
        for chunk in chunks(events):
            receipt += self._send(chunk, receipt)
        return receipt

    def _send(self, chunk: Chunk, before: Receipt) -> Receipt:
        trial = Trial(self._patience, before)
        while True:
            try:
                answer = self._http.post(PATH, content=chunk.body(self._sent_at()))
            except httpx.TransportError as error:
                time.sleep(trial.pause(error))
                continue
            if answer.is_success:
                return chunk.receipt(answer)
            time.sleep(trial.pause(answer))

    def flush(self, seconds: float = FLUSH_SECONDS) -> None:
        """Return when what was queued is sent. Raises `Unsent` if that takes longer."""
        self._outbox.flush(checked_seconds("seconds", seconds))

    def close(self, seconds: float = FLUSH_SECONDS) -> None:
        """Flush, and close the connections. Raises `Unsent`."""
        checked_seconds("seconds", seconds)
        try:
            self._outbox.close(seconds)
        finally:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


_clients: Final[WeakSet[Reftrail]] = WeakSet()


def _flush_at_exit() -> None:
    for client in [*_clients]:
        try:
            client.close()
        except Unsent as error:
            logger.error("the process ends, and %s", error)


def _begin_in_child() -> None:
    for client in [*_clients]:
        client._begin()  # noqa: SLF001


atexit.register(_flush_at_exit)
os.register_at_fork(after_in_child=_begin_in_child)
