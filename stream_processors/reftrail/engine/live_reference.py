"""Codes, campaigns and lists as a worker knows them: followed on topics, outside the group."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

from aiokafka import TopicPartition

from reftrail.contracts.codec import Undecodable, decode, stop_if_newer
from reftrail.contracts.installation import Installation
from reftrail.engine.chunks import ChunkReader
from reftrail.engine.reference import ReferenceTables

_log = logging.getLogger(__name__)
_POLL_SECONDS: Final = 1.0
_STALLED_SECONDS: Final = 30.0
_SLICE: Final = 500
"""Records after which everything else in the process gets a turn: some milliseconds."""


class ReferenceTopicReader:
    """Reader that keeps `ReferenceTables` up to date with partitions of the reference topics.

    It lives as long as its worker: a rebalance doesn't read the topics again.
    """

    def __init__(
        self,
        installation: Installation,
        partitions: Iterable[TopicPartition],
        tables: ReferenceTables,
        on_failure: Callable[[BaseException], None],
    ) -> None:
        self._reader = ChunkReader(installation)
        self._partitions = tuple(partitions)
        self._tables = tables
        self._on_failure = on_failure
        self._applied: dict[TopicPartition, int] = {}
        self._progress = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect and read what there is by now."""
        await self._reader.start(dict.fromkeys(self._partitions, None))
        for partition in self._partitions:
            self._applied[partition] = await self._reader.position(partition)
        self._task = asyncio.create_task(self._follow(), name="follow-reference")
        await self.refresh()

    async def stop(self) -> None:
        """Stop reading and disconnect."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._reader.stop()

    async def refresh(self) -> None:
        """Return once everything that was acknowledged before this call has been read.

        Raises TimeoutError when nothing more has been read for 30 s.
        """
        ends = await self._reader.ends()
        applied, since = dict(self._applied), time.monotonic()
        async with self._progress:
            while any(self._applied[partition] < end for partition, end in ends.items()):
                if applied != self._applied:
                    applied, since = dict(self._applied), time.monotonic()
                elif time.monotonic() - since > _STALLED_SECONDS:
                    raise TimeoutError(
                        f"nothing more was read of codes, campaigns or lists for "
                        f"{_STALLED_SECONDS:.0f} s, although there is more: at {applied} of {ends}"
                    )
                with suppress(TimeoutError):
                    async with asyncio.timeout(_POLL_SECONDS):
                        await self._progress.wait()

    async def _follow(self) -> None:
        try:
            while True:
                found = await self._reader.read(_POLL_SECONDS)
                for partition, chunks in found.items():
                    for chunk in chunks:
                        await self._take_all(partition, chunk.values)
                        self._applied[partition] = chunk.end
                async with self._progress:
                    self._progress.notify_all()
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self._on_failure(error)
            raise

    async def _take_all(self, partition: TopicPartition, values: list[bytes | None]) -> None:
        for begin in range(0, len(values), _SLICE):
            for value in values[begin : begin + _SLICE]:
                self._take(partition, value)
            await asyncio.sleep(0)

    def _take(self, partition: TopicPartition, value: bytes | None) -> None:
        if value is None:
            return
        try:
            self._tables.apply(decode(value), value)
        except Undecodable as error:
            stop_if_newer(error)
            # The warehouse, which reads the same topic, puts it into the dead letters.
            _log.error("left out a message of %s: %s", partition, error)


class LiveReference:
    """The tables of one worker's stage partition, and how to make sure that nothing is missing."""

    def __init__(self, tables: ReferenceTables, readers: Iterable[ReferenceTopicReader]) -> None:
        self.tables = tables
        self._readers = tuple(readers)

    def for_another_stage(self) -> "LiveReference":
        """The same tables, now and later, for a stage that misses what it misses itself."""
        return LiveReference(self.tables.seen_by_another(), self._readers)

    async def refresh_missing(self) -> bool:
        """Whether something that a batch asked for in vain is there after reading to the end."""
        missed = set(self.tables.missed)
        self.tables.missed.clear()
        if not missed:
            return False
        await asyncio.gather(*(reader.refresh() for reader in self._readers))
        return self.tables.has_any(missed)
