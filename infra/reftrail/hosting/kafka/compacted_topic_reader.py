"""Reader of topics into tables, outside any consumer group: compacted ones, and recent records."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from reftrail.contracts.codec import Undecodable, decode_as, stop_if_newer
from reftrail.contracts.installation import Installation
from reftrail.contracts.record import Millis, Record
from reftrail.contracts.times import now
from reftrail.hosting.kafka.asynchronous import async_consumer

logger = logging.getLogger(__name__)

_RETRY_SECONDS: Final = 0.5
_POLL_MS: Final = 200


@dataclass(frozen=True, slots=True)
class TopicTable:
    """Receiver of a topic's messages: records of a kind, and the keys of deleted ones.

    With an age, in milliseconds, reading begins with what was written so long ago; the table may
    get older records too, and some twice.
    """

    kind: type[Record]
    take: Callable[[Any], None]
    drop: Callable[[str], None] = lambda _: None
    age: Millis | None = None


class TopicUnavailable(Exception):  # noqa: N818  named after what the HTTP edge makes of it
    """A topic can't be read to its end now; str() says why, with the topic as its subject."""


class CompactedTopicReader:
    """Reader of compacted topics, by their full names, on all partitions.

    `run` keeps it connected; `refresh` makes sure that what was written before the call is in the
    tables. on_progress is called after each reading, on_undecodable for each message that is
    skipped.
    """

    def __init__(
        self,
        installation: Installation,
        tables: Mapping[str, TopicTable],
        *,
        on_progress: Callable[[], None],
        on_undecodable: Callable[[], None],
    ) -> None:
        self._installation = installation
        self._tables = tables
        self._on_progress = on_progress
        self._on_undecodable = on_undecodable
        self._positions: dict[TopicPartition, int] = {}
        self._advanced = asyncio.Condition()
        self._ends: Any = None
        self._reached = asyncio.Event()
        self._asked = self._served = 0
        self._reading = asyncio.Lock()

    async def refresh(self, patience: float, *, from_start: bool = False) -> None:
        """Read to what is the topics' end now. Raises `TopicUnavailable` after so many seconds.

        One reading serves all who asked before it began, and there is one at a time. While Kafka
        hasn't been reached, it raises at once, or waits for that, too, if from_start is set.
        """
        if not (from_start or self._reached.is_set()):
            raise TopicUnavailable("has not been reached yet")
        self._asked += 1
        mine = self._asked
        try:
            async with asyncio.timeout(patience), self._reading:
                if self._served < mine:
                    serves = self._asked
                    await self._read_to_end()
                    self._served = serves
        except (TimeoutError, KafkaError) as error:
            reached = self._reached.is_set()
            what = "can't be read to its end" if reached else "has not been reached yet"
            raise TopicUnavailable(what) from error

    async def _read_to_end(self) -> None:
        await self._reached.wait()
        ends: Mapping[TopicPartition, int] = await self._ends.end_offsets(list(self._positions))
        async with self._advanced:
            await self._advanced.wait_for(
                lambda: all(self._positions.get(tp, 0) >= end for tp, end in ends.items())
            )

    async def run(self) -> None:
        """Follow the topics until cancelled. Raises `NewerVersionNeeded` at a newer record."""
        while True:
            # The second one only asks for ends: on one connection its requests would queue
            # behind the first one's long polls.
            consumer, ends = self._consumer(*self._tables), self._consumer()
            try:
                await consumer.start()
                await ends.start()
                await self._follow(consumer, ends)
            except KafkaError as error:
                logger.warning("cannot read %s yet: %r", ", ".join(self._tables), error)
                await asyncio.sleep(_RETRY_SECONDS)
            finally:
                self._ends = None
                self._reached.clear()
                for opened in (consumer, ends):
                    with suppress(KafkaError):
                        await opened.stop()

    def _consumer(self, *topics: str) -> Any:
        return async_consumer(self._installation, *topics, auto_offset_reset="earliest")

    async def _follow(self, consumer: Any, ends: Any) -> None:
        partitions = sorted(consumer.assignment())
        self._positions = dict.fromkeys(partitions, 0)
        await self._pass_old(consumer, partitions)
        self._ends = ends
        self._reached.set()
        while True:
            fetched = await consumer.getmany(timeout_ms=_POLL_MS)
            for records in fetched.values():
                for record in records:
                    self._apply(record)
            positions = {tp: await consumer.position(tp) for tp in partitions}
            if positions != self._positions:
                async with self._advanced:
                    self._positions = positions
                    self._advanced.notify_all()
            self._on_progress()

    async def _pass_old(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        """Begin with the records that are as young as their tables ask for."""
        ages = {tp: self._tables[tp.topic].age for tp in partitions}
        since = {tp: max(now() - age, 0) for tp, age in ages.items() if age is not None}
        if not since:
            return
        ends = await consumer.end_offsets(list(since))  # first: what comes now isn't passed
        found = await consumer.offsets_for_times(since)
        for tp in since:
            consumer.seek(tp, ends[tp] if found[tp] is None else found[tp].offset)

    def _apply(self, message: Any) -> None:
        table = self._tables[message.topic]
        if message.value is None:
            table.drop((message.key or b"").decode("utf-8", "replace"))
            return
        try:
            record = decode_as(table.kind, message.value)
        except Undecodable as error:
            stop_if_newer(error)
            # Stopping for it would keep the collector from ever starting again.
            self._on_undecodable()
            logger.error(  # noqa: TRY400  the traceback tells nothing more
                "skipped %s/%d at %d: %s",
                message.topic,
                message.partition,
                message.offset,
                error,
            )
            return
        table.take(record)
