"""Rewards by number or amount that a review reinstates."""

from typing import Final

import msgspec

from reftrail.contracts.reference import Trigger
from reftrail.rules.fraud.scoring import Verdict
from reftrail.rules.reward.actions import first_attempt, number_of, of_threshold
from reftrail.rules.reward.case import RewardCase
from reftrail.rules.reward.context import DecisionContext
from reftrail.rules.reward.state import ActionCell, Progress
from reftrail.rules.reward.state_events import ProgressMade

_replace: Final = msgspec.structs.replace


def holds_threshold(context: DecisionContext, cell: ActionCell) -> bool:
    """Whether the orders of a referral still reach a reward by number or amount."""
    assert cell.case is not None
    number = number_of(cell.case.action)
    if number is None:
        return True
    times = context.action(first_attempt(cell.case.action)).times
    progress = _progress(context, cell.case)
    if cell.case.action != of_threshold(cell.case.action.partition(":")[0], number, times):
        return False
    if cell.case.verdict == Verdict.REJECT:
        return progress.given == number - 1 and progress.standing >= cell.threshold
    return progress.given >= number


def take_threshold(context: DecisionContext, cell: ActionCell) -> None:
    """Let a reward by number or amount that was rejected at once be given after all."""
    case = cell.case
    assert case is not None
    number = number_of(case.action)
    progress = _progress(context, case)
    if number is not None and case.verdict == Verdict.REJECT and progress.given == number - 1:
        now = _replace(progress, given=number, reached=cell.threshold)
        context.apply(ProgressMade(**context.noted(), progress=now))


def _progress(context: DecisionContext, case: RewardCase) -> Progress:
    trigger = case.action.partition(":")[0]
    currency = case.currency if trigger == Trigger.AMOUNT_REACHED else ""
    return context.referral.of(trigger, currency)
