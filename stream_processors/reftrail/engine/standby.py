"""Standbys: the state of partitions that other workers own, kept up to date from the changelogs."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiokafka import TopicPartition

from reftrail.contracts.topic import Topic
from reftrail.engine.chunks import ChunkReader
from reftrail.engine.metrics import WorkerMetrics
from reftrail.engine.partition_state import PartitionState
from reftrail.engine.restore import discard_unfit, restore_chunk, resume_positions
from reftrail.engine.settings import WorkerSettings
from reftrail.engine.takeover import changelogs_of

_NEARLY_ALL: Final = 10_000
"""Messages that a takeover reads in a moment: a standby that lacks no more is warm."""
_POLL_SECONDS: Final = 1.0


class StandbyReader:
    """Follows the changelogs of some partitions, committed messages only, until it is cancelled.

    What a state has then is what a restore up to the same position gives. found_warm is called once
    for each partition, as soon as its state is nearly complete.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        states: Mapping[int, PartitionState],
        metrics: WorkerMetrics,
        found_warm: Callable[[int], Awaitable[None]],
    ) -> None:
        self._settings = settings
        self._changelogs: dict[TopicPartition, tuple[PartitionState, Topic]] = {}
        for partition, state in states.items():
            self._changelogs |= changelogs_of(settings, state, partition)
        self._states = states
        self._lag: defaultdict[int, dict[str, int]] = defaultdict(dict)
        self._topics = {changelog for _, changelog in self._changelogs.values()}
        self._metrics = metrics
        self._found_warm = found_warm
        self._warm: set[int] = set()

    async def run(self) -> None:
        """Read on for ever."""
        reader = ChunkReader(self._settings)
        await reader.start(resume_positions(self._changelogs))
        try:
            await discard_unfit(reader, self._changelogs)
            while True:
                await self._read(reader)
                await self._note_lag(reader)
        finally:
            self._metrics.standbys.set(0)
            self._metrics.standby_lag.clear()
            await reader.stop()

    async def _read(self, reader: ChunkReader) -> None:
        for at, chunks in (await reader.read(_POLL_SECONDS)).items():
            state, changelog = self._changelogs[at]
            for chunk in chunks:
                await restore_chunk(state, changelog, chunk)
                self._metrics.followed.inc(len(chunk.keys))

    async def _note_lag(self, reader: ChunkReader) -> None:
        for at, (state, changelog) in self._changelogs.items():
            end = reader.known_end(at)
            if end is not None:
                read_to = state.changelogs[changelog]
                if read_to is None:
                    read_to = await reader.position(at)
                    state.restored(changelog, read_to)
                self._lag[at.partition][at.topic] = max(0, end - read_to)
        for partition, lags in self._lag.items():
            if len(lags) == len(self._topics):
                lag = sum(lags.values())
                self._metrics.standby_lag.labels(str(partition)).set(lag)
                if not lag:
                    self._states[partition].is_current()
                if lag <= _NEARLY_ALL and partition not in self._warm:
                    self._warm.add(partition)
                    self._metrics.standbys.set(len(self._warm))
                    await self._found_warm(partition)
