"""A broker's files as a power cut or a restored disk leaves them. The broker must have ended."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from struct import Struct
from typing import Final

_BATCH: Final = Struct(">qi")
"""Begins a record batch: its first offset, and the length of what follows.
Source: https://kafka.apache.org/documentation/#recordbatch"""


def cut_short(logs: Path, topic: str, backups: Path) -> Path:
    """Take the later half of a partition's last segment away: of the one with most bytes.

    logs is the broker's directory of logs. Returns a copy of the partition's, from before.
    """
    segment = max(logs.glob(f"{topic}-*/*.log"), key=lambda path: path.stat().st_size)
    backup = backups / segment.parent.name
    shutil.copytree(segment.parent, backup)
    ends = list(_batch_ends(segment.read_bytes()))
    with segment.open("r+b") as file:
        file.truncate(ends[len(ends) // 2 - 1])
    for index in segment.parent.glob("*index"):
        index.unlink()  # made again by the broker
    return backup


def restore(logs: Path, backup: Path) -> None:
    """Put a partition's directory back as it was."""
    place = logs / backup.name
    shutil.rmtree(place)
    shutil.copytree(backup, place)


def _batch_ends(content: bytes) -> Iterator[int]:
    """The positions in a segment's file after each of its batches."""
    end = 0
    while end + _BATCH.size <= len(content):
        _, length = _BATCH.unpack_from(content, end)
        end += _BATCH.size + length
        if not length or end > len(content):
            return
        yield end
