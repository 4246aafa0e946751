"""Timers of a stage's stored keys, in few bytes for each."""

from collections.abc import Callable, Container, Iterable, Mapping
from heapq import heappop, heappush
from typing import Final, Protocol

import msgspec

from reftrail.contracts.record import HOUR, Millis
from reftrail.engine.silenced import SilencedKeys

_SLACK: Final = 1_000

_encode: Callable[[str], bytes] = msgspec.msgpack.Encoder().encode
_decode: Callable[[bytes], list[str]] = msgspec.msgpack.Decoder(list[str]).decode


class TimedStates(Protocol):
    """Stored states by key. A name is a key, or the group of several keys."""

    @property
    def size(self) -> int:
        """The number of keys."""
        ...

    def names(self) -> Iterable[str]:
        """All names."""
        ...

    def due_at(self, key: str) -> Millis | None:
        """The time of a key; None if it has none."""
        ...

    def times_of(self, name: str) -> Iterable[tuple[Millis | None, str]]:
        """The times of the keys under a name, each with its key."""
        ...


class _Names:
    """Names as the items of a msgpack array."""

    __slots__ = ("count", "items")

    def __init__(self) -> None:
        self.items, self.count = bytearray(), 0

    def all(self) -> Iterable[str]:
        """Each name once, in the order in which they came."""
        array = b"".join((b"\xdd", self.count.to_bytes(4), self.items))
        return dict.fromkeys(_decode(array))


class StoredTimers:
    """Timers of stored keys, and those of them that are due.

    Only names are kept, by the hour in which one of their keys has its time. Once the hour comes,
    the times are read from the states. Only then are they sorted. So a key whose time has changed
    needs no removal: what it leaves behind is removed when most of the entries are such.
    """

    def __init__(self, states: TimedStates) -> None:
        self._states = states
        self.silenced = SilencedKeys(states.due_at)
        self._opened = -1  # the last hour whose times are in the heap
        self._clear()

    def _clear(self) -> None:
        self._hours: dict[int, _Names] = {}
        self._next_hours: list[int] = []
        self._heap: list[tuple[Millis, str]] = []
        self._named = 0

    def add(self, times: Mapping[str, Millis], name_of: Callable[[str], str] = str) -> None:
        """From now on these keys have these times. name_of gives the name that a key is under."""
        self._add(times.items(), name_of)
        if self._named + len(self._heap) > _SLACK + 2 * self._states.size:
            self._clear()
            for known in self._states.names():
                found = self._states.times_of(known)
                timed = [(owner, at) for at, owner in found if at is not None]
                self._add(timed, {owner: known for owner, _ in timed}.__getitem__)

    def due(
        self, until: Millis, most: int, without: Container[str] = ()
    ) -> list[tuple[Millis, str]]:
        """The first keys whose time is at or before until, by time and then by key.

        At most so many, and none of those in without. They keep their times.
        """
        found: list[tuple[Millis, str]] = []
        looked_at: list[tuple[Millis, str]] = []
        while len(found) < most and (entry := self._pop(until)):
            time, key = entry
            is_again = bool(looked_at) and looked_at[-1] == entry
            if is_again or self._states.due_at(key) != time or self.silenced.has(key, time):
                continue
            looked_at.append(entry)
            if key not in without:
                found.append(entry)
        for entry in looked_at:
            heappush(self._heap, entry)
        return found

    def _add(self, times: Iterable[tuple[str, Millis]], name_of: Callable[[str], str]) -> None:
        last_hour, names = -1, _Names()
        for key, time in times:
            hour = time // HOUR
            if hour <= self._opened:
                heappush(self._heap, (time, key))
                continue
            if hour != last_hour:  # most keys of a batch have times close to each other
                last_hour, names = hour, self._names_of(hour)
            names.items += _encode(name_of(key))
            names.count += 1
            self._named += 1

    def _names_of(self, hour: int) -> _Names:
        names = self._hours.get(hour)
        if names is None:
            names = self._hours[hour] = _Names()
            heappush(self._next_hours, hour)
        return names

    def _pop(self, until: Millis) -> tuple[Millis, str] | None:
        """The first of the times up to until, whether its key still has it or not."""
        while self._next_hours:
            begin = self._next_hours[0] * HOUR
            if begin > until or (self._heap and self._heap[0][0] < begin):
                break
            self._open(heappop(self._next_hours))
        if not self._heap or self._heap[0][0] > until:
            return None
        return heappop(self._heap)

    def _open(self, hour: int) -> None:
        names = self._hours.pop(hour)
        self._opened = hour
        self._named -= names.count
        for name in names.all():
            for time, key in self._states.times_of(name):
                if time is not None and time // HOUR == hour:
                    heappush(self._heap, (time, key))
