"""Timers of a stage's stored keys, in the order of time on disk."""

from collections.abc import Callable, Container, Iterator, Mapping
from heapq import merge
from typing import Any, Final

from reftrail.contracts.record import Millis
from reftrail.engine.rocksdb.entries import entries
from reftrail.engine.silenced import SilencedKeys
from reftrail.engine.stored_timers import TimedStates

_TIME_BYTES: Final = 8
_EARLIEST: Final = -(2**63)


class DiskTimers:
    """Timers of stored keys, and those of them that are due.

    An entry is a time, big endian, and a key. It counts only while the key's state has that time,
    and is removed when it is found not to. Changes stay in memory until they are put into a batch,
    beside those of the states.
    """

    def __init__(self, stored: Any, prefix: bytes, states: TimedStates) -> None:
        self._stored = stored
        self._prefix = prefix
        self._states = states
        self._ahead: dict[tuple[Millis, str], bool] = {}  # False: it is to be removed
        self.silenced = SilencedKeys(states.due_at)
        self._begin: Millis = (
            _EARLIEST  # no entry is before it; what was removed is slow to pass over
        )

    def add(
        self,
        times: Mapping[str, Millis],
        name_of: Callable[[str], str] = str,  # noqa: ARG002
    ) -> None:
        """From now on these keys have these times."""
        if not times:
            return
        self._ahead.update(((time, key), True) for key, time in times.items())
        self._begin = min(self._begin, *times.values())

    def due(
        self, until: Millis, most: int, without: Container[str] = ()
    ) -> list[tuple[Millis, str]]:
        """The first keys whose time is at or before until, by time and then by key.

        At most so many, and none of those in without. They keep their times.
        """
        found: list[tuple[Millis, str]] = []
        ahead = sorted(entry for entry, is_there in self._ahead.items() if is_there)
        begin: Millis | None = None
        last: tuple[Millis, str] | None = None
        for entry in merge(self._entries(), ahead):
            time, key = entry
            if time > until or len(found) >= most:
                begin = time if begin is None else begin
                break
            if entry == last or self._ahead.get(entry) is False:
                continue
            last = entry
            if self._states.due_at(key) != time:
                self._ahead[entry] = False
                continue
            begin = time if begin is None else begin
            if key not in without and not self.silenced.has(key, time):
                found.append(entry)
        self._begin = max(self._begin, until if begin is None else begin)
        return found

    def add_to(self, batch: Any, family: Any) -> None:
        """Put what has changed into a batch. Call `written` once that is written."""
        for (time, key), is_there in self._ahead.items():
            at = self._prefix + _ordered(time) + key.encode()
            if is_there:
                batch.put(at, b"", family)
            else:
                batch.delete(at, family)

    def written(self) -> None:
        """Rely on the disk for what was changed."""
        self._ahead.clear()

    def _entries(self) -> Iterator[tuple[Millis, str]]:
        time_at = len(self._prefix)
        key_at = time_at + _TIME_BYTES
        for at in entries(self._stored, self._prefix, self._prefix + _ordered(self._begin)):
            yield int.from_bytes(at[time_at:key_at]) + _EARLIEST, at[key_at:].decode()


def _ordered(time: Millis) -> bytes:
    """A time as bytes of the same order."""
    return (time - _EARLIEST).to_bytes(_TIME_BYTES)
