"""What a claim earns, once and for ever: grant, reject, and take back after a refund.

A campaign pays on signup or on the first purchase that reaches its minimum. The first claim that
fits decides for both sides, and whatever was granted or rejected stays so: another claim by the
same user under the same code earns nothing. Only a refund of the order that earned takes a reward
back.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias, assert_never

import msgspec

from reftrail.contracts.decisions import (
    Action,
    Claimed,
    RewardDecided,
    RewardGranted,
    RewardStatus,
)
from reftrail.contracts.reference import CampaignDefined, CodeChanged, Trigger
from reftrail.rules.codes import code_of
from reftrail.rules.decider import Cause, Reference, because
from reftrail.rules.entries import Terms, dues, entry, order_to_fulfil, reversal, unpriced_rejection
from reftrail.rules.ledger import (
    CodeUses,
    Grant,
    Order,
    OrderEarned,
    PairLedger,
    RefundNoted,
    RefundSeen,
    refunded,
)
from reftrail.rules.policy import qualifies
from reftrail.rules.reasons import is_incomparable, reasons_against

MOST_REFUNDS: Final = 64
"""How many refunds of a pair are remembered: the latest ones to come in."""

RewardState: TypeAlias = tuple[CodeUses, PairLedger]
Conclusion: TypeAlias = RewardDecided | RewardGranted | OrderEarned | RefundNoted


class RewardDecider:
    """The rule of the reward stage; its keys are the code, and the code with the user."""

    def decide(
        self, state: RewardState, record: Claimed, cause: Cause, reference: Reference
    ) -> Sequence[Conclusion]:
        """What a claim earns or undoes."""
        _, pair = state
        if pair.is_closed:
            return []
        code = code_of(record, reference)
        campaign = reference.campaign(code.campaign_id, record.event_time) if code else None
        match Action(record.action):
            case Action.SIGNUP if code is None or campaign is None:
                return _unpriced(state, record, cause, code)
            case Action.SIGNUP | Action.PURCHASE if code is not None and campaign is not None:
                return _earn(state, record, cause, Terms(code, campaign))
            case Action.REFUND if campaign is not None:
                return _refund(pair, record, cause, campaign)
            case Action.SIGNUP | Action.PURCHASE | Action.REFUND:
                return []
            case action:
                assert_never(action)

    def evolve(self, state: RewardState, record: Conclusion) -> RewardState:
        """The users counted, and per user what was granted, whether it is over, and refunds."""
        uses, pair = state
        replace = msgspec.structs.replace
        match record:
            case RewardDecided(status=RewardStatus.GRANTED):
                counted = uses if pair.grants else CodeUses(uses.users + 1)
                return counted, replace(pair, grants=(*pair.grants, Grant.of(record)))
            case RewardDecided():
                return uses, replace(pair, is_closed=True, refunds=())
            case RewardGranted():
                return state
            case OrderEarned():
                kept = [r for r in pair.refunds if r.order_id == record.order.order_id]
                return uses, replace(pair, order=record.order, refunds=tuple(kept))
            case RefundNoted():
                return uses, replace(pair, refunds=(*pair.refunds, record.refund)[-MOST_REFUNDS:])
            case _:
                assert_never(record)


_TRIGGERED_BY: Final = {
    Trigger.SIGNUP: Action.SIGNUP,
    Trigger.FIRST_PURCHASE: Action.PURCHASE,
}


def _earn(state: RewardState, claim: Claimed, cause: Cause, terms: Terms) -> Sequence[Conclusion]:
    uses, pair = state
    trigger = Trigger(terms.campaign.trigger)
    if claim.action != _TRIGGERED_BY[trigger] or _was_granted(pair, trigger):
        return []
    order = _order(claim, terms.campaign)
    if order is not None and not _earns(order, pair):
        return []
    reasons = reasons_against(claim, terms.code, terms.campaign, uses, pair)
    entries = [entry(due, reasons, claim, cause, terms) for due in dues(claim, terms)]
    if reasons or not entries:
        return entries
    grants = [granted for made in entries for granted in (made, order_to_fulfil(made))]
    if order is None:
        return grants
    return [OrderEarned(**because(claim, cause, "order_earned"), order=order), *grants]


def _unpriced(
    state: RewardState, claim: Claimed, cause: Cause, code: CodeChanged | None
) -> Sequence[Conclusion]:
    uses, pair = state
    if _was_granted(pair, Trigger.SIGNUP):
        return []
    return [unpriced_rejection(reasons_against(claim, code, None, uses, pair), claim, cause, code)]


def _refund(
    pair: PairLedger, claim: Claimed, cause: Cause, campaign: CampaignDefined
) -> Sequence[Conclusion]:
    """A refund may come before its purchase, so it is kept as long as a purchase may still earn."""
    if claim.order_id is None or any(r.event_id == claim.action_event_id for r in pair.refunds):
        return []
    refund = RefundSeen(claim.action_event_id, claim.order_id, claim.amount_micros, claim.currency)
    noted = RefundNoted(**because(claim, cause, "refund_noted"), refund=refund)
    if pair.order is None:
        return [noted] if campaign.trigger == Trigger.FIRST_PURCHASE else []
    if pair.order.order_id != claim.order_id:
        return []
    if _earns(pair.order, msgspec.structs.replace(pair, refunds=(*pair.refunds, refund))):
        return [noted]
    return [
        reversal(grant, claim, cause)
        for grant in pair.grants
        if grant.action == Trigger.FIRST_PURCHASE
    ]


def _was_granted(pair: PairLedger, trigger: Trigger) -> bool:
    return any(grant.action == trigger for grant in pair.grants)


def _order(claim: Claimed, campaign: CampaignDefined) -> Order | None:
    """The order behind a purchase; the minimum is 0 where it can't be compared."""
    if claim.action != Action.PURCHASE or claim.order_id is None:
        return None
    minimum = 0 if is_incomparable(claim, campaign) else campaign.minimum_amount_micros
    return Order(claim.order_id, claim.amount_micros or 0, claim.currency, minimum)


def _earns(order: Order, pair: PairLedger) -> bool:
    return qualifies(order.amount_micros, refunded(order, pair.refunds), order.minimum_micros)
