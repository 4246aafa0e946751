"""Queue of a client that is called: a thread sends what waits."""

import threading
import time
from collections.abc import Callable, Sequence

from reftrail.client.events import Event
from reftrail.client.pending import PAUSE, Pending, QueueOptions, not_sent
from reftrail.client.requests import MAX_EVENTS, NotSent, Receipt


class Outbox:
    """Sends events in order, by `send`; safe to use from several threads."""

    def __init__(self, send: Callable[[Sequence[Event]], Receipt], options: QueueOptions) -> None:
        self._send = send
        self._pending = Pending(options)
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._hurried = 0
        self._closed = False

    def put(self, event: Event) -> None:
        """Queue an event. Raises `QueueFull`, RuntimeError if the client is closed."""
        until = time.monotonic() + self._pending.options.full_seconds
        with self._changed:
            while self._pending.is_full and not self._closed:
                left = until - time.monotonic()
                if left <= 0:
                    raise self._pending.full()
                self._changed.wait(left)
            if self._closed:
                raise RuntimeError("the client is closed; make a new one")
            self._pending.events.append(event)
            self._changed.notify_all()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="reftrail", daemon=True)
                self._thread.start()

    def flush(self, seconds: float) -> None:
        """Return when everything is sent. Raises `Unsent` if that takes longer."""
        until = time.monotonic() + seconds
        with self._changed:
            self._hurried += 1
            self._changed.notify_all()
            try:
                while self._pending.events:
                    left = until - time.monotonic()
                    if left <= 0:
                        raise self._pending.unsent(seconds)
                    self._changed.wait(left)
            finally:
                self._hurried -= 1

    def close(self, seconds: float) -> None:
        """Take no more events, and flush. Raises `Unsent`, and sends those no more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        try:
            self.flush(seconds)
        finally:
            with self._changed:
                self._pending.events.clear()

    def _run(self) -> None:
        while batch := self._next():
            try:
                receipt = self._send(batch)
            except Exception as error:  # noqa: BLE001  a thread that ends would lose what waits
                self._failed(batch, not_sent(error))
                continue
            with self._changed:
                self._pending.answered(batch, receipt)
                self._changed.notify_all()

    def _failed(self, batch: list[Event], error: NotSent) -> None:
        with self._changed:
            self._pending.failed(batch, error)
            self._changed.notify_all()
        if error.status is not None:
            time.sleep(PAUSE)

    def _next(self) -> list[Event]:
        """The events of the next request; none once the client is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._pending.events or self._closed)
            self._changed.wait_for(
                lambda: len(self._pending.events) >= MAX_EVENTS or self._hurried or self._closed,
                self._pending.options.linger_seconds,
            )
            return self._pending.batch()
