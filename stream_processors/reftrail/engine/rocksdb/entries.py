"""Entries of a column family in the order of their keys, and the error where they can't be read."""

from collections.abc import Iterator
from typing import Any

from reftrail.engine.store import StoreError


def unusable(error: Exception) -> StoreError:
    """The exception for an error of the library, which has no types of its own for them."""
    return StoreError(f"state on disk can't be read or written: {error}")


def entries(stored: Any, prefix: bytes, first: bytes) -> Iterator[bytes]:
    """The keys that begin with a prefix, from the first one on. Raises `StoreError`."""
    try:
        found = stored.iter()
        found.seek(first)
        while found.valid() and (key := found.key()).startswith(prefix):
            yield key
            found.next()
        found.status()
    except Exception as error:
        raise unusable(error) from error
