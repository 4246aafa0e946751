"""Sends a simulation to a collector: several connections, each visitor's events over one of them.

Input: the simulation's steps. Output: HTTP requests. Guarantee: every event is acknowledged when
`play` returns, those of one visitor in the order in which they were to be sent.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from queue import Queue
from threading import Thread
from typing import Final, TypeAlias

import httpx
import msgspec

from reftrail.contracts.errors import ExpectedError
from reftrail.simulator import Simulation

CONNECTIONS: Final = 4
BATCH: Final = 500
_AHEAD: Final = 60
"""How many batches are made up before a connection is ready for them: 13 MB each connection."""

_TRY_AGAIN_AFTER: Final = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_STRAGGLERS_WAIT: Final = 0.05
"""Seconds: more than the grace of any campaign that gives none."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The body of a request, and how many events it has."""

    body: bytes
    size: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Go on when all connections have come to this point."""


@dataclass(frozen=True, slots=True)
class End:
    """There is nothing more to send; error is why, if not because everything was."""

    error: Exception | None = None


Lane: TypeAlias = Queue[Batch | Wait | End]


class Outbox:
    """Makes up a simulation's batches in a thread, somewhat ahead of their being sent."""

    def __init__(self, simulation: Simulation) -> None:
        """Begin at once; the simulation belongs to the thread until `play` has returned."""
        self.lanes: tuple[Lane, ...] = tuple(Queue(_AHEAD) for _ in range(CONNECTIONS))
        self._simulation = simulation
        Thread(target=self._fill, name="outbox", daemon=True).start()

    def _fill(self) -> None:
        try:
            self._put_all()
        except Exception as error:  # noqa: BLE001 - raised by play(), in the thread that waits
            self._put(End(error))
        else:
            self._put(End())

    def _put_all(self) -> None:
        waiting: list[list[dict[str, object]]] = [[] for _ in self.lanes]
        in_time = True
        for step in self._simulation.steps():
            if step.straggler and in_time:
                in_time = False
                self._flush(waiting)
                self._put(Wait())
            number = step.journey % len(self.lanes)
            waiting[number].append(step.event.as_json())
            if len(waiting[number]) == BATCH:
                self.lanes[number].put(_batch(waiting[number]))
                waiting[number] = []
        self._flush(waiting)

    def _flush(self, waiting: list[list[dict[str, object]]]) -> None:
        for lane, events in zip(self.lanes, waiting, strict=True):
            if events:
                lane.put(_batch(events))
                events.clear()

    def _put(self, mark: Wait | End) -> None:
        for lane in self.lanes:
            lane.put(mark)


async def play(
    outbox: Outbox, collector_url: str, secret_key: str, sent: Callable[[int], None]
) -> None:
    """Send everything; sent is told of every batch that was acknowledged.

    Raises `ExpectedError` if the collector can't be reached or refuses an event.
    """
    all_here = asyncio.Barrier(len(outbox.lanes))
    headers = {"Authorization": f"Bearer {secret_key}", "Content-Type": "application/json"}
    async with httpx.AsyncClient(base_url=collector_url, headers=headers, timeout=60.0) as client:
        try:
            async with asyncio.TaskGroup() as connections:
                for lane in outbox.lanes:
                    connections.create_task(_send_all(lane, client, all_here, sent))
        except* ExpectedError as errors:
            raise errors.exceptions[0] from None


async def _send_all(
    lane: Lane, client: httpx.AsyncClient, all_here: asyncio.Barrier, sent: Callable[[int], None]
) -> None:
    while True:
        match await asyncio.to_thread(lane.get):
            case Batch() as batch:
                await _send(batch, client)
                sent(batch.size)
            case Wait():
                await all_here.wait()
                await asyncio.sleep(_STRAGGLERS_WAIT)
            case End(error):
                if error is not None:
                    raise error
                return


async def _send(batch: Batch, client: httpx.AsyncClient) -> None:
    """Until it is acknowledged: events that were written nevertheless have the same ids again."""
    for pause in (*_TRY_AGAIN_AFTER, None):
        try:
            answer = await client.post("/v1/events", content=batch.body)
        except httpx.TransportError as error:
            trouble = repr(error)
        else:
            if answer.status_code == httpx.codes.ACCEPTED:
                return _check(answer.json()["rejected"])
            trouble = f"status {answer.status_code}: {answer.text[:200]}"
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
        if pause is not None:
            await asyncio.sleep(pause)
    raise ExpectedError(f"the collector did not take a batch of {batch.size} events; {trouble}")


def _check(rejected: list[dict[str, object]]) -> None:
    if rejected:
        raise ExpectedError(
            f"the collector rejected {len(rejected)} simulated events, the first of them: "
            f"{rejected[0]}"
        )


def _batch(events: list[dict[str, object]]) -> Batch:
    return Batch(msgspec.json.encode({"events": events}), len(events))
