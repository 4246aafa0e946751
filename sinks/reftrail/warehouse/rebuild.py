"""Rebuild of the warehouse from Kafka, in a database beside it, and a comparison of both.

The log is loaded again up to the positions of the warehouse, which must not run meanwhile. To
replace it, the tables are exchanged one by one, the ledger first. Loads of the rebuild have numbers
that follow those of the warehouse, and both hold the same messages: so a process that is killed
between two exchanges leaves a warehouse that is complete and goes on.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from clickhouse_connect.driver.binding import quote_identifier
from clickhouse_connect.driver.client import Client

from reftrail.contracts.decisions import DeadLettered
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.topic import Topic
from reftrail.warehouse.blocks import Part
from reftrail.warehouse.changes import Changes
from reftrail.warehouse.checksums import NOTHING, Checksum, checksums, fact_tables
from reftrail.warehouse.clustering import on_cluster
from reftrail.warehouse.gathering import Gathering
from reftrail.warehouse.ledger import Ledger
from reftrail.warehouse.loader import Loader
from reftrail.warehouse.metrics import WarehouseMetrics
from reftrail.warehouse.progress import PartitionKey
from reftrail.warehouse.settings import LOAD_BYTES, LOAD_ROWS
from reftrail.warehouse.source import before
from reftrail.warehouse.tables import apply_ddl

_READ_SECONDS: Final = 1.0

_log = logging.getLogger(__name__)


class MessageSource(Protocol):
    """Messages of all topics, from the beginning of the log on."""

    async def read(self, timeout_seconds: float) -> dict[Topic, list[Part]]:
        """Read the next messages, waiting for at most so long."""


@dataclass(frozen=True, slots=True)
class ComparedTable:
    """A table in the warehouse and in the rebuild."""

    name: str
    kept: Checksum
    rebuilt: Checksum

    @property
    def is_same(self) -> bool:
        """Whether both have the same rows."""
        return self.kept == self.rebuilt


def positions_to_reach(kept: Client) -> dict[PartitionKey, int]:
    """Positions up to which the warehouse is loaded. Raises `ExpectedError` if a load is open."""
    ledger = Ledger(kept)
    if unfinished := ledger.unfinished():
        raise ExpectedError(
            f"the warehouse was killed in the middle of a load ({unfinished[0].token}); start it "
            f"once, so that it finishes the load, and stop it again"
        )
    return {place: position.offset for place, position in ledger.positions().items()}


def create_database(kept: Client, database: str, cluster: str | None = None) -> None:
    """An empty database beside the warehouse's; what a rebuild that was killed has left is gone."""
    drop_database(kept, database, cluster)
    kept.command(on_cluster(f"CREATE DATABASE {quote_identifier(database)}", cluster))


def drop_database(kept: Client, database: str, cluster: str | None = None) -> None:
    """Remove the rebuild's database, however large its tables are."""
    kept.command(
        on_cluster(f"DROP DATABASE IF EXISTS {quote_identifier(database)} SYNC", cluster),
        settings={"max_table_size_to_drop": 0},
    )


def missing_messages(
    begins: Mapping[PartitionKey, int], ends: Mapping[PartitionKey, int], compacted: set[str]
) -> list[str]:
    """Topics and partitions whose first messages Kafka no longer has, though they were loaded."""
    return [
        f"{topic}[{partition}] before {begin}"
        for (topic, partition), begin in sorted(begins.items())
        if topic not in compacted and begin > 0 and ends.get((topic, partition), 0) > 0
    ]


class Rebuild:
    """A warehouse, and an empty database into which the log is loaded again."""

    def __init__(
        self,
        kept: Client,
        fresh: Client,
        say: Callable[[str], None],
        cluster: str | None = None,
    ) -> None:
        self.kept = kept
        self._cluster = cluster
        self._fresh = fresh
        self._say = say

    async def load(
        self,
        source: MessageSource,
        begins: Mapping[PartitionKey, int],
        ends: Mapping[PartitionKey, int],
        *,
        load_rows: int = LOAD_ROWS,
        load_bytes: int = LOAD_BYTES,
    ) -> None:
        """Load messages up to ends, the warehouse's positions, some at a time.

        Dead letters are on their topic already and aren't written again.
        """
        apply_ddl(self._fresh, cluster=self._cluster, with_views=False)
        ledger = Ledger(self._fresh)
        ledger.begin_at(Ledger(self.kept).next_number())
        loader = Loader(self._fresh, ledger, _leave_out, WarehouseMetrics())
        reached = {place: begins.get(place, 0) for place in ends}
        gathering, messages = Gathering(), 0
        while _is_open(reached, ends) or gathering:
            if _is_open(reached, ends):
                found = _within(await source.read(_READ_SECONDS), ends)
                gathering.add(found)
                _advance(reached, found)
            if gathering.is_full(load_rows, load_bytes) or not _is_open(reached, ends):
                messages += gathering.rows
                await loader.load(gathering.take())
                self._say(f"loaded {messages} messages")


def compare(kept: Client, fresh: Client) -> list[ComparedTable]:
    """The tables of facts of both, whichever has them."""
    before_it, after_it = checksums(kept), checksums(fresh)
    return [
        ComparedTable(name, before_it.get(name, NOTHING), after_it.get(name, NOTHING))
        for name in sorted(before_it.keys() | after_it.keys())
    ]


def replace(kept: Client, database: str, changes: Changes | None = None) -> None:
    """Put the tables of the rebuild's database in the place of the warehouse's."""
    by = changes or Changes(kept)
    beside = quote_identifier(database)
    for name in ("loads", *fact_tables(kept)):
        by.run(f"EXCHANGE TABLES {name} AND {beside}.{name}", "rebuild")
        _log.info("replaced the table %s", name)


async def _leave_out(letters: Sequence[DeadLettered]) -> None:
    _log.info("%d messages can't be loaded; their dead letters are there already", len(letters))


def _is_open(reached: Mapping[PartitionKey, int], ends: Mapping[PartitionKey, int]) -> bool:
    return any(reached[place] < end for place, end in ends.items())


def _within(
    found: Mapping[Topic, Sequence[Part]], ends: Mapping[PartitionKey, int]
) -> dict[Topic, list[Part]]:
    """The messages before the positions to reach."""
    cut: dict[Topic, list[Part]] = {}
    for topic, parts in found.items():
        for part in parts:
            end = ends.get((topic.name, part.partition), 0)
            if part.chunk.begin < end:
                chunk = before(part.chunk, min(end, part.chunk.end))
                cut.setdefault(topic, []).append(Part(part.partition, chunk))
    return cut


def _advance(reached: dict[PartitionKey, int], found: Mapping[Topic, Sequence[Part]]) -> None:
    for topic, parts in found.items():
        for part in parts:
            reached[topic.name, part.partition] = part.chunk.end
