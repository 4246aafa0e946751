"""Times for which the partitions of a killed worker pause, seen from the group's commits."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event, Thread
from types import TracebackType
from typing import Any, Final, Self

from kafka import TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import KafkaError

from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.installation import Installation
from reftrail.engine.topology import TOPOLOGY
from reftrail.local.hosts import BROKER
from reftrail.local.topics import admin

_LOOK_EVERY: Final = 0.1
_LAST_WORDS: Final = 0.5
"""Seconds after a kill in which the broker may still carry out what the victim had asked for."""
BROKER_RECOVERS: Final = 30.0
"""Seconds in which a killed broker and all its clients are surely back."""
_WORKER_RECOVERS: Final = 12.0
"""Seconds after which a killed worker runs again and has got its share."""


@dataclass(frozen=True, slots=True)
class Sample:
    """At a time (monotonic, seconds): how far the group has come, and where the logs end."""

    at: float
    committed: Mapping[TopicPartition, int]
    ends: Mapping[TopicPartition, int]


@dataclass(frozen=True, slots=True)
class Killed:
    """A host that was killed at a time, and what it held: partitions, if it was a worker."""

    at: float
    host: str
    held: frozenset[TopicPartition] = frozenset()

    @property
    def is_worker(self) -> bool:
        """Whether it is a worker, whether or not it held anything."""
        return self.host.startswith("worker-")


@dataclass(frozen=True, slots=True)
class Takeover:
    """A partition that a killed worker held: seconds until somebody committed there again.

    They are counted from when there was something to read after the kill: stages at the end of the
    flow may have to wait for that. None: nobody had by the last sample. others_died: another
    worker was killed shortly before, or before the partition was served again; the seconds are
    then those since the last kill, and nobody may have been there to take over.
    """

    killed: Killed
    partition: TopicPartition
    seconds: float | None
    others_died: bool


def takeovers(kills: Sequence[Killed], samples: Sequence[Sample]) -> list[Takeover]:
    """For each partition that a killed worker held, when it was served again.

    A partition isn't looked at where there was nothing to commit, nor where the broker was killed
    shortly before or before it was served: without a broker nobody can go on.
    """
    return [
        takeover
        for killed in kills
        for partition in sorted(killed.held)
        if (takeover := _takeover(killed, partition, kills, samples)) is not None
    ]


def _takeover(
    killed: Killed, partition: TopicPartition, kills: Sequence[Killed], samples: Sequence[Sample]
) -> Takeover | None:
    settled = [s for s in samples if s.at <= killed.at + _LAST_WORDS]
    base = settled[-1].committed.get(partition, 0) if settled else 0
    since = [s for s in samples if s.at > killed.at + _LAST_WORDS]
    served = next((s.at for s in since if s.committed.get(partition, 0) > base), None)
    # One more position is at most a transaction's marker, which nobody need commit.
    has_more = [s for s in (*settled[-1:], *since) if s.ends.get(partition, 0) > base + 1]
    waiting = has_more[0].at if has_more else served
    if waiting is None:
        return None
    until = float("inf") if served is None else served
    if any(k.host == BROKER and killed.at - BROKER_RECOVERS < k.at < until for k in kills):
        return None
    near = [
        k.at
        for k in kills
        if k.is_worker and k is not killed and killed.at - _WORKER_RECOVERS < k.at < until
    ]
    since_when = killed.at if waiting <= killed.at + _LAST_WORDS else waiting
    seconds = None if served is None else max(0.0, served - max([since_when, *near]))
    return Takeover(killed, partition, seconds, others_died=bool(near))


@dataclass(slots=True)
class GroupWatch:
    """Samples the workers' group until it is asked to stop; a context manager."""

    installation: Installation
    group: str
    samples: list[Sample] = field(default_factory=list)
    _stopping: Event = field(default_factory=Event)
    _thread: Thread | None = None

    def __enter__(self) -> Self:
        self._thread = Thread(target=self._watch, name="group-watch", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        while not self._stopping.is_set():
            try:
                with admin(self.installation) as client:
                    while not self._stopping.wait(_LOOK_EVERY):
                        self.samples.append(self._sample(client))
            except (KafkaError, ExpectedError):
                self._stopping.wait(_LOOK_EVERY)  # the broker is down: ask again

    def _sample(self, client: Any) -> Sample:
        committed = client.list_group_offsets(self.group)[self.group]
        ends = client.list_partition_offsets(dict.fromkeys(committed, OffsetSpec.LATEST))
        return Sample(
            time.monotonic(),
            {partition: found.offset for partition, found in committed.items()},
            {partition: found.offset for partition, found in ends.items()},
        )


def held_partitions(installation: Installation, said: Sequence[str]) -> frozenset[TopicPartition]:
    """The partitions that a worker's /readyz names, as partitions of the stages' topics."""
    names = {installation.name_of(stage.reads) for stage in TOPOLOGY}
    found = (word.rpartition("-") for word in said)
    return frozenset(TopicPartition(topic, int(n)) for topic, _, n in found if topic in names)
