"""Packed states of one stage in RocksDB, below what has changed and isn't committed yet."""

from collections import defaultdict
from collections.abc import Iterator, MutableMapping
from typing import Any, Final

from reftrail.engine.rocksdb.entries import entries, unusable
from reftrail.engine.rocksdb.recent import RecentStates
from reftrail.rules.cells import group_of

_UNKNOWN: Final[Any] = object()


class DiskStates(MutableMapping[str, bytes]):
    """Packed states by key; a group of cells is listed by its common beginning.

    stored is the column family, prefix begins the stage's keys in it. Changes stay in memory until
    they are put into a batch (`add_to`). What is looked up is remembered for a while, also where it
    was in vain: a batch of records looks the same key up several times.
    """

    def __init__(
        self, stored: Any, prefix: bytes, size: int, recent: RecentStates, *, grouped: bool
    ) -> None:
        self._stored = stored
        self._prefix = prefix
        self._size = size
        self._grouped = grouped
        self._ahead: dict[str, bytes | None] = {}
        self._ahead_in: defaultdict[str, set[str]] = defaultdict(set)  # keys by group
        self._recent = recent

    def get(self, key: str, default: bytes | None = None) -> bytes | None:  # type: ignore[override]
        """The packed state of a key, or the default."""
        found = self._recent.young.get(key, _UNKNOWN)
        if found is _UNKNOWN:
            found = self._find(key)
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

    def _change(self, key: str, packed: bytes | None) -> None:
        self._ahead[key] = packed
        self._recent.put(key, packed)
        if self._grouped:
            self._ahead_in[group_of(key)].add(key)

    def _find(self, key: str) -> bytes | None:
        """The state of a key that isn't among the latest."""
        found: bytes | None = self._ahead.get(key, _UNKNOWN)
        if found is _UNKNOWN:
            found = self._recent.old.get(key, _UNKNOWN)
        if found is _UNKNOWN:
            try:
                found = self._stored.get(self._prefix + key.encode())
            except Exception as error:
                raise unusable(error) from error
        self._recent.put(key, found)
        return found

    def _keys(self, begin: str) -> Iterator[str]:
        prefix = self._prefix + begin.encode()
        length = len(self._prefix)
        return (at[length:].decode() for at in entries(self._stored, prefix, prefix))
