"""Compact map of packed cells: those of one group, such as a user, lie together in few bytes.

A key is its group, or its group, a colon and a member's name. In a dict each of a user's cells
would have a key and a value of its own, with the user's name in every key: several times the bytes
that are kept.
"""

from collections.abc import Callable, Iterable, Iterator, MutableMapping
from typing import Final, TypeAlias

import msgspec

_MOST_TOGETHER: Final = 64
"""Cells of a group that are packed together; of more, each is kept by itself."""
_LONGEST_OWN: Final = 0xFFFF
_NO_CELLS: Final = b"\0\0\0"

_encode: Callable[[str | bytes], bytes] = msgspec.msgpack.Encoder().encode
_decode: Callable[[bytes], dict[str, bytes]] = msgspec.msgpack.Decoder(dict[str, bytes]).decode

_Group: TypeAlias = bytes | dict[str, bytes]


class GroupedCells(MutableMapping[str, bytes]):
    """Packed cells by key.

    A group is a byte with the number of its members, two with the length of its own cell, that
    cell, and the members as the items of a msgpack map by name. A large group is a dict, with its
    own cell under the empty name.
    """

    __slots__ = ("_groups", "_size")

    def __init__(self) -> None:
        self._groups: dict[str, _Group] = {}
        self._size = 0

    def groups(self) -> Iterable[str]:
        """All groups."""
        return self._groups

    def under(self, group: str) -> list[str]:
        """The keys of a group but for its own, in no order."""
        return [f"{group}:{name}" for name in self._members_of(group) if name]

    def members(self, group: str) -> list[tuple[str, bytes]]:
        """The same with their cells."""
        cells = self._members_of(group)
        return [(f"{group}:{name}", packed) for name, packed in cells.items() if name]

    def _members_of(self, group: str) -> dict[str, bytes]:
        """The cells of a group by name, its own among them if there are others."""
        found = self._groups.get(group)
        if found is None or (isinstance(found, bytes) and not found[0]):
            return {}  # as of nearly every group that is asked about
        return _cells_of(found)

    def get(self, key: str, default: bytes | None = None) -> bytes | None:  # type: ignore[override]
        """The cell of a key, or the default."""
        group, _, name = key.partition(":")
        found = self._groups.get(group)
        if found is None:
            return default
        if isinstance(found, dict):
            return found.get(name, default)
        if not name:
            return found[3 : 3 + int.from_bytes(found[1:3])] or default
        if not found[0] or name.encode() not in found:  # a tenth of the time that unpacking takes
            return default
        return _cells_of(found).get(name, default)

    def __contains__(self, key: object) -> bool:
        """Whether a key has a cell."""
        return isinstance(key, str) and self.get(key) is not None

    def __getitem__(self, key: str) -> bytes:
        """The cell of a key. Raises KeyError."""
        found = self.get(key)
        if found is None:
            raise KeyError(key)
        return found

    def __setitem__(self, key: str, packed: bytes) -> None:
        """Keep a cell under a key."""
        group, _, name = key.partition(":")
        found = self._groups.get(group, _NO_CELLS)
        if isinstance(found, bytes) and (added := _added(found, name, packed)):
            self._size += 1
            self._groups[group] = added
            return
        cells = _cells_of(found)
        self._size += name not in cells
        cells[name] = packed
        self._groups[group] = _together(cells)

    def __delitem__(self, key: str) -> None:
        """Forget the cell of a key. Raises KeyError."""
        group, _, name = key.partition(":")
        cells = _cells_of(self._groups.get(group, _NO_CELLS))
        if name not in cells:
            raise KeyError(key)
        del cells[name]
        self._size -= 1
        if cells:
            self._groups[group] = _together(cells)
        else:
            del self._groups[group]

    def __iter__(self) -> Iterator[str]:
        """All keys."""
        for group, found in self._groups.items():
            for name in _cells_of(found):
                yield f"{group}:{name}" if name else group

    def __len__(self) -> int:
        """The number of cells."""
        return self._size


def _cells_of(group: _Group) -> dict[str, bytes]:
    """The cells of a group by name, to change; the group's own under the empty name."""
    if isinstance(group, dict):
        return group
    end = 3 + int.from_bytes(group[1:3])
    cells = _decode(b"\xde" + group[0].to_bytes(2) + group[end:]) if group[0] else {}
    if end > 3:
        cells[""] = group[3:end]
    return cells


def _added(group: bytes, name: str, packed: bytes) -> bytes | None:
    """A group with one more cell, in a third of the time that packing anew takes.

    None if it may have this cell, or would become too large.
    """
    if not name:
        is_new = len(packed) <= _LONGEST_OWN and group[1:3] == b"\0\0"
        return b"".join((group[:1], len(packed).to_bytes(2), packed, group[3:])) if is_new else None
    if name.encode() in group or group[0] >= _MOST_TOGETHER:
        return None
    return b"".join(((group[0] + 1).to_bytes(), group[1:], _encode(name), _encode(packed)))


def _together(cells: dict[str, bytes]) -> _Group:
    own = cells.get("", b"")
    if len(cells) > _MOST_TOGETHER or len(own) > _LONGEST_OWN:
        return cells
    members = [(name, packed) for name, packed in cells.items() if name]
    parts = [len(members).to_bytes(), len(own).to_bytes(2), own]
    for name, packed in members:
        parts += _encode(name), _encode(packed)
    return b"".join(parts)
