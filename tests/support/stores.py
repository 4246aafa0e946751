"""Stores of state for tests that hold for each of them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from reftrail.engine.rocksdb.database import DiskStore
from reftrail.engine.rocksdb.options import SharedMemory
from reftrail.engine.store import MemoryStore, PartitionStore

NewStore: TypeAlias = Callable[[], PartitionStore]
KINDS = ("memory", "rocksdb")


@pytest.fixture(params=KINDS)
def new_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NewStore]:
    """Makes an empty store for a partition, of each kind."""
    made: list[PartitionStore] = []
    memory = SharedMemory(8)

    def make() -> PartitionStore:
        is_on_disk = request.param == "rocksdb"
        store = DiskStore(tmp_path / str(len(made)), memory, "") if is_on_disk else MemoryStore()
        made.append(store)
        return store

    yield make
    for store in made:
        store.close()
