"""States of a stage as a batch sees them: those that it has changed, above the stored ones."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, cast

import msgspec

from reftrail.engine.stage import Cell, CellFamily, UnknownStateError
from reftrail.engine.store import GroupedStates, PackedStates
from reftrail.rules.cells import Cells, group_of

_pack: Callable[[Any], bytes] = msgspec.msgpack.Encoder().encode


def unpacking(family: CellFamily) -> Callable[[str, bytes], Any]:
    """A function that unpacks the cell of a key."""
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


def _reading(family: CellFamily, states: PackedStates) -> Callable[[str], Any]:
    """A function that reads the stored cell of a key."""
    stored, kind_of, unpack = states.get, family.kind_of, unpacking(family)

    def read(key: str) -> Any:
        packed = stored(key)
        return _empty_of(kind_of(key)) if packed is None else unpack(key, packed)

    return read


class _KnownCells(dict[str, Any]):
    """The cells that a batch has looked at, as they are by now. Others are read when asked for."""

    def __init__(self, read: Callable[[str], Any]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, key: str) -> Any:
        cell = self[key] = self._read(key)
        return cell


class FamilyView:
    """The cells of a family by key."""

    def __init__(self, family: CellFamily, packed: PackedStates) -> None:
        self.key_of = family.key_of
        self.changed: dict[str, Any] = {}
        self._packed = packed
        is_grouped = family.grouped and isinstance(packed, GroupedStates)
        self._grouped = cast("GroupedStates", packed) if is_grouped else None
        self._changed_in: defaultdict[str, set[str]] = defaultdict(set)  # keys by group
        self._known = _KnownCells(_reading(family, packed))

    def cells(self) -> Cells:
        """The state for a decision: all cells."""
        return Cells(self._known.__getitem__, None if self._grouped is None else self._listed)

    def save(self, changed: Mapping[str, Any]) -> None:
        """Keep cells that a decision has changed."""
        self.changed |= changed
        self._known |= changed
        if self._grouped is not None:
            for key in changed:
                self._changed_in[group_of(key)].add(key)

    def _listed(self, group: str) -> Collection[str]:
        assert self._grouped is not None
        stored, changed = self._grouped.under(group), self._changed_in.get(group)
        return {*stored, *changed} - {group} if changed else stored

    def add_changes(self, found: dict[str, bytes | None]) -> None:
        """Add those that differ from the stored ones, packed. None: it is empty again."""
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


def unpacking_cell(cell: Cell) -> Callable[[bytes, str], Any]:
    """A function that unpacks the state of a cell, which is under a key."""
    decode = msgspec.msgpack.Decoder(cell.state).decode

    def unpack(packed: bytes, key: str) -> Any:
        try:
            return decode(packed)
        except msgspec.ValidationError as error:
            raise UnknownStateError(key, cell.state) from error

    return unpack


class CellView:
    """The states of one cell of a stage, by key."""

    def __init__(self, cell: Cell, packed: PackedStates) -> None:
        self.key_of = cell.key_of
        self.changed: dict[str, Any] = {}
        self._packed = packed
        self.empty = cell.state() if cell.empty is None else cell.empty
        self._none = _pack(self.empty)
        self._unpack = unpacking_cell(cell)

    def get(self, key: str) -> Any:
        """The state of a key as it is by now."""
        state = self.changed.get(key)
        if state is not None:
            return state
        packed = self._packed.get(key)
        return self.empty if packed is None else self._unpack(packed, key)

    def add_changes(self, found: dict[str, bytes | None]) -> None:
        """Add those that differ from the stored ones, packed. None: it is empty again."""
        stored, nothing = self._packed.get, self._none
        for key, state in self.changed.items():
            packed = _pack(state)
            if stored(key, nothing) != packed:
                # What is empty need not be kept: a passing purchase leaves nothing with its user.
                found[key] = None if packed == nothing else packed
