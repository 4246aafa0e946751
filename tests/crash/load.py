"""Plays a simulation through the collector and notes what was acknowledged."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

from reftrail.client import Reftrail
from reftrail.simulator import Simulation, Step

SENDERS: Final = 3
_BATCH: Final = 20
PATIENCE: Final = 120.0
"""Seconds for which clients go on asking for what the collector doesn't answer."""


class Load:
    """Events on their way: evenly over some seconds, each visitor's in order on one connection.

    acknowledged are the ids of those that the collector answered for with 2xx.
    """

    def __init__(self, simulation: Simulation, seconds: float) -> None:
        self.acknowledged: set[str] = set()
        self._seconds = seconds
        self._senders: list[list[Step]] = [[] for _ in range(SENDERS)]
        for step in simulation.steps():
            self._senders[step.journey % SENDERS].append(step)

    @contextmanager
    def playing(self, url: str, key: str) -> Iterator[Callable[[], None]]:
        """Send in the background; what is handed out waits for the end and raises what went wrong.

        A request that isn't answered is sent again under the same event_ids, by the client.
        """
        with (
            ThreadPoolExecutor(SENDERS) as pool,
            Reftrail(url, key, patience=PATIENCE, own_clock=False) as client,
        ):
            began = time.monotonic()
            runners = [pool.submit(self._play, runner, client, began) for runner in self._senders]

            def wait() -> None:
                for runner in runners:
                    runner.result()

            yield wait

    def _play(self, steps: Sequence[Step], client: Reftrail, began: float) -> None:
        for sent in range(0, len(steps), _BATCH):
            due = began + self._seconds * sent / len(steps)
            time.sleep(max(0.0, due - time.monotonic()))
            batch = [step.event for step in steps[sent : sent + _BATCH]]
            receipt = client.send(event.as_json() for event in batch)
            if receipt.accepted != len(batch):
                raise AssertionError(f"the collector rejected {receipt.rejected}")
            self.acknowledged.update(event.event_id for event in batch)
