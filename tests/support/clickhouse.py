"""A real ClickHouse engine in this process, on a directory of its own; and messages to load."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from reftrail.contracts.codec import encode
from reftrail.contracts.decisions import DeadLettered
from reftrail.contracts.record import Record
from reftrail.contracts.topic import Topic
from reftrail.engine.chunks import Chunk
from reftrail.hosting.kafka.log_bounds import Position
from reftrail.warehouse.blocks import Part
from reftrail.warehouse.clickhouse import connect_for_reading, connect_for_writing
from reftrail.warehouse.ledger import Ledger
from reftrail.warehouse.loader import Loader, Work
from reftrail.warehouse.metrics import WarehouseMetrics
from reftrail.warehouse.tables import TABLES, apply_ddl, table_of


@dataclass(frozen=True)
class ClickHouse:
    """writing and reading are the warehouse's two connections."""

    path: Path
    writing: Client
    reading: Client

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.reading.query(sql).result_rows]

    def stop_merges(self) -> None:
        """From now on rows of equal key stay side by side, so that doubled ones can be counted."""
        self.writing.command("SYSTEM STOP MERGES")

    def empty(self) -> None:
        records = {
            table_of(topic, record.__name__).name for topic in TABLES for record in topic.records
        }
        for name in [*records, "loads", "sources"]:
            self.writing.command(f"TRUNCATE TABLE {name}")

    async def load(self, topic: Topic, records: Sequence[Record], partition: int = 0) -> None:
        """Put records into their table as the warehouse does, after those of before."""
        ledger = Ledger(self.writing)
        begin = ledger.positions().get((topic.name, partition), Position(0))
        part = part_of([encode(record) for record in records], begin.offset, partition)
        await Loader(self.writing, ledger, nowhere, WarehouseMetrics()).load([Work(topic, (part,))])


async def nowhere(letters: Sequence[DeadLettered]) -> None:
    raise AssertionError(f"nothing should be put aside: {letters}")


def part_of(values: Sequence[bytes | None], begin: int = 0, partition: int = 0) -> Part:
    """Messages that follow each other in one partition."""
    end = begin + len(values)
    offsets = list(range(begin, end))
    keys: list[bytes | None] = [b"key"] * len(values)
    return Part(partition, Chunk(begin, end, offsets, [1_000] * len(values), keys, list(values)))


@pytest.fixture(scope="session")
def clickhouse_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    """One engine for the session: a process can have only one."""
    path = tmp_path_factory.mktemp("clickhouse")
    writing = connect_for_writing(path, None)
    apply_ddl(writing)
    reading = connect_for_reading(path, None)
    yield ClickHouse(path, writing, reading)
    reading.close()
    writing.close()


@pytest.fixture
def clickhouse(clickhouse_engine: ClickHouse) -> ClickHouse:
    """Empty tables."""
    clickhouse_engine.writing.command("SYSTEM START MERGES")
    clickhouse_engine.empty()
    return clickhouse_engine
