"""A topology with a stage that does nothing but wait: what ticks do, and nothing else.

A review sets a user's timer under a code, or stops it, which is refused where it isn't set; a tick
lets it ring, up to three times. Last rings go to one topic more. A timer whose interval is negative
is broken: letting it ring is an error.
`python -m support.timers` runs a worker with it.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeAlias, assert_never

import msgspec

from reftrail.contracts.changelogs import REWARD_CHANGELOG
from reftrail.contracts.external_inputs import Reviewed, Ticked
from reftrail.contracts.record import Derived, Millis
from reftrail.contracts.stage_messages import LimitAnswered
from reftrail.contracts.topics import (
    DEAD_LETTERS,
    REVIEWS,
    REWARD_GRANTED,
    REWARD_INPUTS,
    REWARDS,
    TICKS,
)
from reftrail.engine.settings import WorkerSettings
from reftrail.engine.stage import Cell, Stage, TimerSpec
from reftrail.engine.worker import create_app, run
from reftrail.rules.decider import Cause, Reference, Refused, TimerFired, metadata
from reftrail.rules.forwarding import Forwarder

RINGS: Final = 3


class Rung(msgspec.Struct, frozen=True, array_like=True):
    """The number of times that the timers of a code have rung."""

    times: int = 0


class Timer(msgspec.Struct, frozen=True, array_like=True):
    due_at: Millis | None = None
    every: Millis = 0
    rung: int = 0


State: TypeAlias = tuple[Rung, Timer]


class TimerSet(Derived, frozen=True, kw_only=True):
    due_at: Millis | None
    every: Millis


class TimerDecider:
    def decide(
        self, state: State, record: Reviewed | TimerFired, cause: Cause, reference: Reference
    ) -> Sequence[TimerSet | LimitAnswered | Refused]:
        rung, timer = state
        match record:
            case Reviewed(decision="set", note=str(note)):
                wait, every = map(int, note.split())
                due_at = record.event_time + wait
                return [TimerSet(**metadata(record, cause, "set"), due_at=due_at, every=every)]
            case Reviewed() if timer.due_at is None:
                reported = metadata(record, cause, "refused")
                return [Refused(**reported, reason="not_set", detail="there is nothing to stop")]
            case Reviewed():
                return [TimerSet(**metadata(record, cause, "stopped"), due_at=None, every=0)]
            case TimerFired():
                assert timer.due_at is not None
                assert timer.due_at <= record.event_time
                if timer.every < 0:
                    raise ValueError("a broken timer")
                return [
                    LimitAnswered(
                        **metadata(record, cause, "rang"),
                        code=record.code,
                        user_id=record.user_id,
                        claim_id=f"{rung.times} {timer.rung}",
                        refused_by="another" if _rings_on(timer) else None,
                    )
                ]
            case _:
                assert_never(record)

    def evolve(self, state: State, record: TimerSet | LimitAnswered) -> State:
        rung, timer = state
        if isinstance(record, TimerSet):
            return rung, Timer(record.due_at, record.every)
        assert timer.due_at is not None
        due_at = timer.due_at + timer.every if _rings_on(timer) else None
        return Rung(rung.times + 1), Timer(due_at, timer.every, timer.rung + 1)


def _rings_on(timer: Timer) -> bool:
    return timer.every > 0 and timer.rung + 1 < RINGS


def _code_and_user(record: Any) -> str:
    return f"{record.code}:{record.user_id}"


def _fired(key: str, tick: Ticked, cause: Cause) -> TimerFired:
    code, _, user_id = key.partition(":")
    return TimerFired(**metadata(tick, cause, f"woken {key}"), code=code, user_id=user_id)


TIMERS: Final = Stage(
    "reward",
    reads=REWARD_INPUTS,
    takes=(Reviewed, Ticked),
    decider=TimerDecider(),
    cells=(Cell(lambda record: record.code, Rung), Cell(_code_and_user, Timer)),
    writes={LimitAnswered: (REWARDS, REWARD_GRANTED), TimerSet: (), Refused: (DEAD_LETTERS,)},
    only={REWARD_GRANTED: lambda rang: rang.refused_by is None},
    changelog=REWARD_CHANGELOG,
    timers=TimerSpec(
        due_at=lambda timer: timer.due_at, fired=_fired, owns=lambda key: ":" in key, most=2
    ),
)
TOPOLOGY: Final = (
    Stage(
        "reviews",
        reads=REVIEWS,
        decider=Forwarder(),
        cells=(),
        writes={Reviewed: (REWARD_INPUTS,)},
        changelog=None,
    ),
    Stage(
        "ticks",
        reads=TICKS,
        decider=Forwarder(),
        cells=(),
        writes={Ticked: (REWARD_INPUTS,)},
        changelog=None,
    ),
    TIMERS,
)


def review(decision: str, code: str, user: str, at: Millis, note: str | None = None) -> Reviewed:
    """set: note is how long to wait, and how long again between rings.

    0: it rings once; -1: it is broken.
    """
    return Reviewed(
        event_id=f"{decision} {code}:{user} {at} {note}",
        event_time=at,
        received_at=at,
        code=code,
        user_id=user,
        decision=decision,
        reviewer="ann",
        note=note,
    )


def ticks(at: Millis, partitions: int) -> Iterator[Ticked]:
    for partition in range(partitions):
        yield Ticked(
            event_id=f"tick {at} {partition}",
            event_time=at,
            received_at=at,
            partition=partition,
            partitions=partitions,
        )


if __name__ == "__main__":
    run(create_app(WorkerSettings(), TOPOLOGY))
