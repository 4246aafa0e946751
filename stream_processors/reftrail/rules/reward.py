"""What a claim earns, and what becomes of it: granted, held or rejected; and everything after that.

A campaign pays on the signup, or on purchases. A claim that fits decides for both sides at once.
What is decided changes by reviews, fulfilment, refunds, lost milestones and the end of a hold or of
a reward's time, as the one table of transitions allows; anything else is refused.
"""

from collections.abc import Sequence
from typing import assert_never

from reftrail.contracts.decisions import Claimed
from reftrail.contracts.life import (
    FulfilmentReported,
    LimitAnswered,
    MilestoneChanged,
    Reviewed,
    SignalChecked,
)
from reftrail.contracts.record import Millis
from reftrail.rules.changes import report_fulfilment, review, wake
from reftrail.rules.decider import Cause, Reference, Woken
from reftrail.rules.inbox import note_signal, take_answer, take_claim, take_milestone
from reftrail.rules.keeping import RewardState, keep
from reftrail.rules.ledger import PairLedger
from reftrail.rules.notes import Conclusion
from reftrail.rules.turn import RewardInput, Turn


class RewardDecider:
    """The rule of the reward stage; its keys are the code, and the code with the user.

    The user is the one who was referred; for milestones the beneficiary (`turn.user_of`).
    """

    def decide(
        self, state: RewardState, record: RewardInput, cause: Cause, reference: Reference
    ) -> Sequence[Conclusion]:
        """What follows from a claim, evidence, an answer, a review, a report, or the time."""
        return self.settle(state, record, cause, reference)[0]

    def settle(
        self, state: RewardState, record: RewardInput, cause: Cause, reference: Reference
    ) -> tuple[Sequence[Conclusion], RewardState]:
        """The same, and the state that it leads to."""
        turn = Turn(state, record, cause, reference)
        match record:
            case Claimed():
                take_claim(turn, record)
            case SignalChecked():
                note_signal(turn, record)
            case LimitAnswered():
                take_answer(turn, record)
            case MilestoneChanged():
                take_milestone(turn, record)
            case Reviewed():
                review(turn, record)
            case FulfilmentReported():
                report_fulfilment(turn, record)
            case Woken():
                wake(turn, record)
            case _:
                assert_never(record)
        return turn.conclusions, turn.state

    def evolve(self, state: RewardState, record: Conclusion) -> RewardState:
        """How often the code was used, and all that the user earned under it."""
        return keep(state, record)


def wakes_at(pair: PairLedger) -> Millis | None:
    """When the first hold of a pair ends, or the first of its grants expires."""
    times = (side.due_at for one in pair.earnings for side in one.sides)
    return min((time for time in times if time is not None), default=None)
