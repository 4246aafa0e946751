"""The state of a decision in cells: what is stored under each key, and what has changed since.

A stage whose state under one key would grow with a user's history keeps it in several cells, each
under a key of its own: a decision reads those that it needs, by key, and changes few of them.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

C = TypeVar("C", bound=msgspec.Struct)


class Cells:
    """Cells by key, over the stored ones; a cell that isn't stored is an empty one of its type.

    read gives the stored cell of a key. changed has the cells that differ by now. Rules change a
    copy of their own (`draft`), so that the state that they were given stays as it is.
    """

    __slots__ = ("_read", "changed")

    def __init__(
        self, read: Callable[[str], Any], changed: Mapping[str, msgspec.Struct] | None = None
    ) -> None:
        self._read = read
        self.changed: dict[str, msgspec.Struct] = dict(changed or {})

    def get(self, key: str, kind: type[C]) -> C:
        """The cell of a key as it is by now."""
        cell = self.changed.get(key)
        if cell is None:
            cell = self._read(key)
        assert isinstance(cell, kind), f"{key} is a {type(cell).__name__}"
        return cell

    def put(self, key: str, cell: msgspec.Struct) -> None:
        """From now on the key has this cell. An empty one is not kept."""
        self.changed[key] = cell

    def draft(self) -> "Cells":
        """A copy to change."""
        return Cells(self._read, self.changed)


def escaped(part: str) -> str:
    """A part of a key without colons, the same for the same text and no other."""
    return part.replace("%", "%25").replace(":", "%3A")


def unescaped(part: str) -> str:
    """The text of which `escaped` made a part of a key."""
    return part.replace("%3A", ":").replace("%25", "%")
