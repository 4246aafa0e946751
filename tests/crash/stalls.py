"""Times for which anything waited that could have been read, seen from the group's commits.

A worker that is killed, stopped, or leaves, a zombie that comes back and a guest that joins all
move partitions. Whatever it was, no partition may be without an owner for long.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from kafka import TopicPartition

from crash.takeover import BROKER_RECOVERS, Killed, Sample
from reftrail.local.hosts import BROKER

_NOTED_FROM: Final = 2.0
_LAST_ANSWERS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Stall:
    """A partition in which nothing was committed for some seconds, although there was more to read.

    undisturbed are those of them since the last worker was killed or stopped, came or went.
    """

    partition: TopicPartition
    seconds: float
    undisturbed: float


def stalls(samples: Sequence[Sample], disturbances: Sequence[Killed]) -> list[Stall]:
    """Those of two seconds or more. Without a broker nobody can go on: it isn't looked at then."""
    partitions = {partition for sample in samples for partition in sample.ends}
    return [
        Stall(partition, ended - began, ended - _since(began, ended, disturbances))
        for partition in sorted(partitions)
        for began, ended in _waits(partition, samples)
        if ended - began >= _NOTED_FROM and not _has_no_broker(began, ended, samples, disturbances)
    ]


def _waits(partition: TopicPartition, samples: Sequence[Sample]) -> Iterator[tuple[float, float]]:
    """From when to when something was to be read, and the position didn't move."""
    position, began = 0, None
    for sample in samples:
        now = sample.committed.get(partition, position)
        # One more position is at most a transaction's marker, which nobody need commit.
        has_more = sample.ends.get(partition, 0) > now + 1
        if began is not None and (now != position or not has_more):
            yield began, sample.at
            began = None
        if has_more and began is None:
            began = sample.at
        position = now
    if began is not None:
        yield began, samples[-1].at


def _since(began: float, ended: float, disturbances: Sequence[Killed]) -> float:
    return max(
        [
            began,
            *(
                disturbance.at
                for disturbance in disturbances
                if disturbance.is_worker and disturbance.at < ended
            ),
        ]
    )


def _has_no_broker(
    began: float, ended: float, samples: Sequence[Sample], disturbances: Sequence[Killed]
) -> bool:
    kills = [disturbance.at for disturbance in disturbances if disturbance.host == BROKER]
    return any(killed < ended and began < _recovered(killed, samples) for killed in kills)


def _recovered(killed: float, samples: Sequence[Sample]) -> float:
    """The time when a killed broker and its clients are surely back: some time after it answers."""
    answers = (sample.at for sample in samples if sample.at > killed + _LAST_ANSWERS)
    return max(killed, next(answers, killed)) + BROKER_RECOVERS
