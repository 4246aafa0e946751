"""Keys that a tick woke in vain, and isn't to wake again until their times change."""

from collections.abc import Callable, Collection

from reftrail.contracts.record import Millis


class SilencedKeys:
    """The keys with the times for which they were woken. due_at gives the time of a key by now."""

    def __init__(self, due_at: Callable[[str], Millis | None]) -> None:
        self._due_at = due_at
        self._times: dict[str, Millis | None] = {}

    def add(self, keys: Collection[str]) -> None:
        """Silence keys at their present times; those whose times have changed are dropped."""
        if not keys:
            return
        due_at = self._due_at
        still = {key: time for key, time in self._times.items() if due_at(key) == time}
        self._times = still | {key: due_at(key) for key in keys}

    def has(self, key: str, time: Millis) -> bool:
        """Whether a key isn't to be woken at a time."""
        return self._times.get(key) == time
