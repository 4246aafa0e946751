"""State of a stage for one partition: the packed state of each key, and a batch's changes."""

import sys
from collections.abc import Callable, Iterable, Mapping
from heapq import merge
from typing import Any

import msgspec

from reftrail.contracts.external_inputs import Ticked
from reftrail.contracts.record import Millis, Record
from reftrail.engine.dead_letters import fitting
from reftrail.engine.grouped_cells import GroupedCells
from reftrail.engine.stage import Stage, TimerSpec, any_key
from reftrail.engine.state_views import CellView, FamilyView, unpacking, unpacking_cell
from reftrail.engine.store import MemoryStore, PartitionStore, is_grouped
from reftrail.engine.timer_queue import TimerQueue
from reftrail.rules.cells import Cells, group_of

_pack: Callable[[Any], bytes] = msgspec.msgpack.Encoder().encode


class StateStore:
    """The state of one stage and partition: packed values by key, in memory or on disk.

    It is ahead of the changelog by what its partition's runner has decided and not committed yet.
    restored_to is the position in the changelog up to which the values are taken from it. timers
    has the times for which the keys of a stage with timers wait.
    """

    def __init__(self, stage: Stage | None = None, store: PartitionStore | None = None) -> None:
        store = store or MemoryStore()
        self._is_grouped = is_grouped(stage)
        self.packed = store.packed(stage)
        self.restored_to: int | None = None
        self.timers = store.timers(stage)(self)
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
        silenced: Mapping[str, Millis | None] | None = None,
    ) -> None:
        """Take over what a batch changed; a key without a value is forgotten.

        due_times are the times for which the changed keys wait. Without them, they are read from
        the states. silenced are keys with the times of timers that fired in vain, or None.
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
        if silenced:
            self.timers.silenced.update(silenced)
            due_times = self._woken(silenced) | dict(due_times)
        if due_times:
            self.timers.add(due_times, group_of if self._is_grouped else str)

    def _woken(self, silenced: Mapping[str, Millis | None]) -> dict[str, Millis]:
        """The times of keys that are silent no longer.

        Such a key may be as it is stored, and its timer was dropped while it was silent.
        """
        awake = (key for key, silent_at in silenced.items() if silent_at is None)
        return {key: time for key in awake if (time := self.due_at(key)) is not None}

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
    """The time of a key's timer by its packed state, if the stage has timers."""
    if stage.timers is None:
        return None
    due_at, owns = stage.timers.due_at, stage.timers.owns
    if stage.family is None:
        unpack = unpacking_cell(stage.cells[-1])
        return lambda key, packed: due_at(unpack(packed, key)) if owns(key) else None
    unpack_cell = unpacking(stage.family)
    return lambda key, packed: due_at(unpack_cell(key, packed)) if owns(key) else None


