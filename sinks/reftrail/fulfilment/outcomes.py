"""Outcome of an order, from the partner's answer."""

from dataclasses import dataclass
from typing import assert_never

from reftrail.contracts.decisions import DeadLettered, RewardGranted
from reftrail.contracts.external_inputs import FulfilmentReported
from reftrail.contracts.record import Millis
from reftrail.fulfilment.answers import Answer, Deferred, Delivered, OrderRefused
from reftrail.fulfilment.reports import delivered, failed, letter_of_failed
from reftrail.hosting.kafka.log_bounds import LogPosition
from reftrail.hosting.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Due:
    """An order whose time has come.

    attempts is which attempt this is, from 1. in_doubt: an earlier one may have done it.
    is_withdrawn: all of its reward was taken back.
    """

    order: RewardGranted
    place: LogPosition
    attempts: int
    in_doubt: bool
    taken_at: Millis
    is_withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """An order that is done, or has failed for good; then with its dead letter."""

    report: FulfilmentReported
    letter: DeadLettered | None = None


@dataclass(frozen=True, slots=True)
class Again:
    """An order that is to be asked for again at due_at."""

    reward_id: str
    due_at: Millis
    in_doubt: bool


def judge(due: Due, answer: Answer, schedule: Schedule, now: Millis) -> Settled | Again:
    """The outcome of an answer that came now."""
    match answer:
        case Delivered():
            return Settled(delivered(due.order, answer, due.attempts, now))
        case OrderRefused(detail):
            return _failed(due, detail, now)
        case Deferred(detail, in_doubt, retry_after):
            doubt = due.in_doubt or in_doubt
            if schedule.is_over(due.taken_at, now):
                return _failed(due, _gave_up(due, detail, in_doubt=doubt), now)
            delay = schedule.delay(due.attempts, retry_after)
            return Again(due.order.reward_id, now + delay, doubt)
        case _:
            assert_never(answer)


def _failed(due: Due, detail: str, now: Millis) -> Settled:
    return Settled(
        failed(due.order, detail, due.attempts, now),
        letter_of_failed(due.order, due.place, detail, now),
    )


def _gave_up(due: Due, detail: str, *, in_doubt: bool) -> str:
    doubt = f"; it may have been done: ask there about {due.order.reward_id}" if in_doubt else ""
    return f"gave up after {due.attempts} attempts; the last time {detail}{doubt}"
