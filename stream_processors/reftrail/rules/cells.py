"""Cells: the parts of a stage's state that a decision reads and changes, each under its key.

A stage whose state under one key would grow with a user's history keeps it in cells. A decision
reads the cells that it needs, by key, and changes few of them.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

import msgspec

C = TypeVar("C", bound=msgspec.Struct)


class Cells:
    """Cells by key, over the stored ones. A cell that isn't stored is an empty one of its type.

    read returns the stored cell of a key. listed, where the stage's cells are grouped, returns the
    keys that are stored in a group. changed has the cells that differ from the stored ones. Rules
    change a copy (`draft`), so the state that they were given stays as it is.
    """

    __slots__ = ("_listed", "_read", "changed")

    def __init__(
        self,
        read: Callable[[str], Any],
        listed: Callable[[str], Collection[str]] | None = None,
        changed: Mapping[str, msgspec.Struct] | None = None,
    ) -> None:
        self._read = read
        self._listed = listed
        self.changed: dict[str, msgspec.Struct] = dict(changed) if changed else {}

    def get(self, key: str, kind: type[C]) -> C:
        """The current cell of a key."""
        cell = self.changed.get(key)
        if cell is None:
            cell = self._read(key)
        assert isinstance(cell, kind), f"{key} is a {type(cell).__name__}"
        return cell

    def under(self, group: str) -> list[str]:
        """The keys `group:...`, sorted. Some may have cells that are empty by now."""
        assert self._listed is not None, f"the cells of {group} are not grouped"
        listed = self._listed(group)
        if self.changed:
            begin = f"{group}:"
            if changed := [key for key in self.changed if key.startswith(begin)]:
                listed = {*listed, *changed}
        return sorted(listed) if listed else []

    def put(self, key: str, cell: msgspec.Struct) -> None:
        """Set the cell of a key. An empty cell is not stored."""
        self.changed[key] = cell

    def draft(self) -> "Cells":
        """A copy to change."""
        return Cells(self._read, self._listed, self.changed)


def group_of(key: str) -> str:
    """The first part of a key. Cells with the same one are a group."""
    return key.partition(":")[0]


def escaped(part: str) -> str:
    """A part of a key without colons. Different texts give different parts."""
    if "%" in part or ":" in part:
        return part.replace("%", "%25").replace(":", "%3A")
    return part


def unescaped(part: str) -> str:
    """The text from which `escaped` made a part of a key."""
    return part.replace("%3A", ":").replace("%25", "%")
