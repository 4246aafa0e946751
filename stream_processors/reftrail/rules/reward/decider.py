"""Decision about rewards: granted, held or rejected; and everything after that.

A campaign pays on the signup, or on purchases. A claim that fits decides for both sides at once.
What is decided changes by reviews, fulfilment, refunds, lost milestones and the end of a hold or of
a reward's time, as the one table of transitions allows; anything else is refused.
"""

from collections.abc import Sequence
from typing import assert_never

from reftrail.contracts.decisions import Claimed, RewardStatus
from reftrail.contracts.life import (
    FulfilmentReported,
    LimitAnswered,
    MilestoneChanged,
    Reviewed,
    SignalChecked,
)
from reftrail.contracts.record import Millis
from reftrail.rules.cells import Cells
from reftrail.rules.decider import Cause, Reference, Woken
from reftrail.rules.reward.commands import fire, report_fulfilment, review
from reftrail.rules.reward.context import DecisionContext
from reftrail.rules.reward.evolve import evolve
from reftrail.rules.reward.inbox import go_on, note_signal, take_answer, take_claim, take_milestone
from reftrail.rules.reward.inputs import RewardInput
from reftrail.rules.reward.state import ActionCell
from reftrail.rules.reward.state_events import Event

_WAITING = frozenset({RewardStatus.HELD, RewardStatus.GRANTED})


class RewardDecider:
    """The rule of the reward stage; its state is in cells under a code (`reward.keys`).

    The user is the one who was referred; for milestones the beneficiary (`inputs.user_of`).
    """

    def decide(
        self, state: Cells, record: RewardInput, cause: Cause, reference: Reference
    ) -> Sequence[Event]:
        """What follows from a claim, evidence, an answer, a review, a report, or the time."""
        return self.settle(state, record, cause, reference)[0]

    def settle(
        self, state: Cells, record: RewardInput, cause: Cause, reference: Reference
    ) -> tuple[Sequence[Event], Cells]:
        """The same, and the state that it leads to."""
        context = DecisionContext(state, record, cause, reference)
        match record:
            case Claimed():
                take_claim(context, record)
            case SignalChecked():
                note_signal(context, record)
            case LimitAnswered():
                take_answer(context, record)
            case MilestoneChanged():
                take_milestone(context, record)
            case Reviewed():
                review(context, record)
            case FulfilmentReported():
                report_fulfilment(context, record)
            case Woken():
                fire(context, record)
            case _:
                assert_never(record)
        go_on(context)
        return context.events, context.state

    def evolve(self, state: Cells, record: Event) -> Cells:
        """The cells of the code, the referral, its orders and rewards, after an event."""
        draft = state.draft()
        evolve(draft, record)
        return draft


def wakes_at(cell: ActionCell) -> Millis | None:
    """When the hold of a reward ends, or a grant of it expires."""
    if cell.case is None:
        return None
    times = (
        side.due_at
        for side in cell.case.sides
        if side.status in _WAITING and side.due_at is not None
    )
    return min(times, default=None)
