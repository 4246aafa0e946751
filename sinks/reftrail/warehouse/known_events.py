"""Ids of stored events: finds those events among new ones whose key is stored already.

A Bloom filter over all stored ids answers for nearly every new id that it isn't there; only the
others are looked up in ClickHouse. The filter is in memory, and is made from ClickHouse at the
first load. It has ids and not whole keys, since the id is at hand without decoding an event.
"""

from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Final

import numpy as np
from clickhouse_connect.driver.client import Client
from numpy.typing import NDArray

from reftrail.warehouse.duplicates import EventKey

if TYPE_CHECKING:
    import polars as pl

Digests = NDArray[np.uint64]
"""Two hashes of each id. They hold for one process: another one makes others."""

_BITS: Final = 12
_PROBES: Final = np.arange(8, dtype=np.uint64)
"""With 12 bits an id, 8 probes take 3 in 1,000 unknown ids for known."""
_SMALLEST: Final = 1 << 20
_SLICE: Final = 2_000_000
_MIXING: Final = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1))
"""Shifts and factors of SplitMix64 (https://prng.di.unimi.it/splitmix64.c)."""
_AT_ONCE: Final = 5_000


class BloomFilter:
    """A set of digests that may say that it has one it hasn't; its memory is fixed."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._bits = np.zeros(capacity * _BITS // 8 + 1, dtype=np.uint8)

    def add(self, digests: Digests) -> None:
        """Add digests; each takes some of the capacity."""
        self.capacity -= len(digests)
        for probe in _PROBES:
            self._set(self._places(digests, probe))

    def has(self, digests: Digests) -> NDArray[np.intp]:
        """The rows of the digests that it has, or may have."""
        rows = np.arange(len(digests))
        for probe in _PROBES:
            places = self._places(digests[rows], probe)
            rows = rows[(self._bits[places >> 3] & _bit(places)) != 0]
        return rows

    def _set(self, places: NDArray[np.intp]) -> None:
        """Set bits. Of several in one byte an assignment keeps one, so those that lack follow."""
        while len(places):
            self._bits[places >> 3] |= _bit(places)
            places = places[self._bits[places >> 3] & _bit(places) == 0]

    def _places(self, digests: Digests, probe: np.uint64) -> NDArray[np.intp]:
        size = np.uint64(len(self._bits) * 8)
        return ((digests[:, 0] + probe * digests[:, 1]) % size).astype(np.intp)


def _bit(places: NDArray[np.intp]) -> NDArray[np.uint8]:
    return np.left_shift(np.uint8(1), (places & 7).astype(np.uint8), dtype=np.uint8)


class GrowingFilter:
    """Bloom filters, of which each next one has the capacity of all those before."""

    def __init__(self, known: int) -> None:
        self._capacity = max(_SMALLEST, known + known // 4)
        self._filters = [BloomFilter(self._capacity)]

    def add(self, digests: Digests) -> None:
        """Add digests."""
        if len(digests) > self._filters[-1].capacity:
            self._filters.append(BloomFilter(max(self._capacity, len(digests))))
            self._capacity *= 2
        self._filters[-1].add(digests)

    def has(self, digests: Digests) -> set[int]:
        """The rows of the digests that it has, or may have."""
        return {int(row) for part in self._filters for row in part.has(digests)}


class KnownEvents:
    """Ids of stored events. Loads are asked about in the order of their numbers."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._filter: GrowingFilter | None = None
        self._below = 0

    def stored_before(
        self, ids: Sequence[bytes], digests: Digests, load: int
    ) -> dict[EventKey, int]:
        """Keys, with some of these ids, of events that other loads stored; each with its load.

        The rows of the load itself are left out, so that a load which is tried again finds the
        same. All loads of smaller numbers must be finished.
        """
        known = self._filled(load)
        suspects = sorted({ids[row].decode(errors="replace") for row in known.has(digests)})
        found: dict[EventKey, int] = {}
        for some in portions(suspects):
            found |= self._look_up(some, load)
        return found

    def stored(self, digests: Digests, load: int) -> None:
        """Note the ids of a load that is stored now."""
        self._filled(load).add(digests)
        self._below = max(self._below, load + 1)

    def follow(self, load: int) -> None:
        """Learn of the events of all loads before one, which must be finished."""
        self._filled(load)

    def _filled(self, load: int) -> GrowingFilter:
        """The filter with all ids of loads before one, whichever process stored them."""
        if self._filter is None:
            ((known,),) = self._client.query("SELECT count() FROM events").result_rows
            self._filter = GrowingFilter(known)
        if load > self._below:
            for ids in _slices(self._client, self._below, load):
                self._filter.add(digests_of(ids))
        self._below = max(self._below, load)
        return self._filter

    def _look_up(self, ids: Sequence[str], load: int) -> dict[EventKey, int]:
        """Loads made before they were numbered are 0, and so may several be."""
        rows = self._client.query(
            "SELECT event_id, type, ifNull(key_kind, ''), load FROM events "
            "WHERE event_id IN {ids:Array(String)} AND (load != {load:UInt64} OR load = 0)",
            parameters={"ids": ids, "load": load},
        ).result_rows
        return {EventKey(*key): int(number) for *key, number in rows}


def portions(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """The ids, so many at a time as one query takes."""
    return (ids[at : at + _AT_ONCE] for at in range(0, len(ids), _AT_ONCE))


def digests_of(ids: "Sequence[bytes] | pl.Series") -> Digests:
    """Hashes of ids: nothing secret depends on them, and equal ones only cost a look-up.

    The first is Python's own, the second follows from it.
    """
    first = np.fromiter(map(hash, ids), dtype=np.int64, count=len(ids)).view(np.uint64)
    second = first
    for shift, factor in _MIXING:
        second = (second ^ (second >> np.uint64(shift))) * np.uint64(factor)
    return np.stack([first, second], axis=1)


def _slices(client: Client, begin: int, end: int) -> "Iterator[pl.Series]":
    """The ids that loads stored, some millions at a time: each event is in one slice.

    A slice is a month, by which the table is divided, or a part of one by a hash: so a merge in
    between moves no event to another slice, and each query reads no more than one month.
    """
    loads = {"begin": begin, "end": end}
    months = client.query(
        "SELECT toYYYYMM(event_time) AS month, count() FROM events "
        "WHERE load >= {begin:UInt64} AND load < {end:UInt64} GROUP BY month",
        parameters=loads,
    ).result_rows
    for month, known in months:
        import polars as pl  # noqa: PLC0415  slow to import, and a new warehouse has no events

        slices = known // _SLICE + 1
        for number in range(slices):
            found = client.raw_query(
                "SELECT event_id FROM events WHERE toYYYYMM(event_time) = {month:UInt32} "
                "AND load >= {begin:UInt64} AND load < {end:UInt64} "
                "AND cityHash64(event_id) % {slices:UInt64} = {number:UInt64}",
                parameters={**loads, "month": month, "slices": slices, "number": number},
                fmt="ArrowStream",
                settings={"output_format_arrow_string_as_string": 0},
            )
            yield pl.read_ipc_stream(BytesIO(found))["event_id"]
