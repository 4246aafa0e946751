"""Packed states of one stage in RocksDB, below what has changed and isn't committed yet."""

from collections import defaultdict
from collections.abc import Iterator, MutableMapping
from typing import Any, Final

from reftrail.engine.rocksdb.entries import entries, unusable
from reftrail.rules.cells import group_of

_MOST_LOOKED_UP: Final = 20_000


class DiskStates(MutableMapping[str, bytes]):
    """Packed states by key; a group of cells is listed by its common beginning.

    stored is the column family, prefix begins the stage's keys in it. Changes stay in memory until
    they are put into a batch (`add_to`). What a batch of records looks up is remembered, since it
    is looked up several times, and mostly in vain: most visitors are new.
    """

    def __init__(self, stored: Any, prefix: bytes, size: int, *, grouped: bool) -> None:
        self._stored = stored
        self._prefix = prefix
        self._size = size
        self._grouped = grouped
        self._ahead: dict[str, bytes | None] = {}
        self._ahead_in: defaultdict[str, set[str]] = defaultdict(set)  # keys by group
        self._looked_up: dict[str, bytes | None] = {}

    def get(self, key: str, default: bytes | None = None) -> bytes | None:  # type: ignore[override]
        """The packed state of a key, or the default."""
        found = self._ahead[key] if key in self._ahead else self._look_up(key)
        return default if found is None else found

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.get(key) is not None

    def __setitem__(self, key: str, packed: bytes) -> None:
        """Change the state of a key."""
        self._size += key not in self
        self._change(key, packed)

    def __getitem__(self, key: str) -> bytes:
        """The state of a key. Raises KeyError."""
        found = self.get(key)
        if found is None:
            raise KeyError(key)
        return found

    def __delitem__(self, key: str) -> None:
        """Forget the state of a key. Raises KeyError."""
        if key not in self:
            raise KeyError(key)
        self._size -= 1
        self._change(key, None)

    def under(self, group: str) -> list[str]:
        """The keys of a group but for its own, in no order."""
        ahead = self._ahead_in.get(group, set()) - {group}
        stored = (key for key in self._keys(f"{group}:") if key not in self._ahead)
        return [*stored, *(key for key in ahead if self._ahead[key] is not None)]

    def __iter__(self) -> Iterator[str]:
        """All keys."""
        yield from [key for key in self._keys("") if key not in self._ahead]
        yield from [key for key, packed in self._ahead.items() if packed is not None]

    def __len__(self) -> int:
        """The number of keys."""
        return self._size

    def add_to(self, batch: Any, family: Any) -> None:
        """Put what has changed into a batch. Call `written` once that is written."""
        for key, packed in self._ahead.items():
            at = self._prefix + key.encode()
            if packed is None:
                batch.delete(at, family)
            else:
                batch.put(at, packed, family)

    def written(self) -> None:
        """Rely on the disk for what was changed."""
        self._ahead.clear()
        self._ahead_in.clear()
        self._looked_up.clear()

    def _change(self, key: str, packed: bytes | None) -> None:
        self._ahead[key] = packed
        if self._grouped:
            self._ahead_in[group_of(key)].add(key)

    def _look_up(self, key: str) -> bytes | None:
        looked_up = self._looked_up
        if key in looked_up:
            return looked_up[key]
        if len(looked_up) >= _MOST_LOOKED_UP:
            looked_up.clear()
        try:
            found: bytes | None = self._stored.get(self._prefix + key.encode())
        except Exception as error:
            raise unusable(error) from error
        looked_up[key] = found
        return found

    def _keys(self, begin: str) -> Iterator[str]:
        prefix = self._prefix + begin.encode()
        length = len(self._prefix)
        return (at[length:].decode() for at in entries(self._stored, prefix, prefix))
