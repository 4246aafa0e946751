"""Refusals of orders and signups as another user's, who may turn out to be the same one."""

import msgspec

from reftrail.contracts.decisions import Action, Claimed
from reftrail.rules.merged_claims import after_merge, is_after_merge
from reftrail.rules.reward.actions import action_of
from reftrail.rules.reward.context import DecisionContext
from reftrail.rules.reward.lifecycle import ended_by_review
from reftrail.rules.reward.person import is_rejected_for_own_users
from reftrail.rules.reward.queue import Waiting
from reftrail.rules.reward.reservations import is_of_another


def was_of_another(context: DecisionContext, claim: Claimed) -> bool:
    """Whether a claim after a merge is about an order or signup refused as another user's.

    Or since several users counted for it. The other users may be the same one by now, so it is
    decided on again, unless a review has since.
    """
    if not is_after_merge(claim):
        return False
    if claim.action not in (Action.PURCHASE, Action.SIGNUP):
        return False
    action = action_of(claim)
    case = context.action(action).case
    if case is None or ended_by_review(context, action):
        return False
    return is_of_another(case) or is_rejected_for_own_users(context, case)


def refused_signup(context: DecisionContext, waiting: Waiting) -> Waiting | None:
    """The signup that a claim after a merge is about, as it was when it was refused.

    It has the signals that it showed and the answers about them; the claim after the merge has
    none. None if nothing is to be decided on again.
    """
    kept = context.action(Action.SIGNUP).refused
    claim = waiting.claim
    assert claim is not None
    if kept is None or kept.claim is None or not was_of_another(context, claim):
        return None
    again = after_merge(kept.claim)
    return msgspec.structs.replace(kept, offset=waiting.offset, claim=again)
