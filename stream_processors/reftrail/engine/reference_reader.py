"""A worker's codes, campaigns and lists: read once, and followed until it ends."""

import asyncio
from collections.abc import Callable

from aiokafka import TopicPartition

from reftrail.contracts.topics import CAMPAIGNS, CODES, LISTS
from reftrail.engine.live_reference import LiveReference, ReferenceTopicReader
from reftrail.engine.reference import ReferenceTables
from reftrail.engine.settings import WorkerSettings
from reftrail.engine.stage import Codes, Stage
from reftrail.hosting.kafka.asynchronous import async_admin


class ReferenceReader:
    """The tables that a topology's stages look things up in, whatever partitions are assigned."""

    def __init__(
        self,
        settings: WorkerSettings,
        topology: tuple[Stage, ...],
        on_failure: Callable[[BaseException], None],
    ) -> None:
        self._settings = settings
        looks_up = any(stage.looks_up_codes is not Codes.NONE for stage in topology)
        self._topics = (CAMPAIGNS, LISTS, CODES) if looks_up else (CAMPAIGNS, LISTS)
        self._on_failure = on_failure
        self._reader: ReferenceTopicReader | None = None
        self._reading: asyncio.Task[tuple[int, LiveReference]] | None = None

    @property
    def is_read(self) -> bool:
        """Whether all that there was at the start has been read."""
        reading = self._reading
        return reading is not None and reading.done() and not reading.cancelled()

    async def read(self) -> tuple[int, LiveReference]:
        """The number of partitions of each topic, and the tables; waits until all has been read.

        What has begun goes on if the caller is cancelled: the next one waits for the rest.
        """
        if self._reading is None:
            self._reading = asyncio.create_task(self._read(), name="read codes")
        return await asyncio.shield(self._reading)

    async def stop(self) -> None:
        """Stop following."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        if self._reader is not None:
            await self._reader.stop()

    async def _read(self) -> tuple[int, LiveReference]:
        partitions = await self._count_partitions()
        tables = ReferenceTables()
        self._reader = ReferenceTopicReader(
            self._settings,
            [
                TopicPartition(self._settings.name_of(topic), partition)
                for topic in self._topics
                for partition in range(partitions)
            ],
            tables,
            self._on_failure,
        )
        await self._reader.start()
        return partitions, LiveReference(tables, [self._reader])

    async def _count_partitions(self) -> int:
        admin = async_admin(self._settings)
        await admin.start()
        try:
            topics = await admin.describe_topics([self._settings.name_of(CAMPAIGNS)])
        finally:
            await admin.close()
        return len(topics[0]["partitions"])
