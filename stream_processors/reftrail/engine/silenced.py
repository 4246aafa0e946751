"""Keys whose timers fired in vain: they don't fire again until their times change."""

from collections.abc import Callable, Mapping

from reftrail.contracts.record import Millis


class SilencedKeys:
    """The keys with the times of their timers. due_at gives the time of a key by now."""

    def __init__(self, due_at: Callable[[str], Millis | None]) -> None:
        self._due_at = due_at
        self._times: dict[str, Millis | None] = {}

    def __bool__(self) -> bool:
        return bool(self._times)

    def update(self, times: Mapping[str, Millis | None]) -> None:
        """Silence keys at these times, or none of them any more where that is None.

        A caller that changes the time of a silenced key gives None, even if it has the same time
        again later. Those whose times have changed all the same are dropped.
        """
        if not times:
            return
        due_at = self._due_at
        still = {key: time for key, time in self._times.items() if due_at(key) == time}
        self._times = {k: time for k, time in (still | dict(times)).items() if time is not None}

    def time_of(self, key: str) -> Millis | None:
        """The time at which a key's timer doesn't fire, if it is silenced."""
        return self._times.get(key)

    def has(self, key: str, time: Millis) -> bool:
        """Whether a key's timer of this time doesn't fire."""
        return self._times.get(key) == time
