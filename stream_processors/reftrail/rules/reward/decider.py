"""Decider of the reward stage: rewards are granted, held or rejected, and change afterwards.

A campaign pays for signups or for purchases. A claim of that kind is decided on for both sides at
once. Reviews, reports of fulfilment, refunds, lost milestones and timers change a reward, as the
table in `transitions` allows. Adjustments by hand are entries of their own. Anything else is
refused.
"""

from collections.abc import Sequence
from typing import assert_never

from reftrail.contracts.adjustments import Adjusted, AdjustmentDecided, is_adjustment
from reftrail.contracts.decisions import Claimed, RewardStatus
from reftrail.contracts.external_inputs import FulfilmentReported, Reviewed
from reftrail.contracts.record import Millis
from reftrail.contracts.stage_messages import (
    LimitAnswered,
    MilestoneChanged,
    ReferralVoided,
    ReviewsCarried,
    SignalChecked,
    UsersKnown,
)
from reftrail.rules.cells import Cells
from reftrail.rules.decider import Cause, Reference, TimerFired
from reftrail.rules.reward.adjustment_decisions import (
    decide_adjustment,
    decide_early,
    report_delivery,
)
from reftrail.rules.reward.adjustments import adjust, settle_adjustment
from reftrail.rules.reward.carried_reviews import keep_reviews
from reftrail.rules.reward.commands import fire, report_fulfilment, review
from reftrail.rules.reward.context import DecisionContext
from reftrail.rules.reward.evolve import evolve
from reftrail.rules.reward.inbox import (
    go_on,
    note_signal,
    note_users,
    take_answer,
    take_claim,
    take_milestone,
    take_voiding,
)
from reftrail.rules.reward.inputs import RewardInput
from reftrail.rules.reward.state import ActionCell, CountCell
from reftrail.rules.reward.state_events import Event

_WAITING = frozenset({RewardStatus.HELD, RewardStatus.GRANTED})


class RewardDecider:
    """The decider of the reward stage. Its state is cells under a code (`reward.keys`).

    The user is the referred one, and for milestones the beneficiary (`inputs.user_of`).
    """

    def decide(
        self, state: Cells, record: RewardInput, cause: Cause, reference: Reference
    ) -> Sequence[Event]:
        """The events that follow from a record."""
        return self.settle(state, record, cause, reference)[0]

    def settle(  # noqa: C901, PLR0912 - a table
        self, state: Cells, record: RewardInput, cause: Cause, reference: Reference
    ) -> tuple[Sequence[Event], Cells]:
        """The events that follow from a record, and the state after them."""
        context = DecisionContext(state, record, cause, reference)
        match record:
            case Claimed():
                take_claim(context, record)
            case SignalChecked():
                note_signal(context, record)
            case LimitAnswered() if is_adjustment(record.claim_id):
                early = settle_adjustment(context, record)
                decide_early(context, early)
            case LimitAnswered():
                take_answer(context, record)
            case MilestoneChanged():
                take_milestone(context, record)
            case ReferralVoided():
                take_voiding(context, record)
            case UsersKnown():
                note_users(context, record)
            case ReviewsCarried():
                keep_reviews(context, record)
            case Reviewed():
                review(context, record)
            case Adjusted():
                adjust(context, record)
            case AdjustmentDecided():
                decide_adjustment(context, record)
            case FulfilmentReported(action=str(action)) if is_adjustment(action):
                report_delivery(context, record)
            case FulfilmentReported():
                report_fulfilment(context, record)
            case TimerFired():
                fire(context, record)
            case _:
                assert_never(record)
        go_on(context)
        return context.events, context.state

    def evolve(self, state: Cells, record: Event) -> Cells:
        """The cells of the code, the referral and its rewards after an event."""
        draft = state.draft()
        evolve(draft, record)
        return draft


def wakes_at(cell: ActionCell | CountCell) -> Millis | None:
    """The time at which a reward's hold ends or its grant expires, or a code's day is forgotten.

    None if it waits for none.
    """
    if isinstance(cell, CountCell):
        return cell.forget_at
    if cell.case is None:
        return None
    times = (
        side.due_at
        for side in cell.case.sides
        if side.status in _WAITING and side.due_at is not None
    )
    return min(times, default=None)
