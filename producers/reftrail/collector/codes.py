"""The table of registered codes, read from the topic `codes` and kept up with it."""

import asyncio
import logging
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from reftrail.collector.accept import CodeFacts
from reftrail.collector.errors import Unavailable
from reftrail.collector.metrics import Metrics
from reftrail.contracts.codec import Undecodable, decode_as
from reftrail.contracts.reference import CodeChanged

logger = logging.getLogger(__name__)

_RETRY_SECONDS: Final = 0.5
_POLL_MS: Final = 200
_CODE: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


class CodesFollower:
    """Follows the topic on all partitions, outside any consumer group.

    `run` keeps it connected; `lookup` answers from memory; `refresh` makes sure that a code
    registered before the call is in it.
    """

    def __init__(self, bootstrap_servers: str, topic_name: str, metrics: Metrics) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._topic_name = topic_name
        self._metrics = metrics
        self._table: dict[str, CodeFacts] = {}
        self._positions: dict[TopicPartition, int] = {}
        self._advanced = asyncio.Condition()
        self._ends: Any = None
        self._read_once = False
        self._asked = self._served = 0
        self._reading = asyncio.Lock()

    def lookup(self, code: str) -> CodeFacts | None:
        """What is known of a code; None if it wasn't registered when the topic was last read."""
        return self._table.get(code)

    async def know(self, codes: Iterable[str], patience: float) -> None:
        """Return when the table can tell of each of these codes whether it is registered.

        Costs nothing while all of them are in it. Raises `Unavailable` when Kafka can't be asked
        within so many seconds.
        """
        missing = any(code not in self._table and _CODE.fullmatch(code) for code in codes)
        if missing or not self._read_once:
            await self.refresh(patience)

    async def refresh(self, patience: float) -> None:
        """Read to what is the topic's end now. Raises `Unavailable` after so many seconds.

        One reading serves all who asked before it began, and there is one at a time.
        """
        self._asked += 1
        mine = self._asked
        try:
            async with asyncio.timeout(patience), self._reading:
                if self._served < mine:
                    serves = self._asked
                    await self._read_to_end()
                    self._served = serves
        except (TimeoutError, KafkaError) as error:
            raise Unavailable("the topic of codes can't be read to its end") from error

    async def _read_to_end(self) -> None:
        if self._ends is None:
            raise Unavailable("the topic of codes has not been reached yet")
        ends: Mapping[TopicPartition, int] = await self._ends.end_offsets(list(self._positions))
        async with self._advanced:
            await self._advanced.wait_for(
                lambda: all(self._positions.get(tp, 0) >= end for tp, end in ends.items())
            )
        if not self._read_once:
            logger.info("codes are read: %d", len(self._table))
            self._read_once = True

    async def run(self) -> None:
        """Follow the topic until cancelled."""
        while True:
            # The second one only asks for ends: on one connection its requests would queue
            # behind the first one's long polls.
            consumer, ends = self._consumer(self._topic_name), self._consumer()
            try:
                await consumer.start()
                await ends.start()
                await self._follow(consumer, ends)
            except KafkaError as error:
                logger.warning("cannot read %s yet: %r", self._topic_name, error)
                await asyncio.sleep(_RETRY_SECONDS)
            finally:
                self._ends = None
                for opened in (consumer, ends):
                    with suppress(KafkaError):
                        await opened.stop()

    def _consumer(self, *topics: str) -> Any:
        return AIOKafkaConsumer(
            *topics,
            bootstrap_servers=self._bootstrap_servers,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        )

    async def _follow(self, consumer: Any, ends: Any) -> None:
        partitions = sorted(consumer.assignment())
        self._positions = dict.fromkeys(partitions, 0)
        self._ends = ends
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
            self._metrics.codes_known.set(len(self._table))

    def _apply(self, record: Any) -> None:
        if record.value is None:
            self._table.pop((record.key or b"").decode("utf-8", "replace"), None)
            return
        try:
            code = decode_as(CodeChanged, record.value)
        except Undecodable as error:
            # Stopping for it would keep the collector from ever starting again.
            self._metrics.codes_undecodable.inc()
            logger.error(  # noqa: TRY400  the traceback tells nothing more
                "passed over %s/%d at %d: %s", record.topic, record.partition, record.offset, error
            )
            return
        self._table[code.code] = CodeFacts(code.campaign_id, code.category, code.channel)
