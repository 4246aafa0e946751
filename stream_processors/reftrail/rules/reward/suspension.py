"""Holds of rewards whose order is disputed, and their end."""

from reftrail.contracts.decisions import Claimed, RewardStatus
from reftrail.contracts.record import Record
from reftrail.rules.reward.context import DecisionContext
from reftrail.rules.reward.lifecycle import Reward, change, reward_now
from reftrail.rules.reward.person import grant_if_of_own_users
from reftrail.rules.reward.transitions import Transition


def suspend(context: DecisionContext, action: str, *, of: Record) -> None:
    """Hold what isn't delivered of an action, if its order is disputed.

    A grant is taken out of the balance, its order to fulfil is withdrawn, and it keeps its budgets.
    """
    cell = context.action(action)
    if cell.case is None or cell.order is None or not cell.order.is_disputed:
        return
    for role in (side.role for side in cell.case.sides if not side.disputed):
        reward = reward_now(context, action, role)
        if reward.side.status == RewardStatus.GRANTED:
            change(context, reward, Transition.DISPUTE, of=of)
            change(context, reward_now(context, action, role), Transition.SUSPEND, of=of)
        elif reward.side.status == RewardStatus.HELD:
            change(context, reward, Transition.SUSPEND, of=of)


def restore_delivered(context: DecisionContext, reward: Reward, *, of: Record) -> None:
    """Grant what was delivered before its withdrawal reached the partner."""
    change(context, reward, Transition.RESTORE, of=of, is_delivered=True)


def restore(context: DecisionContext, action: str, claim: Claimed) -> None:
    """Grant again what was granted before the dispute, and return the rest to its own hold.

    That hold may have lost its reason by a merge meanwhile.
    """
    case = context.action(action).case
    for side in () if case is None else case.sides:
        if side.status != RewardStatus.HELD or not side.disputed:
            continue
        was_granted = side.disputed == RewardStatus.GRANTED
        transition = Transition.RESTORE if was_granted else Transition.RESUME
        change(
            context, reward_now(context, action, side.role), transition, of=claim, why=claim.action
        )
    grant_if_of_own_users(context, action, of=claim)