class Batch:
    """The state as one batch sees it: the store below, its own changes above.

    They are kept apart until the batch is decided, so that deciding anew costs nothing.
    """

    def __init__(self, stage: Stage, store: StateStore) -> None:
        self._cells = tuple(CellView(cell, store.packed) for cell in stage.cells)
        self._single = self._cells[0] if len(stage.cells) == 1 else None
        self.packed = store.packed
        self._family = FamilyView(stage.family, store.packed) if stage.family else None
        self._timers = stage.timers
        self._is_last_cell_timed = stage.timers is not None and stage.timers.owns is any_key
        self._stored_timers = store.timers
        self._has_silenced = bool(store.timers.silenced)  # the store stays as it is meanwhile
        self._timer_queue = TimerQueue()
        self._stored_due_at = store.due_at
        self.silenced: dict[str, Millis | None] = {}
        self._unnoted: list[str] = []  # changed keys whose times aren't in the queue
        self._times: dict[str, Millis | None] = {}  # of changed keys, where there is no family
        self._due_from: Millis = sys.maxsize  # no timer of a changed key is due before
        self.asked_until: Millis = -1

    @property
    def changed(self) -> Mapping[str, Any]:
        """The states that it has changed, of the last cell or of the family."""
        return self._cells[-1].changed if self._family is None else self._family.changed

    def asks_until(self, record: Record, appended_at: Millis) -> Millis | None:
        """The time for which timers are to be asked for with a record: always with a tick."""
        if self._timers is None or (until := self._timers.time_of(record, appended_at)) is None:
            return None
        return until if until > self.asked_until or type(record) is Ticked else None

    def is_known(self, key: str | None, state: Any) -> bool:
        """Whether a key that was loaded with a state surely has one here, or had."""
        if self._single is not None:
            return state is not self._single.empty
        return key is not None and key in self.packed

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
            if self._timers is not None:
                self._unnoted.extend(state.changed)
                self._end_silence(state.changed)
                self._due_from = -1  # their times are read once a tick comes
            return
        if self._single is not None:
            self._single.changed[keys[0]] = last = state
        else:
            last = state[-1] if state else None
            for cell, key, part in zip(self._cells, keys, state, strict=True):
                cell.changed[key] = part
        if self._timers is not None:
            self._note_timer(self._timers, keys[-1], last)

    def _note_timer(self, timers: TimerSpec, key: str, state: Any) -> None:
        """Note the time for which a changed key waits.

        A time that was asked about before is asked about again, so the timers that fire don't
        depend on where a batch ends.
        """
        self._unnoted.append(key)
        if self._has_silenced or self.silenced:
            self._end_silence({key: state})
        is_timed = self._is_last_cell_timed or timers.owns(key)
        self._times[key] = time = timers.due_at(state) if is_timed else None
        if time is None:
            return
        self._due_from = min(self._due_from, time)
        if time <= self.asked_until:
            self.asked_until = time - 1

    def trial(self) -> "Trial":
        """The same for one record; nothing of it is kept unless it is accepted."""
        return Trial(self)

    def silence(self, key: str) -> None:
        """Silence a key's timer until its time changes: it fired in vain."""
        assert self._timers is not None
        state = self.changed.get(key)
        self.silenced[key] = (
            self._stored_due_at(key) if state is None else self._timers.due_at(state)
        )
        self._timer_queue.set(key, None)

    def _silent_at(self, key: str) -> Millis | None:
        """The time at which a key's timer doesn't fire, if it is silenced."""
        if key in self.silenced:
            return self.silenced[key]
        return self._stored_timers.silenced.time_of(key)

    def _end_silence(self, changed: Mapping[str, Any]) -> None:
        """Let timers fire again whose times have changed, even if they change back."""
        if not (self._has_silenced or self.silenced):
            return
        assert self._timers is not None
        for key, state in changed.items():
            time = self._silent_at(key)
            if time is not None and self._timers.due_at(state) != time:
                self.silenced[key] = None

    def due_since(self, until: Millis) -> list[str]:
        """The same as `due`; asked_until is then set, if these were all. None is due by then."""
        assert self._timers is not None
        found = self.due(until)
        if len(found) < self._timers.most:
            self.asked_until = until
        return found

    def due(self, until: Millis) -> list[str]:
        """The keys that a time wakes, in order; those that the batch changed as they are by now."""
        assert self._timers is not None
        changed, most = self.changed, self._timers.most
        without = {*changed, *self.silenced} if self.silenced else changed
        stored = self._stored_timers.due(until, most, without=without)
        return [key for _, key in merge(stored, self._due_of_changed(until))][:most]

    def _due_of_changed(self, until: Millis) -> list[tuple[Millis, str]]:
        """The same of the keys that the batch changed, with their times."""
        assert self._timers is not None
        if until < self._due_from:
            return []
        changed, owns, due_at = self.changed, self._timers.owns, self._timers.due_at
        for key in dict.fromkeys(self._unnoted):
            if owns(key):
                time = due_at(changed[key])
                self._timer_queue.set(key, None if time == self._silent_at(key) else time)
        self._unnoted.clear()
        return self._timer_queue.due(until, self._timers.most)

    def changes(self) -> dict[str, bytes | None]:
        """The packed states that differ from the store, by key. None: it is empty again."""
        found: dict[str, bytes | None] = {}
        for cell in self._cells:
            cell.add_changes(found)
        if self._family is not None:
            self._family.add_changes(found)
        return found

    def due_times(self, changes: Iterable[str]) -> dict[str, Millis]:
        """The times for which the keys of such changes wait, of those that do."""
        if self._timers is None:
            return {}
        if self._family is None:
            known = self._times.get
            return {key: time for key in changes if (time := known(key)) is not None}
        states, owns, due_at = self.changed, self._timers.owns, self._timers.due_at
        times = ((key, due_at(states[key])) for key in changes if key in states and owns(key))
        return {key: time for key, time in times if time is not None}


class Trial:
    """The view of one record on a batch, with the state that it would change."""

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
