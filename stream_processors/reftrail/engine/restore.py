"""Bringing a partition's state up to what is committed in its changelogs."""

import asyncio
from collections.abc import Mapping
from typing import Final

from aiokafka import TopicPartition

from reftrail.contracts.installation import Installation
from reftrail.contracts.topic import Topic
from reftrail.engine.chunks import Chunk, ChunkReader
from reftrail.engine.partition_state import PartitionState
from reftrail.hosting.kafka.log_bounds import LogBounds

_ATTEMPTS: Final = 20
_PAUSE_SECONDS: Final = 0.1
_SLICE: Final = 2_000
"""Messages after which everything else in the process gets a turn: some milliseconds."""


async def restore(
    reader: ChunkReader, changelogs: Mapping[TopicPartition, tuple[PartitionState, Topic]]
) -> int:
    """Read into each state what a changelog's partition holds beyond what the state has.

    The reader must have been started at what `resume_positions` says. Returns the number of
    messages read. What is read up to is the end of what is committed: where the state is to be
    complete, the partitions' former writers must be fenced by now. May be cancelled, and called
    again for what is left.
    """
    if not changelogs:
        return 0
    await discard_unfit(reader, changelogs)
    count = 0
    ends = await reader.ends()
    unread = set()
    for partition, (state, changelog) in changelogs.items():
        position = await reader.position(partition)
        state.restored(changelog, position)
        if position < ends[partition]:
            unread.add(partition)
    while unread:
        for partition, chunks in (await reader.read(timeout_seconds=1.0)).items():
            state, changelog = changelogs[partition]
            for chunk in chunks:
                await restore_chunk(state, changelog, chunk)
                count += len(chunk.keys)
                if chunk.end >= ends[partition]:
                    unread.discard(partition)
    return count


async def discard_unfit(
    reader: ChunkReader, changelogs: Mapping[TopicPartition, tuple[PartitionState, Topic]]
) -> None:
    """Discard states that have been taken from beyond what the changelogs have, and begin anew.

    A log that lost messages, or was made anew, would otherwise be taken for what was read.
    """
    unfit: dict[TopicPartition, LogBounds] = {}
    for _ in range(_ATTEMPTS):
        bounds = await reader.bounds(changelogs)
        unfit = {
            at: bounds[at]
            for at, position in resume_positions(changelogs).items()
            if position is not None and not bounds[at].holds(position)
        }
        if not unfit:
            return
        await asyncio.sleep(_PAUSE_SECONDS)  # what was just committed may not be visible yet
    for at, bound in unfit.items():
        state, changelog = changelogs[at]
        if (position := state.changelogs[changelog]) is not None:
            state.discard(
                f"it has {at.topic}/{at.partition} up to {position}, whose log now goes from "
                f"{bound.begin} to {bound.end}"
            )
            for other, (other_state, _) in changelogs.items():
                if other_state is state:
                    reader.seek(other, bounds[other].begin)


async def restore_from(
    installation: Installation, changelogs: Mapping[TopicPartition, tuple[PartitionState, Topic]]
) -> int:
    """As `restore`, with a reader of its own."""
    reader = ChunkReader(installation)
    await reader.start(resume_positions(changelogs))
    try:
        return await restore(reader, changelogs)
    finally:
        await reader.stop()


def resume_positions(
    changelogs: Mapping[TopicPartition, tuple[PartitionState, Topic]],
) -> dict[TopicPartition, int | None]:
    """The positions from which changelogs are read on; None: from the beginning."""
    return {
        partition: state.changelogs[changelog]
        for partition, (state, changelog) in changelogs.items()
    }


async def restore_chunk(state: PartitionState, changelog: Topic, chunk: Chunk) -> None:
    """Take over the messages of one chunk. May be cancelled; then all of it is read again."""
    for begin in range(0, len(chunk.keys), _SLICE):
        end = begin + _SLICE
        for key, value in zip(chunk.keys[begin:end], chunk.values[begin:end], strict=True):
            state.restore(changelog, key, value)
        if end < len(chunk.keys):
            await asyncio.sleep(0)
    state.restored(changelog, chunk.end)
