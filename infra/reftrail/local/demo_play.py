"""Sends a simulation to a collector: several connections, each visitor's events over one of them.

Input: the simulation's steps. Output: HTTP requests. Guarantee: every event is acknowledged when
`play` returns, those of one visitor in the order in which they were to be sent.
"""

import asyncio
from collections.abc import Callable
from queue import Queue
from threading import Thread
from typing import Any, Final, TypeAlias

from reftrail.client import AsyncReftrail
from reftrail.contracts.errors import ExpectedError
from reftrail.simulator import Simulation

CONNECTIONS: Final = 4
BATCH: Final = 500
_AHEAD: Final = 40
"""The number of batches made up before a connection is ready for them: 20 MB each connection."""

_STRAGGLERS_WAIT: Final = 0.05
"""Seconds: more than the grace of any campaign that gives none."""


class Wait:
    """Go on when all connections have come to this point."""


class End:
    """There is nothing more to send."""


Batch: TypeAlias = list[dict[str, Any]]
SendQueue: TypeAlias = Queue[Batch | Wait | End | Exception]


class Outbox:
    """Makes up a simulation's batches in a thread, somewhat ahead of their being sent."""

    def __init__(self, simulation: Simulation) -> None:
        """Begin at once; the simulation belongs to the thread until `play` has returned."""
        self.queues: tuple[SendQueue, ...] = tuple(Queue(_AHEAD) for _ in range(CONNECTIONS))
        self._simulation = simulation
        Thread(target=self._fill, name="outbox", daemon=True).start()

    def _fill(self) -> None:
        try:
            self._put_all()
        except Exception as error:  # noqa: BLE001 - raised by play(), in the thread that waits
            self._put(error)
        else:
            self._put(End())

    def _put_all(self) -> None:
        waiting: list[Batch] = [[] for _ in self.queues]
        in_time = True
        for step in self._simulation.steps():
            if step.straggler and in_time:
                in_time = False
                self._flush(waiting)
                self._put(Wait())
            number = step.journey % len(self.queues)
            waiting[number].append(step.event.as_json())
            if len(waiting[number]) == BATCH:
                self.queues[number].put(waiting[number])
                waiting[number] = []
        self._flush(waiting)

    def _flush(self, waiting: list[Batch]) -> None:
        for number, queue in enumerate(self.queues):
            if waiting[number]:
                queue.put(waiting[number])
                waiting[number] = []

    def _put(self, mark: Wait | End | Exception) -> None:
        for queue in self.queues:
            queue.put(mark)


async def play(
    outbox: Outbox, collector_url: str, secret_key: str, sent: Callable[[int], object]
) -> None:
    """Send everything; sent receives how many of the events were acknowledged since the last time.

    Raises `ExpectedError` if the collector stays away or refuses an event.
    """
    all_here = asyncio.Barrier(len(outbox.queues))
    async with AsyncReftrail(collector_url, secret_key, own_clock=False) as reftrail:
        try:
            async with asyncio.TaskGroup() as connections:
                for queue in outbox.queues:
                    connections.create_task(_send_all(queue, reftrail, all_here, sent))
        except* ExpectedError as errors:
            raise errors.exceptions[0] from None


async def _send_all(
    queue: SendQueue,
    reftrail: AsyncReftrail,
    all_here: asyncio.Barrier,
    sent: Callable[[int], object],
) -> None:
    while True:
        match await asyncio.to_thread(queue.get):
            case list(batch):
                receipt = await reftrail.send(batch)
                if receipt.rejected:
                    raise ExpectedError(f"the collector rejected a simulated event: {receipt}")
                sent(len(batch))
            case Wait():
                await all_here.wait()
                await asyncio.sleep(_STRAGGLERS_WAIT)
            case Exception() as error:
                raise error
            case End():
                return
