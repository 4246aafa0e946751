"""The source of ticks: time as events, in every partition.

Input: the clock. Output: `ticks`. Guarantee: for readers of committed data, the times of each
partition go strictly forward, whatever the clock does, none is more than a minute ahead of the
broker's clock, and there is one source at a time, the newest. It runs in the worker that holds the
first partition of `ticks`, and moves with that.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from aiokafka import TopicPartition

from reftrail.contracts.codec import Undecodable, decode_as, encode, stop_if_newer
from reftrail.contracts.external_inputs import Ticked
from reftrail.contracts.record import MINUTE, Millis
from reftrail.contracts.times import now
from reftrail.contracts.topics import TICKS
from reftrail.engine.chunks import ChunkReader
from reftrail.engine.settings import WorkerSettings
from reftrail.engine.transaction import explained
from reftrail.hosting.kafka.asynchronous import async_producer
from reftrail.rules.decider import derived_id

_TIMEOUT_MS: Final = 30_000
_LOOK_BACK: Final = 64
MOST_AHEAD: Final = 1 * MINUTE
"""The most by which the clock may be ahead of the broker's: hosts with NTP differ by far less."""

_log = logging.getLogger(__name__)


def tick(at: Millis, partition: int, partitions: int) -> Ticked:
    """It is so late by now, in this partition of so many."""
    return Ticked(
        event_id=derived_id("tick", str(at), f"{partition}/{partitions}"),
        event_time=at,
        received_at=at,
        partition=partition,
        partitions=partitions,
    )


class Ticker:
    """Writes one tick to each partition every tick_seconds, all of them or none.

    Its transactional id is the same in every worker: starting it fences the former ticker. What
    goes wrong later, being fenced included, is reported to on_failure.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        partitions: int,
        on_failure: Callable[[BaseException], None],
        now: Callable[[], Millis] = now,
    ) -> None:
        self._settings = settings
        self._partitions = partitions
        self._on_failure = on_failure
        self._now = now
        self._producer = async_producer(
            settings,
            transactional_id=f"{settings.topic_prefix}ticker",
            transaction_timeout_ms=_TIMEOUT_MS,
        )
        self._broker: tuple[Millis, float] = 0, 0.0
        self._is_ahead = False
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take over from the former ticker, and go on after its last tick."""
        await self._producer.start()
        last = await _last_tick(self._settings)
        self._task = asyncio.create_task(self._run(last), name="ticker")

    async def stop(self) -> None:
        """Finish the tick under way, and disconnect."""
        self._closing.set()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
        await self._producer.stop()

    async def _run(self, last: Millis) -> None:
        try:
            # The broker's answer to a tick that hardly moves time says what time it is there.
            await self._write(last := last + 1)
            while not self._closing.is_set():
                last = max(self._bounded(self._now()), last + 1)
                await self._write(last)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), self._settings.tick_seconds)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self._on_failure(await explained(self._producer, error, "the ticker"))
            raise

    def _bounded(self, clock: Millis) -> Millis:
        """The clock's time, if it isn't far ahead of the broker's; else the broker's.

        The broker's is known from when it appended the last tick, and from this process's count of
        the seconds since: a clock that is set wrong, before or while this runs, moves nothing.
        """
        at, since = self._broker
        bound = at + round(1000 * (time.monotonic() - since)) + MOST_AHEAD
        if clock > bound and not self._is_ahead:
            _log.error(
                "this machine's clock is %d s ahead of the broker's: ticks go by the broker's "
                "until it is put right",
                (clock - bound + MOST_AHEAD) // 1000,
            )
        self._is_ahead = clock > bound
        return bound - MOST_AHEAD if self._is_ahead else clock

    async def _write(self, at: Millis) -> None:
        name = self._settings.name_of(TICKS)
        ticks = [tick(at, partition, self._partitions) for partition in range(self._partitions)]
        async with self._producer.transaction():
            written = await asyncio.gather(
                *(
                    self._producer.send_and_wait(
                        name,
                        encode(tick),
                        key=TICKS.key_of(tick).encode(),
                        partition=tick.partition,
                    )
                    for tick in ticks
                )
            )
        self._broker = max(metadata.timestamp for metadata in written), time.monotonic()


async def _last_tick(settings: WorkerSettings) -> Millis:
    """The time of the last tick that is committed, the same in each partition; 0 if there is none.

    Looks at the end of the log, and further back if there are only remains of what was aborted.
    """
    place = TopicPartition(settings.name_of(TICKS), 0)
    reader = ChunkReader(settings)
    await reader.start({place: None})
    try:
        end = (await reader.ends())[place]
        back = _LOOK_BACK
        while (last := await _last_from(reader, place, max(0, end - back), end)) is None:
            if back >= end:
                return 0
            back *= 8
        return last
    finally:
        await reader.stop()


async def _last_from(
    reader: ChunkReader, place: TopicPartition, begin: int, end: int
) -> Millis | None:
    """The last tick from a position to the end of the log; None if there is none."""
    last = None
    reader.seek(place, begin)
    while await reader.position(place) < end:
        for chunk in (await reader.read(timeout_seconds=1.0)).get(place, []):
            for value in chunk.values:
                try:
                    last = decode_as(Ticked, value).event_time
                except Undecodable as error:  # the stage that reads ticks puts it aside
                    stop_if_newer(error)
    return last
