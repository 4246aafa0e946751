"""Files and directories of the data directory, for their owner alone."""

import os
import stat
from pathlib import Path
from typing import Final

PRIVATE_UMASK: Final = 0o077
"""For processes that write to the data directory: nothing for the group, nothing for others."""

_OTHERS: Final = 0o077


def make_private_directory(path: Path) -> None:
    """Make a directory, with those above it, of mode 0700 if it isn't there."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def close_to_others(path: Path) -> None:
    """Take the rights of group and others from a directory of ours and the files right in it.

    What lies deeper can't be reached then. What belongs to another user is left as it is.
    """
    for found in (path, *path.iterdir()):
        status = found.lstat()
        is_ours = status.st_uid == os.getuid() and not stat.S_ISLNK(status.st_mode)
        if is_ours and status.st_mode & _OTHERS:
            found.chmod(stat.S_IMODE(status.st_mode) & ~_OTHERS)


def private(path: str, flags: int) -> int:
    """Open a file that is made with mode 0600; an `opener` for `open`."""
    return os.open(path, flags, 0o600)


def write_private(path: Path, text: str) -> None:
    """Write a text file that only its owner can read."""
    with open(path, "w", encoding="utf-8", opener=private) as file:
        file.write(text)
