"""What a stage keeps for one partition: the packed state of each key, and what a batch changes."""

from collections.abc import Callable, Iterable, Mapping
from heapq import merge
from typing import Any

import msgspec

from reftrail.contracts.record import Millis
from reftrail.engine.alarms import Alarms
from reftrail.engine.dead_letters import fitting
from reftrail.engine.grouped_cells import GroupedCells
from reftrail.engine.stage import Stage
from reftrail.engine.state_views import CellView, FamilyView, unpacking, unpacking_cell
from reftrail.engine.store import MemoryStore, PartitionStore, is_grouped
from reftrail.rules.cells import Cells, group_of

_pack: Callable[[Any], bytes] = msgspec.msgpack.Encoder().encode


class StateStore:
    """The state of one stage and partition: packed values by key, in memory or on disk.

    It is ahead of the changelog by what its lane has concluded and not committed yet.
    restored_to is the position in the changelog up to which the values are taken from it. alarms
    has the times for which the keys of a stage with waking wait.
    """

    def __init__(self, stage: Stage | None = None, store: PartitionStore | None = None) -> None:
        store = store or MemoryStore()
        self._is_grouped = is_grouped(stage)
        self.packed = store.packed(stage)
        self.restored_to: int | None = None
        self.alarms = store.alarms(stage)(self)
        self._due_at = _due_at(stage) if stage else None

    def restore(self, key: bytes | None, value: bytes | None) -> None:
        """Take over one changelog message. Without a value the key is forgotten."""
        if key is None:
            raise ValueError("a changelog message has no key; something else writes to this topic")
        self.apply({key.decode(): value})

    def apply(
        self,
        changes: Mapping[str, bytes | None],
        due_times: Mapping[str, Millis] | None = None,
    ) -> None:
        """Take over what a batch changed; a key without a value is forgotten.

        due_times are the times for which the changed keys wait. Without them, they are read from
        the states.
        """
        for key, packed in changes.items():
            if packed is None:
                self.packed.pop(key, None)
            else:
                self.packed[key] = packed
        if self._due_at is None:
            return
        if due_times is None:
            times = ((key, self.due_at(key)) for key in changes)
            due_times = {key: time for key, time in times if time is not None}
        for key, time in due_times.items():
            self.alarms.add(group_of(key) if self._is_grouped else key, key, time)

    @property
    def size(self) -> int:
        """The number of keys."""
        return len(self.packed)

    def names(self) -> Iterable[str]:
        """The keys, or their groups."""
        return self.packed.groups() if isinstance(self.packed, GroupedCells) else self.packed

    def due_at(self, key: str) -> Millis | None:
        """The time for which a key waits, if it does."""
        packed = self.packed.get(key)
        return None if packed is None or self._due_at is None else self._due_at(key, packed)

    def times_of(self, name: str) -> Iterable[tuple[Millis | None, str]]:
        """The times of a key, or of all keys in a group."""
        if not isinstance(self.packed, GroupedCells):
            return [(self.due_at(name), name)]
        assert self._due_at is not None
        return [(self._due_at(key, packed), key) for key, packed in self.packed.members(name)]


def _due_at(stage: Stage) -> Callable[[str, bytes], Millis | None] | None:
    """When the packed state of a key wants to be woken, if ticks wake the stage."""
    if stage.waking is None:
        return None
    due_at, owns = stage.waking.due_at, stage.waking.owns
    if stage.family is None:
        unpack = unpacking_cell(stage.cells[-1])
        return lambda key, packed: due_at(unpack(packed, key)) if owns(key) else None
    unpack_cell = unpacking(stage.family)
    return lambda key, packed: due_at(unpack_cell(key, packed)) if owns(key) else None


