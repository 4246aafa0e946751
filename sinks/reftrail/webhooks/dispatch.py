"""Couriers of all webhooks that the store has, each with threads of its own."""

import logging
import threading
from dataclasses import dataclass, field
from typing import Final

from reftrail.webhooks.courier import Courier, Means
from reftrail.webhooks.database import StoreBusy

_LOOK_SECONDS: Final = 0.5

_log = logging.getLogger(__name__)


class _Loop(threading.Thread):
    """A courier's loop. error is what ended it."""

    def __init__(self, courier: Courier, name: str) -> None:
        super().__init__(name=f"{name} {courier.webhook_id}", daemon=True)
        self._loop = courier.read if name == "read" else courier.send
        self.error: BaseException | None = None

    def run(self) -> None:
        """Run the loop to its end."""
        try:
            self._loop()
        except BaseException as error:  # noqa: BLE001  # raised where the loop is looked after
            self.error = error


@dataclass(slots=True)
class Dispatcher:
    """Runs a courier for each webhook; those that are added or removed are seen in the store."""

    means: Means
    _loops: dict[str, list[_Loop]] = field(default_factory=dict)

    def run(self, stop: threading.Event) -> None:
        """Run until stop is set. An error in a courier is raised here, and ends the host."""
        while not stop.is_set():
            try:
                self._look(stop)
            except StoreBusy as error:
                _log.warning("will be tried again: %s", error)
            stop.wait(_LOOK_SECONDS)
        for loop in self._all():
            loop.join()
        self._raise()

    def _look(self, stop: threading.Event) -> None:
        self._raise()
        for webhook_id in [name for name, loops in self._loops.items() if not any(_alive(loops))]:
            del self._loops[webhook_id]
        for webhook in self.means.store.all(self.means.clock()):
            if webhook.webhook_id not in self._loops:
                courier = Courier(self.means, webhook.webhook_id, stop)
                loops = [_Loop(courier, name) for name in ("read", "send")]
                self._loops[webhook.webhook_id] = loops
                for loop in loops:
                    loop.start()
        self.means.metrics.is_begun = True

    def _raise(self) -> None:
        for loop in self._all():
            if loop.error is not None:
                raise loop.error

    def _all(self) -> list[_Loop]:
        return [loop for loops in self._loops.values() for loop in loops]


def _alive(loops: list[_Loop]) -> list[bool]:
    return [loop.is_alive() for loop in loops]
