"""Loader of a batch of messages into ClickHouse, exactly once.

For every load (messages of one topic) the SQL is, in this order:

    INSERT INTO loads (... closed = 0)                      what will be inserted: the claim
    INSERT INTO <table> SETTINGS insert_deduplication_token = '<load>#<schema>' FORMAT Avro
    INSERT INTO loads (... closed = 1)                      that it was

An error, whatever it is, leaves the load open and must end the process: its outcome is unknown.
The next start reads the same ranges and inserts them again under the same tokens (`recover`).
"""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import DEAD_LETTERS
from reftrail.warehouse.blocks import Block, Part, UnloadableMessage, sort_out, unreadable
from reftrail.warehouse.dead_letters import Bury, letter
from reftrail.warehouse.ledger import Counts, Ledger, Load, Range
from reftrail.warehouse.metrics import WarehouseMetrics
from reftrail.warehouse.tables import Table, table_of

_SCRATCH: Final = "recovery"
_PATIENCE_SECONDS: Final = 1.0
_UNPROTECTED: Final = {"deduplicate_insert": "disable", "insert_deduplicate": "0"}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Work:
    """A load and its messages."""

    topic: Topic
    parts: tuple[Part, ...]

    @property
    def load(self) -> Load:
        """Its ranges."""
        ranges = (Range(p.partition, p.chunk.begin, p.chunk.end) for p in self.parts)
        return Load(self.topic.name, tuple(sorted(ranges)))


class Loader:
    """Takes batches, one at a time.

    with_tokens False leaves the deduplication out: only for the test that shows that the others
    would notice.
    """

    def __init__(
        self,
        client: Client,
        ledger: Ledger,
        bury: Bury,
        metrics: WarehouseMetrics,
        *,
        with_tokens: bool = True,
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._bury = bury
        self._metrics = metrics
        self._with_tokens = with_tokens

    async def load(self, batch: Sequence[Work]) -> None:
        """Load messages; when it returns, they are in ClickHouse."""
        batch = [work for work in batch if any(part.chunk.values for part in work.parts)]
        if not batch:
            return
        began = time.perf_counter()
        await asyncio.to_thread(self._ledger.open, [work.load for work in batch])
        counts = {work.load: await self._insert_all(work) for work in batch}
        await asyncio.to_thread(self._ledger.close, counts)
        self._metrics.loaded(counts, time.perf_counter() - began)

    async def recover(self, work: Work) -> None:
        """Finish a load that a crash left open; work has the messages of exactly its ranges."""
        _log.info("finishing the load %s, which was left open", work.load.token)
        began = time.perf_counter()
        counts = await self._insert_all(work, verify=True)
        await asyncio.to_thread(self._ledger.close, {work.load: counts})
        self._metrics.recovered()
        self._metrics.loaded({work.load: counts}, time.perf_counter() - began)

    async def _insert_all(self, work: Work, *, verify: bool = False) -> Counts:
        found = sort_out(work.topic, work.parts)
        refused = list(found.refused)
        for block in found.blocks:
            refused += await self._insert(work, block, verify=verify)
        await self._put_aside(work.topic, refused)
        last = {part.partition: mark for part in work.parts if (mark := part.chunk.last)}
        return Counts(sum(len(part.chunk.values) for part in work.parts), len(refused), last)

    async def _insert(self, work: Work, block: Block, *, verify: bool) -> list[UnloadableMessage]:
        """Insert a block; says which of its messages ClickHouse would not have."""
        token = f"{work.load.token}#{block.schema_id}"
        try:
            await asyncio.to_thread(self._insert_block, work.topic, block, token, verify)
        except DatabaseError:
            refused = await asyncio.to_thread(unreadable, work.parts, block.schema_id)
            if not refused:
                raise
        else:
            return []
        rest = sort_out(work.topic, work.parts, without=[one.place for one in refused])
        for good in rest.blocks:
            if good.schema_id == block.schema_id:
                await asyncio.to_thread(self._insert_block, work.topic, good, token, verify)
        return refused

    def _insert_block(self, topic: Topic, block: Block, token: str, verify: bool) -> None:
        table = table_of(topic, block.record)
        container = block.container()
        settings = {"insert_deduplication_token": token} if self._with_tokens else _UNPROTECTED
        self._client.raw_insert(table.name, insert_block=container, fmt="Avro", settings=settings)
        if verify and self._is_missing_for_long(table, container):
            _log.warning("%s was known as inserted, but isn't there: inserting it again", token)
            again = {"insert_deduplication_token": f"{token}#again"}
            self._client.raw_insert(table.name, insert_block=container, fmt="Avro", settings=again)

    def _is_missing_for_long(self, table: Table, container: bytes) -> bool:
        """The same after a while: another warehouse may be inserting the block at this moment."""
        if not self._is_missing(table, container):
            return False
        time.sleep(_PATIENCE_SECONDS)
        return self._is_missing(table, container)

    def _is_missing(self, table: Table, container: bytes) -> bool:
        """Whether rows of a block that was surely inserted aren't there.

        ClickHouse notes a token before it puts the rows in place (as seen in 26.9, without
        replication): killed in between, it takes the insert's repetition for one too many.
        """
        self._client.command(f"DROP TABLE IF EXISTS {_SCRATCH}")
        self._client.command(f"CREATE TABLE {_SCRATCH} AS {table.name} ENGINE = Memory")
        try:
            self._client.raw_insert(_SCRATCH, insert_block=container, fmt="Avro")
            missing = self._client.query(
                f"SELECT count() FROM {_SCRATCH} WHERE {table.key} NOT IN (SELECT {table.key} "  # noqa: S608  (names of tables and columns, from the code)
                f"FROM {table.name} WHERE event_id IN (SELECT event_id FROM {_SCRATCH}))"
            ).result_rows[0][0]
        finally:
            self._client.command(f"DROP TABLE IF EXISTS {_SCRATCH}")
        return bool(missing)

    async def _put_aside(self, topic: Topic, refused: Sequence[UnloadableMessage]) -> None:
        """Dead letters that can't be loaded stay where they are: writing more would never end."""
        if topic is DEAD_LETTERS:
            for one in refused:
                _log.error("a dead letter at %s cannot be loaded: %s", one.place, one.detail)
        elif refused:
            await self._bury([letter(topic, one) for one in refused])


def works(found: Mapping[Topic, Sequence[Part]]) -> list[Work]:
    """A batch of what was fetched, in the order of the topic table, partitions in order."""
    return [
        Work(topic, tuple(sorted(parts, key=lambda part: part.partition)))
        for topic, parts in found.items()
    ]
