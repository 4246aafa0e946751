"""Events that wait to be sent in the background, and what becomes of those that aren't taken."""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from reftrail.client.connection import checked_seconds
from reftrail.client.events import Event
from reftrail.client.requests import MAX_EVENTS, NotSent, Receipt, Rejected
from reftrail.contracts.errors import ExpectedError

logger = logging.getLogger("reftrail.client")

HOPELESS: Final = frozenset({400, 413, 415})
"""Answers after which the same request is refused for ever. After others (a wrong key, a wrong
clock) the events are kept: somebody can put that right."""

PAUSE: Final = 5.0
"""Seconds before another request, after one that was refused."""

OnRejected = Callable[[Event, Rejected], object]


class QueueFull(ExpectedError):  # noqa: N818  what it says is the state of the queue
    """The queue had no capacity for an event, which was not taken. Call again later."""


class Unsent(ExpectedError):  # noqa: N818  what it says is the state of the events
    """Events were not sent in time. They are in `events`: send them again, by `send`."""

    def __init__(self, message: str, events: Sequence[Event]) -> None:
        super().__init__(message)
        self.events = tuple(events)


def not_sent(error: Exception) -> NotSent:
    """The failure of a request: its own, or a defect, after which the events are kept too."""
    if isinstance(error, NotSent):
        return error
    logger.error("unexpected; the events are kept", exc_info=error)
    return NotSent(f"unexpected: {error!r}", Receipt(), 500)


@dataclass(frozen=True, slots=True)
class QueueOptions:
    """The queue of a client.

    At most capacity events wait; a call waits for capacity for full_seconds, then raises
    `QueueFull`. A request leaves when it is full or its first event is linger_seconds old.
    on_rejected is called for each event that the collector rejects, in the background; without it
    an error is logged. Raises ValueError for what is no capacity, and no time up to a week.
    """

    capacity: int = 10_000
    full_seconds: float = 5.0
    linger_seconds: float = 0.2
    on_rejected: OnRejected | None = None

    def __post_init__(self) -> None:
        if self.capacity < 1:
            raise ValueError(f"capacity is {self.capacity!r}; expected at least 1 event")
        checked_seconds("full_seconds", self.full_seconds)
        checked_seconds("linger_seconds", self.linger_seconds)


@dataclass(slots=True)
class Pending:
    """Events in the order in which they came. Those of a request stay until it is answered."""

    options: QueueOptions
    events: deque[Event] = field(default_factory=deque)
    last_error: str = "the collector hasn't answered yet"

    @property
    def is_full(self) -> bool:
        """Whether there is no capacity for another event."""
        return len(self.events) >= self.options.capacity

    def batch(self) -> list[Event]:
        """The events of the next request."""
        return [self.events[index] for index in range(min(len(self.events), MAX_EVENTS))]

    def answered(self, batch: Sequence[Event], receipt: Receipt) -> None:
        """Forget the events of a request, and report those that were rejected."""
        self._forget(len(batch))
        for rejected in receipt.rejected:
            self._report(batch[rejected.index], rejected)

    def failed(self, batch: Sequence[Event], error: NotSent) -> None:
        """Keep the events of a request that failed, unless it always would."""
        self.last_error = str(error)
        if error.status not in HOPELESS:
            logger.error("%d events wait: %s", len(self.events), error)
            return
        self._forget(len(batch))
        for index, event in enumerate(batch):
            self._report(event, Rejected(index, "", str(error)))

    def full(self) -> QueueFull:
        """The error of a call for which there is no capacity."""
        return QueueFull(
            f"{len(self.events)} events wait, and the queue takes no more: {self.last_error}. "
            f"Call again later, or make the queue larger: QueueOptions(capacity=...)"
        )

    def unsent(self, seconds: float) -> Unsent:
        """The error of a flush that ended before everything was sent."""
        return Unsent(
            f"{len(self.events)} events were not sent within {seconds:g} s: {self.last_error}",
            self.events,
        )

    def _forget(self, count: int) -> None:
        for _ in range(min(count, len(self.events))):  # none after the client was closed
            self.events.popleft()

    def _report(self, event: Event, rejected: Rejected) -> None:
        if self.options.on_rejected is None:
            logger.error(
                "an event of type %s was rejected: %s %s (event_id %s)",
                event["type"],
                rejected.pointer,
                rejected.reason,
                event["event_id"],
            )
            return
        try:
            self.options.on_rejected(event, rejected)
        except Exception:
            logger.exception("on_rejected failed for event %s", event["event_id"])
