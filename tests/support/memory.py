"""Where engines of tests keep what they write: in memory, if there is a file system for it.

What they sync and remove costs them several times as much on a disk. A killed process leaves its
directory behind; the next one removes it.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

_MEMORY: Final = Path("/dev/shm")
_PREFIX: Final = "reftrail-tests-"
_ENOUGH: Final = 2 << 30
"""Bytes that must be free: each process of the tests takes some hundred megabytes at most."""


@contextmanager
def directory_in_memory(otherwise: Path) -> Iterator[Path]:
    """A directory for the time of a session, or the other one if memory has no place for it."""
    if not _has_place():
        yield otherwise
        return
    for left in _MEMORY.glob(f"{_PREFIX}*"):
        if not Path("/proc", left.name.removeprefix(_PREFIX).partition("-")[0]).exists():
            shutil.rmtree(left, ignore_errors=True)
    prefix = f"{_PREFIX}{os.getpid()}-"
    with TemporaryDirectory(dir=_MEMORY, prefix=prefix, ignore_cleanup_errors=True) as made:
        yield Path(made)


def _has_place() -> bool:
    return os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ENOUGH
