"""Stores of a worker's state: the interface, and the implementation in memory.

The other one, on disk, is in `engine/rocksdb`. What both keep is said by `StateStore`; here is what
it is made of.
"""

import time
from collections.abc import Callable, Container, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias, runtime_checkable

from reftrail.contracts.record import Millis
from reftrail.engine.grouped_cells import GroupedCells
from reftrail.engine.silenced import SilencedKeys
from reftrail.engine.stage import Stage
from reftrail.engine.stored_timers import StoredTimers, TimedStates
from reftrail.hosting.kafka.log_bounds import Position


class StoreError(RuntimeError):
    """Stored state can't be read or written, for which no record is to blame."""


PackedStates: TypeAlias = MutableMapping[str, bytes]
"""Packed states by key."""


class StatesByKey(Protocol):
    """Packed states that are looked up."""

    def get(self, key: str, /) -> bytes | None:
        """The packed state of a key; None if it has none."""


@runtime_checkable
class GroupedStates(Protocol):
    """Packed states of which groups can be listed."""

    def under(self, group: str) -> list[str]:
        """The keys of a group but for its own, in no order."""


class StateTimers(Protocol):
    """Timers of stored keys, and those of them that are due. Those of silenced keys never have."""

    silenced: SilencedKeys

    def add(self, times: Mapping[str, Millis], name_of: Callable[[str], str] = str) -> None:
        """From now on these keys have these times. name_of gives the name that a key is under."""

    def due(
        self, until: Millis, most: int, without: Container[str] = ()
    ) -> list[tuple[Millis, str]]:
        """The first keys whose time is at or before until, by time and then by key.

        At most so many, and none of those in without. They keep their times.
        """


@dataclass(slots=True)
class RestoredTo:
    """The progress of a partition's state: all of it is written together with the state.

    positions has those in what the stages read, restored_to those in the changelogs up to which the
    state has them; both by the topic's name without prefix. At current_at, in seconds since 1970,
    the state was surely all that was committed by then.
    """

    positions: dict[str, Position] = field(default_factory=dict)
    restored_to: dict[str, int] = field(default_factory=dict)
    current_at: float = field(default_factory=time.time)


class PartitionStore(Protocol):
    """One partition's state of all stages.

    progress is the position of the state that was found. What is changed is kept apart until it is
    written, and lost with the process until then.
    """

    progress: RestoredTo

    def packed(self, stage: Stage | None) -> PackedStates:
        """The states of a stage."""
        ...

    def timers(self, stage: Stage | None) -> Callable[[TimedStates], StateTimers]:
        """A function that makes the timers of a stage from its states."""
        ...

    def write(self, progress: RestoredTo) -> None:
        """Keep what has changed since the last call, all of it or nothing. It must be committed."""

    def clear(self, reason: str) -> None:
        """Forget everything, for a reason: progress and all that `packed` and `timers` return."""

    def close(self) -> None:
        """Let go of it; it isn't used any more. What is on disk stays there."""


class Stores(Protocol):
    """All state that a worker keeps."""

    async def prepare(self) -> None:
        """Find out what there is to know before a partition is opened."""

    def open(self, partition: int) -> PartitionStore:
        """The state of a partition, empty if none is here."""
        ...

    def stored(self) -> frozenset[int]:
        """The partitions of which an earlier process left a copy."""
        ...


class MemoryStore:
    """A partition's state in memory."""

    def __init__(self) -> None:
        self.progress = RestoredTo()

    def packed(self, stage: Stage | None) -> PackedStates:
        """See `PartitionStore`."""
        return GroupedCells() if is_grouped(stage) else {}

    def timers(self, stage: Stage | None) -> Callable[[TimedStates], StateTimers]:  # noqa: ARG002
        """See `PartitionStore`."""
        return StoredTimers

    def write(self, progress: RestoredTo) -> None:
        """Nothing is written."""

    def clear(self, reason: str) -> None:  # noqa: ARG002
        """See `PartitionStore`."""
        self.progress = RestoredTo()

    def close(self) -> None:
        """Nothing is open."""


class MemoryStores:
    """A worker's state in memory."""

    async def prepare(self) -> None:
        """There is nothing to find out."""

    def open(self, partition: int) -> PartitionStore:  # noqa: ARG002
        """See `Stores`."""
        return MemoryStore()

    def stored(self) -> frozenset[int]:
        """None: memory ends with its process."""
        return frozenset()


def is_grouped(stage: Stage | None) -> bool:
    """Whether the cells of a stage can be listed by their group."""
    return stage is not None and stage.family is not None and stage.family.grouped
