"""Decision on a claim that waits no longer: a signup, a purchase or a refund."""

from reftrail.contracts.decisions import Action, Claimed
from reftrail.rules.codes import code_of
from reftrail.rules.policy import Terms
from reftrail.rules.reward.assessment import assess, highest, unpriced
from reftrail.rules.reward.context import DecisionContext
from reftrail.rules.reward.eligibility import is_open, is_triggered
from reftrail.rules.reward.purchases import purchase
from reftrail.rules.reward.refunds import refund
from reftrail.rules.reward.rejection import objections, unknown
from reftrail.rules.reward.reserving import ask_or_decide, decide
from reftrail.rules.reward.state import Waiting
from reftrail.rules.reward.state_events import EvidenceKept


def terms_of(context: DecisionContext, claim: Claimed) -> Terms | None:
    """The code of a claim, and the rules of its campaign at the time of the action."""
    return Terms.of(code_of(claim, context.reference), context.reference, claim.event_time)


def settle_claim(context: DecisionContext, waiting: Waiting) -> None:
    """Decide on a claim whose checks are answered."""
    claim = waiting.claim
    assert claim is not None
    terms = terms_of(context, claim)
    match Action(claim.action):
        case Action.REFUND:
            refund(context, claim)
        case Action.SIGNUP:
            if waiting.seen:
                seen = tuple(highest((*context.referral.seen, *waiting.seen)).values())
                context.apply(EvidenceKept(**context.noted(), seen=seen))
            _signup(context, waiting, claim, terms)
        case Action.PURCHASE if terms is not None and is_triggered(claim, terms):
            purchase(context, waiting, terms)
        case Action.PURCHASE:
            pass


def _signup(
    context: DecisionContext, waiting: Waiting, claim: Claimed, terms: Terms | None
) -> None:
    if context.action(Action.SIGNUP).case is not None:
        return
    if terms is None:
        _reject_unpriced(context, claim)
    elif is_triggered(claim, terms) and is_open(context.referral, terms):
        assessed = assess(context, waiting, terms, Action.SIGNUP)
        if assessed is not None:
            ask_or_decide(context, assessed)


def _reject_unpriced(context: DecisionContext, claim: Claimed) -> None:
    """Record a rejected signup of value 0, unless the referral has a reward already."""
    if context.referral.latest:
        return
    code = code_of(claim, context.reference)
    broken = [unknown(claim)] if code is None else objections(context, claim, code, None)
    decide(context, unpriced(claim, code, broken))
