"""Choice of a worker's store by its settings."""

from collections.abc import Iterable

from reftrail.engine.settings import WorkerSettings
from reftrail.engine.stage import Stage
from reftrail.engine.store import MemoryStores, Stores


def stores_for(settings: WorkerSettings, topology: Iterable[Stage]) -> Stores:
    """The worker's store. Raises `ExpectedError` if it can't be used."""
    if settings.worker_store == "memory":
        return MemoryStores()
    from reftrail.engine.rocksdb.slot import DiskStores  # noqa: PLC0415  an optional dependency

    return DiskStores(settings, topology)
