"""The directory of one worker's state: each worker of a host has its own."""

import asyncio
import fcntl
import os
import re
import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from reftrail.contracts.errors import ExpectedError
from reftrail.engine.rocksdb.database import KEPT_SECONDS, DiskStore
from reftrail.engine.rocksdb.options import SharedMemory
from reftrail.engine.settings import WorkerSettings
from reftrail.engine.stage import Stage
from reftrail.hosting.kafka.blocking import blocking_admin
from reftrail.hosting.private_files import make_private_directory

_MOST_SLOTS: Final = 1_000
_PARTITION: Final = re.compile(r"partition-(\d+)")


class DiskStores:
    """A worker's state on disk, in the first directory that no other worker uses. See `Stores`.

    A worker that starts anew finds what the one before it left there. The directory is its own
    until the process ends.
    """

    def __init__(self, settings: WorkerSettings, topology: Iterable[Stage]) -> None:
        self._settings = settings
        self._changelogs = sorted(
            settings.name_of(stage.changelog) for stage in topology if stage.changelog is not None
        )
        self._memory = SharedMemory(settings.worker_store_memory_mb)
        self._slot, self._lock = _free_slot(settings.worker_state_dir, settings.topic_prefix)
        self._topics: str | None = None
        for partition in self._slot.glob("partition-*"):
            if _changed_at(partition) < time.time() - KEPT_SECONDS:
                shutil.rmtree(partition)

    async def prepare(self) -> None:
        """See `Stores`."""
        if self._topics is None:
            self._topics = await asyncio.to_thread(_topic_ids, self._settings, self._changelogs)

    def open(self, partition: int) -> DiskStore:
        """See `Stores`."""
        assert self._topics is not None, "prepare wasn't called"
        return DiskStore(self._slot / f"partition-{partition}", self._memory, self._topics)

    def release(self) -> None:
        """Leave the directory to another worker. All that is open must be closed."""
        os.close(self._lock)

    def stored(self) -> frozenset[int]:
        """See `Stores`."""
        found = (_PARTITION.fullmatch(path.name) for path in self._slot.iterdir())
        return frozenset(int(match[1]) for match in found if match)


def _topic_ids(settings: WorkerSettings, names: list[str]) -> str:
    """The ids of topics as one text: a topic that is deleted and made anew has another one."""
    client = blocking_admin(settings)
    try:
        found = {topic["name"]: topic for topic in client.describe_topics(names)}
    finally:
        client.close()
    return " ".join(f"{name}={found[name]['topic_id']}" for name in names)


def _changed_at(directory: Path) -> float:
    return max((file.stat().st_mtime for file in directory.iterdir()), default=0.0)


def _free_slot(directory: Path, prefix: str) -> tuple[Path, int]:
    """The first directory that can be locked, and the lock."""
    for number in range(1, _MOST_SLOTS + 1):
        slot = directory / f"{prefix}worker-{number}"
        try:
            make_private_directory(slot)
            lock = os.open(slot / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise ExpectedError(
                f"the state directory {directory} cannot be used: {error.strerror}; set "
                f"REFTRAIL_WORKER_STATE_DIR to another one, or change its owner or rights"
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
        else:
            return slot, lock
    raise ExpectedError(f"{_MOST_SLOTS} workers use {directory} already; choose another directory")
