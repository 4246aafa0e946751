"""What a stage keeps for one partition: the packed state of each key, and what a batch changes."""

from collections.abc import Callable, Mapping
from heapq import merge
from typing import Any, Final

import msgspec

from reftrail.contracts.external_inputs import Ticked
from reftrail.contracts.record import Millis
from reftrail.engine.alarms import Alarms
from reftrail.engine.dead_letters import fitting
from reftrail.engine.stage import Cell, CellFamily, Stage, UnknownStateError
from reftrail.rules.cells import Cells

_pack: Callable[[Any], bytes] = msgspec.msgpack.Encoder().encode


class StateStore:
    """The state of one stage and partition: packed values by key.

    It is ahead of the changelog by what its lane has concluded and not committed yet.
    restored_to is the position in the changelog up to which the values are taken from it. alarms
    has the times for which the keys of a stage with waking wait.
    """

    def __init__(self, stage: Stage | None = None) -> None:
        self.packed: dict[str, bytes] = {}
        self.restored_to: int | None = None
        self.alarms = Alarms()
        self._due_at = _due_at(stage) if stage else None

    def restore(self, key: bytes | None, value: bytes | None) -> None:
        """Take over one changelog message. Without a value the key is forgotten."""
        if key is None:
            raise ValueError("a changelog message has no key; something else writes to this topic")
        self.apply({key.decode(): value})

    def apply(self, changes: Mapping[str, bytes | None]) -> None:
        """Take over what a batch changed; a key without a value is forgotten."""
        for key, packed in changes.items():
            if packed is None:
                self.packed.pop(key, None)
            else:
                self.packed[key] = packed
            if self._due_at is not None:
                self.alarms.set(key, None if packed is None else self._due_at(key, packed))


def _due_at(stage: Stage) -> Callable[[str, bytes], Millis | None] | None:
    """When the packed state of a key wants to be woken, if ticks wake the stage."""
    if stage.waking is None:
        return None
    due_at, owns = stage.waking.due_at, stage.waking.owns
    if stage.family is None:
        unpack = msgspec.msgpack.Decoder(stage.cells[-1].state).decode
        return lambda key, packed: due_at(unpack(packed)) if owns(key) else None
    unpack_cell = _unpack_of(stage.family)
    return lambda key, packed: due_at(unpack_cell(key, packed)) if owns(key) else None


def _unpack_of(family: CellFamily) -> Callable[[str, bytes], Any]:
    """How to unpack the cell of a key."""
    decoders: dict[type, Callable[[bytes], Any]] = {}

    def unpack(key: str, packed: bytes) -> Any:
        kind = family.kind_of(key)
        decode = decoders.get(kind)
        if decode is None:
            decode = decoders[kind] = msgspec.msgpack.Decoder(kind).decode
        try:
            return decode(packed)
        except msgspec.ValidationError as error:
            raise UnknownStateError(key, kind) from error

    return unpack


class Batch:
    """The state as one batch sees it: the store below, its own changes above.

    They are kept apart until the batch is concluded, so that deciding anew costs nothing.
    """

    def __init__(self, stage: Stage, store: StateStore) -> None:
        self._cells = tuple(_CellView(cell, store.packed) for cell in stage.cells)
        self._single = self._cells[0] if len(stage.cells) == 1 else None
        self._family = _FamilyView(stage.family, store.packed) if stage.family else None
        self._waking = stage.waking
        self._stored_alarms = store.alarms
        self._alarms = Alarms()
        self._silenced: set[str] = set()

    def load(self, record: Any) -> tuple[tuple[str, ...], Any]:
        """The keys of a record's state, and the state in the form its decider takes.

        Of a family of cells the one key is what decides on the partition.
        """
        if self._family is not None:
            return (self._family.key_of(record),), Cells(self._family.get)
        if self._single is not None:
            key = self._single.key_of(record)
            return (key,), self._single.get(key)
        keys = tuple(cell.key_of(record) for cell in self._cells)
        states = tuple(cell.get(key) for cell, key in zip(self._cells, keys, strict=True))
        return keys, states

    def save(self, keys: tuple[str, ...], state: Any) -> None:
        """Keep a decider's state for the rest of the batch."""
        if self._family is not None:
            self._family.changed |= state.changed
            if self._waking is not None:
                for key, cell in state.changed.items():
                    if self._waking.owns(key):
                        self._alarms.set(key, self._waking.due_at(cell))
            return
        if self._single is not None:
            self._single.changed[keys[0]] = state
        else:
            for cell, key, part in zip(self._cells, keys, state, strict=True):
                cell.changed[key] = part
        if self._waking is not None:
            last = state if self._single is not None else state[-1]
            self._alarms.set(keys[-1], self._waking.due_at(last))

    def trial(self) -> "Trial":
        """The same for one record; nothing of it is kept unless it is accepted."""
        return Trial(self)

    def silence(self, key: str) -> None:
        """Wake a key no more in this batch: a tick woke it in vain."""
        self._silenced.add(key)
        self._alarms.set(key, None)

    def due(self, tick: Ticked) -> list[str]:
        """The keys that a tick wakes, in order; those that the batch changed as they are by now."""
        assert self._waking is not None
        until, most = tick.event_time, self._waking.most
        changed = self._cells[-1].changed if self._family is None else self._family.changed
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


class _FamilyView:
    def __init__(self, family: CellFamily, packed: Mapping[str, bytes]) -> None:
        self.key_of = family.key_of
        self.changed: dict[str, Any] = {}
        self._kind_of = family.kind_of
        self._unpack = _unpack_of(family)
        self._packed = packed
        self._stored: dict[str, Any] = {}  # a decision looks at most cells several times

    def get(self, key: str) -> Any:
        cell = self.changed.get(key)
        if cell is None:
            cell = self._stored.get(key)
        if cell is None:
            cell = self._stored[key] = self._stored_cell(key)
        return cell

    def _stored_cell(self, key: str) -> Any:
        packed = self._packed.get(key)
        return _empty_of(self._kind_of(key)) if packed is None else self._unpack(key, packed)

    def add_changes(self, found: dict[str, bytes | None]) -> None:
        for key, cell in self.changed.items():
            packed = None if cell == _empty_of(type(cell)) else _pack(cell)
            if self._packed.get(key) != packed:
                found[key] = packed


_EMPTY: Final[dict[type, Any]] = {}


def _empty_of(kind: type) -> Any:
    """The empty cell of a type."""
    found = _EMPTY.get(kind)
    if found is None:
        found = _EMPTY[kind] = kind()
    return found


class _CellView:
    def __init__(self, cell: Cell, packed: Mapping[str, bytes]) -> None:
        self.key_of = cell.key_of
        self.changed: dict[str, Any] = {}
        self._packed = packed
        self._empty = cell.state()
        self._none = _pack(self._empty)
        self._decode = msgspec.msgpack.Decoder(cell.state).decode

    def get(self, key: str) -> Any:
        if key in self.changed:
            return self.changed[key]
        packed = self._packed.get(key)
        return self._empty if packed is None else self._unpack(packed, key)

    def _unpack(self, packed: bytes, key: str) -> Any:
        try:
            return self._decode(packed)
        except msgspec.ValidationError as error:
            raise UnknownStateError(key, type(self._empty)) from error

    def add_changes(self, found: dict[str, bytes | None]) -> None:
        stored, nothing = self._packed.get, self._none
        for key, state in self.changed.items():
            packed = _pack(state)
            if stored(key, nothing) != packed:
                # What is empty need not be kept: a passing purchase leaves nothing with its user.
                found[key] = None if packed == nothing else packed