class Batch:
    """The state as one batch sees it: the store below, its own changes above.

    They are kept apart until the batch is concluded, so that deciding anew costs nothing.
    """

    def __init__(self, stage: Stage, store: StateStore) -> None:
        self._cells = tuple(CellView(cell, store.packed) for cell in stage.cells)
        self._single = self._cells[0] if len(stage.cells) == 1 else None
        self._family = FamilyView(stage.family, store.packed) if stage.family else None
        self._waking = stage.waking
        self._stored_alarms = store.alarms
        self._alarms = Alarms()
        self._silenced: set[str] = set()
        self._unnoted: set[str] = set()
        self.asked_until: Millis = -1

    def load(self, record: Any) -> tuple[tuple[str, ...], Any]:
        """The keys of a record's state, and the state in the form its decider takes.

        Of a family of cells the one key is what decides on the partition.
        """
        if self._family is not None:
            return (self._family.key_of(record),), self._family.cells()
        if self._single is not None:
            key = self._single.key_of(record)
            return (key,), self._single.get(key)
        keys = tuple(cell.key_of(record) for cell in self._cells)
        states = tuple(cell.get(key) for cell, key in zip(self._cells, keys, strict=True))
        return keys, states

    def save(self, keys: tuple[str, ...], state: Any) -> None:
        """Keep a decider's state for the rest of the batch."""
        if self._family is not None:
            self._family.save(state.changed)
            if self._waking is not None:
                self._unnoted.update(state.changed)
            return
        if self._single is not None:
            self._single.changed[keys[0]] = last = state
        else:
            last = state[-1] if state else None
            for cell, key, part in zip(self._cells, keys, state, strict=True):
                cell.changed[key] = part
        if self._waking is not None:
            self._unnoted.add(keys[-1])
            if self.asked_until >= 0 and self._waking.owns(keys[-1]):
                self._ask_again(self._waking.due_at(last))

    def _ask_again(self, time: Millis | None) -> None:
        """Have a time that was asked about be asked about again, for a state that waits for it.

        So what is woken doesn't depend on where a batch ends.
        """
        if time is not None:
            self.asked_until = min(self.asked_until, time - 1)

    def trial(self) -> "Trial":
        """The same for one record; nothing of it is kept unless it is accepted."""
        return Trial(self)

    def silence(self, key: str) -> None:
        """Wake a key no more in this batch: a tick woke it in vain."""
        self._silenced.add(key)
        self._alarms.set(key, None)

    def due_since(self, until: Millis) -> list[str]:
        """The same as `due`; asked_until is then set, if these were all. None is due by then."""
        assert self._waking is not None
        found = self.due(until)
        if len(found) < self._waking.most:
            self.asked_until = until
        return found

    def due(self, until: Millis) -> list[str]:
        """The keys that a time wakes, in order; those that the batch changed as they are by now."""
        assert self._waking is not None
        changed, owns, due_at = self._wakeable(), self._waking.owns, self._waking.due_at
        for key in self._unnoted:
            if owns(key):
                self._alarms.set(key, due_at(changed[key]))
        self._unnoted.clear()
        most = self._waking.most
        without = {*changed, *self._silenced} if self._silenced else changed
        stored = self._stored_alarms.due(until, most, without=without)
        return [key for _, key in merge(stored, self._alarms.due(until, most))][:most]

    def changes(self) -> dict[str, bytes | None]:
        """What differs from the store, packed, by key. None: it is empty again."""
        found: dict[str, bytes | None] = {}
        for cell in self._cells:
            cell.add_changes(found)
        if self._family is not None:
            self._family.add_changes(found)
        return found

    def due_times(self, changes: Iterable[str]) -> dict[str, Millis]:
        """The times for which the keys of such changes wait, of those that do."""
        if self._waking is None:
            return {}
        states, owns, due_at = self._wakeable(), self._waking.owns, self._waking.due_at
        times = ((key, due_at(states[key])) for key in changes if key in states and owns(key))
        return {key: time for key, time in times if time is not None}

    def _wakeable(self) -> Mapping[str, Any]:
        """The changed states among which are those that ticks wake."""
        return self._cells[-1].changed if self._family is None else self._family.changed


class Trial:
    """What a batch shows one record, and what that record would have it keep."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._kept: tuple[tuple[str, ...], Any] | None = None

    def load(self, record: Any) -> tuple[tuple[str, ...], Any]:
        """See `Batch.load`."""
        return self._batch.load(record)

    def save(self, keys: tuple[str, ...], state: Any) -> None:
        """Keep a state for when it is accepted. Raises whatever would go wrong with it later."""
        if isinstance(state, Cells):
            cells = list(state.changed.items())
        else:
            cells = list(zip(keys, [state] if len(keys) == 1 else state, strict=True))
        for key, cell in cells:
            fitting(key.encode(), _pack(cell))
        self._kept = keys, state

    def accept(self) -> None:
        """Have the batch keep it."""
        if self._kept is not None:
            self._batch.save(*self._kept)
