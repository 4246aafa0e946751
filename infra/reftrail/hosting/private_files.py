"""Files and directories that their owner alone can read."""

import os
from pathlib import Path


def private(path: str, flags: int) -> int:
    """Open a file that is made with mode 0600; an `opener` for `open`."""
    return os.open(path, flags, 0o600)


def make_private_directory(path: Path) -> None:
    """Make a directory, and those above it, of mode 0700 where they aren't there."""
    if not path.parent.exists():
        make_private_directory(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)
