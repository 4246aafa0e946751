"""Taking over one partition: its state, and where each of its stages is to read on."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from aiokafka import TopicPartition

from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.topic import Topic
from reftrail.engine.chunks import ChunkReader
from reftrail.engine.partition_state import PartitionState
from reftrail.engine.restore import restore, resume_positions
from reftrail.engine.settings import WorkerSettings
from reftrail.engine.stage import Stage
from reftrail.hosting.kafka.groups import group_positions
from reftrail.hosting.kafka.log_bounds import (
    LogBounds,
    Position,
    PositionAdvice,
    check_last_record,
    check_position,
)

_log = logging.getLogger(__name__)

_ACCEPT: Final = "set REFTRAIL_ACCEPT_LOST_RECORDS=true for one start to go on {where} without them"
_ADVICE: Final = PositionAdvice(
    host="this installation",
    done="processed",
    if_removed=f"restore them, or {_ACCEPT.format(where='with the first that is there')}",
    if_truncated="what was decided from the lost messages still counts. Restore them from a "
    "replica or a backup, rebuild the installation from its inputs, or "
    + _ACCEPT.format(where="at the log's present end"),
    if_rewritten="what was decided from the lost messages still counts, and what took their places "
    "was never decided. Restore the log from a replica or a backup, rebuild the installation from "
    "its inputs, or " + _ACCEPT.format(where="at that position"),
)


class LostPositionsError(ExpectedError):
    """A partition has state, but nothing says up to where its stages have read."""


@dataclass(frozen=True, slots=True)
class Restored:
    """The positions from which a partition's sources are read on; messages counts those read."""

    positions: Mapping[TopicPartition, Position]
    messages: int


class PartitionTakeover:
    """Reader of one partition's state and positions.

    The partition's writer must be started before, so that nobody else changes what is read here.
    committed says what the group has committed, for all partitions that are taken over.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        topology: tuple[Stage, ...],
        state: PartitionState,
        committed: Callable[[], Awaitable[Mapping[TopicPartition, int]]],
    ) -> None:
        self._settings = settings
        self._topology = topology
        self._state = state
        self._committed = committed

    async def restore(self, partition: int) -> Restored:
        """Bring the state up to date. Raises `ExpectedError` if messages are missing."""
        changelogs = changelogs_of(self._settings, self._state, partition)
        sources = {
            TopicPartition(self._settings.name_of(stage.reads), partition): stage.reads
            for stage in self._topology
        }
        reader = ChunkReader(self._settings)
        await reader.start(resume_positions(changelogs), unread=sources)
        try:
            count = await restore(reader, changelogs)
            kept = self._state.positions
            recorded = {at: kept[topic.name] for at, topic in sources.items() if topic.name in kept}
            known = await self._positions(sources, recorded)
            bounds = await reader.bounds(sources)
            positions = {
                source: self._within_log(source, known, bounds[source]) for source in sources
            }
            await self._check_last_records(reader, positions, bounds)
        finally:
            await reader.stop()
        return Restored(positions, count)

    async def _positions(
        self, sources: Iterable[TopicPartition], recorded: Mapping[TopicPartition, Position]
    ) -> Mapping[TopicPartition, Position]:
        """The positions in the changelogs; those of the group where it has others.

        A group alone has them where an earlier version wrote the state, and where no stage keeps
        any.
        """
        sources = list(sources)
        if len(recorded) == len(sources):
            return recorded
        committed = await self._committed()
        of_group = {at: Position(committed[at]) for at in sources if at in committed}
        found = of_group | dict(recorded)
        if not found and not self._state.is_empty:
            raise LostPositionsError(
                f"partition {sources[0].partition} has state, but no positions: neither its "
                f"changelogs nor the consumer group {self._settings.group} say up to where its "
                f"stages have read. An earlier version kept them in the group only: set "
                f"REFTRAIL_GROUP to the group's name at that time (it was 'reftrail' if it wasn't "
                f"set). If that group's offsets are gone, rebuild the installation: stop its "
                f"workers, delete the topics that they write, changelogs included, and start anew"
            )
        return found

    def _within_log(
        self, source: TopicPartition, known: Mapping[TopicPartition, Position], bounds: LogBounds
    ) -> Position:
        position = known.get(source, Position(bounds.begin))
        offset = position.offset
        if not bounds.holds(offset) and self._settings.accept_lost_records:
            accepted = bounds.nearest(offset)
            _log.error(
                "%s/%s goes on at %s instead of %s; messages between are lost, and accepted so",
                *source,
                accepted,
                offset,
            )
            return Position(accepted)
        check_position(source.topic, source.partition, offset, bounds, _ADVICE)
        return position

    async def _check_last_records(
        self,
        reader: ChunkReader,
        positions: Mapping[TopicPartition, Position],
        bounds: Mapping[TopicPartition, LogBounds],
    ) -> None:
        """Compare the last records that were read with those in the log, where they still are."""
        offsets = {
            source: position.last.offset
            for source, position in positions.items()
            if position.last and bounds[source].begin <= position.last.offset
        }
        found = await reader.records_at(offsets)
        for source, offset in offsets.items():
            if found[source] is None and (await reader.bounds([source]))[source].begin > offset:
                continue  # its time to be kept was up just now
            topic, number = source.topic, source.partition
            try:
                check_last_record(topic, number, positions[source], found[source], _ADVICE)
            except ExpectedError as error:
                if not self._settings.accept_lost_records:
                    raise
                _log.error("what this says is accepted: %s", error)


class CommittedByGroup:
    """The group's committed offsets of some partitions; asked for once, if anybody asks."""

    def __init__(self, settings: WorkerSettings, sources: Iterable[TopicPartition]) -> None:
        self._settings = settings
        self._sources = list(sources)
        self._found: asyncio.Task[dict[TopicPartition, int]] | None = None

    async def __call__(self) -> Mapping[TopicPartition, int]:
        """By partition, those without any left out."""
        if self._found is None:
            self._found = asyncio.create_task(
                group_positions(self._settings, self._settings.group, self._sources)
            )
        return await asyncio.shield(self._found)


def changelogs_of(
    settings: WorkerSettings, state: PartitionState, partition: int
) -> dict[TopicPartition, tuple[PartitionState, Topic]]:
    """The partitions of changelogs that make up a partition's state."""
    return {
        TopicPartition(settings.name_of(changelog), partition): (state, changelog)
        for changelog in state.changelogs
    }
