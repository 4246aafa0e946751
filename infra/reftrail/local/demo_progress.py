"""Progress of the demo's pipeline, as bars."""

from contextlib import suppress
from threading import Event, Thread
from types import TracebackType
from typing import Final, Self

import httpx
from kafka.errors import KafkaError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from reftrail.contracts.topics import EVENTS
from reftrail.local.demo_observe import get
from reftrail.local.stack import Stack
from reftrail.local.topics import admin

_LOOK_EVERY: Final = 0.5
_SENT_AGAIN: Final = 1.02
"""The ratio of requests to events, about: some events are sent twice."""


class Bars:
    """Three bars while it is entered: what was acknowledged, decided on, and stored.

    A thread looks after the latter two; where it gets no answer, they stand still.
    """

    def __init__(self, stack: Stack, events: int, console: Console) -> None:
        self._stack = stack
        self._progress = Progress(
            TextColumn("{task.description:<22}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
        )
        total = round(events * _SENT_AGAIN)
        self._sent, self._decided, self._stored = (
            self._progress.add_task(name, total=total)
            for name in ("sent over HTTP", "decided by the workers", "in the warehouse")
        )
        self._done = Event()
        self._watching = Thread(target=self._watch, name="demo-progress", daemon=True)

    def sent(self, events: int) -> None:
        """Count more events as acknowledged."""
        self._progress.advance(self._sent, events)

    def all_sent(self) -> None:
        """Set the total: all events have been acknowledged."""
        for task in self._progress.tasks:
            self._progress.update(task.id, total=self._progress.tasks[self._sent].completed)

    def __enter__(self) -> Self:
        self._progress.start()
        self._watching.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._done.set()
        self._watching.join()
        if kind is None:
            total = self._progress.tasks[self._sent].completed
            for task in (self._decided, self._stored):
                self._progress.update(task, completed=total)
        self._progress.stop()

    def _watch(self) -> None:
        events = self._stack.installation.name_of(EVENTS)
        with admin(self._stack.installation) as client:
            while not self._done.wait(_LOOK_EVERY):
                with suppress(KafkaError):
                    group = self._stack.ready.group
                    offsets = client.list_group_offsets(group)[group].items()
                    decided = sum(at.offset for place, at in offsets if place.topic == events)
                    self._progress.update(self._decided, completed=decided)
                with suppress(httpx.HTTPError):
                    self._progress.update(self._stored, completed=self._stored_events())

    def _stored_events(self) -> int:
        ready = self._stack.ready
        positions = get(ready, "/v1/positions")
        return sum(positions.get(EVENTS.name, {}).values())
