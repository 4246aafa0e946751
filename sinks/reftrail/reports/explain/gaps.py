"""Gaps in the log that keep a decision from being derived again."""

from collections.abc import Iterable, Iterator
from typing import Any

from reftrail.engine.lookups import RecordedLookups
from reftrail.engine.memory_log import Step
from reftrail.engine.stage import Stage
from reftrail.reports.explain.log import Log, LogMessage
from reftrail.reports.explain.record_filters import Asked


def cut(log: Log, asked: Asked) -> Iterator[str]:
    """Partitions whose log doesn't begin at its first record."""
    reads = asked.stage.reads
    for partition, begin in sorted({log.begin(reads, key) for key in asked.keys}):
        if begin:
            yield (
                f"{reads.name}/{partition} begins at offset {begin}: what was before it is gone, "
                f"so what follows from that can't be derived"
            )


def unrecorded(
    lookups: RecordedLookups,
    stage: Stage,
    steps: Iterable[Step],
    outputs: Iterable[LogMessage],
) -> Iterator[str]:
    """Decisions that are older than the records of what was looked up for them.

    steps are those of the derivation, outputs what the log has of it. Inputs from which nothing
    followed, then or now, don't count: no lookup is recorded for a tick that fires no timer.
    """
    reads = stage.reads.name
    decided = {(step.cause.partition, step.cause.offset) for step in steps if step.events}
    for output in outputs:
        record: Any = output.record
        if record.cause_topic == reads:
            decided.add((record.cause_partition, record.cause_offset))
    first: dict[int, int] = {}
    for partition, offset in sorted(decided):
        first.setdefault(partition, offset)
    for partition, offset in first.items():
        known_from = lookups.first_offset(stage.name, partition)
        if known_from is not None and offset < known_from:
            yield (
                f"{reads}/{partition} up to offset {known_from} is from before lookups were "
                f"recorded: it is decided with codes, campaigns and lists as they are now"
            )
