"""Loader of a batch of messages into ClickHouse, exactly once.

For every load (messages of one topic) the SQL is, in this order:

    INSERT INTO loads (... closed = 0)                      what will be inserted: the claim
    INSERT INTO <table> SETTINGS insert_deduplication_token = '<load>#<schema>' FORMAT Avro
    INSERT INTO loads (... closed = 1)                      that it was

Events go into two tables, see `event_inserts`.

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
from reftrail.contracts.topics import DEAD_LETTERS, EVENTS
from reftrail.warehouse.blocks import Block, Part, UnloadableMessage, sort_out, unreadable
from reftrail.warehouse.dead_letters import Bury, letter
from reftrail.warehouse.event_inserts import EventInserts, EventLoad
from reftrail.warehouse.ledger import Counts, Ledger, Load, Range
from reftrail.warehouse.metrics import WarehouseMetrics
from reftrail.warehouse.missing_rows import lacks_rows, missing_for_long
from reftrail.warehouse.tables import table_of

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
        self._events = EventInserts(client)

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

    def follow(self) -> None:
        """Learn what another warehouse has loaded by now, so that a turn begins quickly."""
        self._events.follow(self._ledger.next_number())

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
            refused += await self._insert(work, block, found.blocks, verify=verify)
        if work.topic is EVENTS:
            await asyncio.to_thread(self._events.stored, self._event_load(work, found.blocks))
        await self._put_aside(work.topic, refused)
        last = {part.partition: mark for part in work.parts if (mark := part.chunk.last)}
        return Counts(sum(len(part.chunk.values) for part in work.parts), len(refused), last)

    async def _insert(
        self, work: Work, block: Block, blocks: Sequence[Block], *, verify: bool
    ) -> list[UnloadableMessage]:
        """Insert one of a load's blocks; says which of its messages ClickHouse would not have."""
        try:
            await asyncio.to_thread(self._insert_block, work, block, blocks, verify=verify)
        except DatabaseError:
            refused = await asyncio.to_thread(unreadable, work.parts, block.schema_id)
            if not refused:
                raise
        else:
            return []
        rest = sort_out(work.topic, work.parts, without=[message.place for message in refused])
        for good in rest.blocks:
            if good.schema_id == block.schema_id:
                await asyncio.to_thread(self._insert_block, work, good, rest.blocks, verify=verify)
        return refused

    def _insert_block(
        self, work: Work, block: Block, blocks: Sequence[Block], *, verify: bool
    ) -> None:
        token = f"{work.load.token}#{block.schema_id}"
        settings = {} if self._with_tokens else _UNPROTECTED
        if work.topic is EVENTS:
            load = self._event_load(work, blocks, is_recovered=verify)
            self._events.insert(load, block, token, settings)
            return
        table = table_of(work.topic, block.record)
        container = block.container()
        given = {"insert_deduplication_token": token} if self._with_tokens else _UNPROTECTED
        self._client.raw_insert(table.name, insert_block=container, fmt="Avro", settings=given)
        if verify and missing_for_long(lambda: lacks_rows(self._client, table, block)):
            _log.warning("%s was known as inserted, but isn't there: inserting it again", token)
            again = {"insert_deduplication_token": f"{token}#again"}
            self._client.raw_insert(table.name, insert_block=container, fmt="Avro", settings=again)

    def _event_load(
        self, work: Work, blocks: Sequence[Block], *, is_recovered: bool = False
    ) -> EventLoad:
        number = self._ledger.number_of(work.load)
        is_unnumbered = is_recovered and self._ledger.is_unnumbered(work.load)
        return EventLoad(blocks, number, is_recovered, is_unnumbered)

    async def _put_aside(self, topic: Topic, refused: Sequence[UnloadableMessage]) -> None:
        """Dead letters that can't be loaded stay where they are: writing more would never end."""
        if topic is DEAD_LETTERS:
            for message in refused:
                _log.error(
                    "a dead letter at %s cannot be loaded: %s", message.place, message.detail
                )
        elif refused:
            await self._bury([letter(topic, message) for message in refused])


def works(found: Mapping[Topic, Sequence[Part]]) -> list[Work]:
    """A batch of what was fetched, in the order of the topic table, partitions in order."""
    return [
        Work(topic, tuple(sorted(parts, key=lambda part: part.partition)))
        for topic, parts in found.items()
    ]
