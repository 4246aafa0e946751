"""Files and directories of the data directory, for their owner alone."""

import os
import stat
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from reftrail.hosting.private_files import private

PRIVATE_UMASK: Final = 0o077
"""Umask of processes that write to the data directory: nothing for the group or for others."""

_OTHERS: Final = 0o077
_OURS: Final = (
    "broker*",
    "clickhouse",
    "codes.sqlite*",
    "fulfilment.sqlite*",
    "gift-codes.txt",
    "keys.json*",
    "lock",
    "log",
    "log4j2.properties",
    "logs",
    "ready.json*",
    "server.properties",
    "webhooks.sqlite*",
    "worker-state",
)
"""Names of what a stack or a broker keeps in its directory."""


def close_to_others(path: Path) -> None:
    """Take the rights of group and others from what is ours in a directory.

    The directory too, if it has nothing else in it: it might be the user's home. What lies deeper
    can't be reached then. What belongs to another user is left as it is.
    """
    entries = list(path.iterdir())
    ours = [entry for entry in entries if any(fnmatch(entry.name, name) for name in _OURS)]
    for found in ours if len(ours) < len(entries) else [path, *ours]:
        status = found.lstat()
        is_ours = status.st_uid == os.getuid() and not stat.S_ISLNK(status.st_mode)
        if is_ours and status.st_mode & _OTHERS:
            found.chmod(stat.S_IMODE(status.st_mode) & ~_OTHERS)


def write_private(path: Path, text: str) -> None:
    """Write a text file that only its owner can read."""
    with open(path, "w", encoding="utf-8", opener=private) as file:
        file.write(text)
