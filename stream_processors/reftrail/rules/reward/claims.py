"""Decision on a claim that waits no longer: a signup, purchase, refund or dispute."""

from typing import Final

from msgspec.structs import replace

from reftrail.contracts.decisions import Action, Claimed
from reftrail.contracts.policy import TermsFrom
from reftrail.rules.arms import arm_of_claim, terms_of_arm
from reftrail.rules.codes import code_of
from reftrail.rules.policy import Terms
from reftrail.rules.reward.actions import action_of
from reftrail.rules.reward.assessment import assess, unpriced
from reftrail.rules.reward.carried_evidence import with_evidence
from reftrail.rules.reward.context import DecisionContext
from reftrail.rules.reward.disputes import dispute
from reftrail.rules.reward.eligibility import is_open, is_triggered
from reftrail.rules.reward.foreign_orders import ask_if_foreign
from reftrail.rules.reward.lifecycle import ended_by_review
from reftrail.rules.reward.order_evidence import together
from reftrail.rules.reward.purchases import purchase
from reftrail.rules.reward.queue import Waiting
from reftrail.rules.reward.refunds import refund
from reftrail.rules.reward.refusals import refused_signup
from reftrail.rules.reward.rejection import objections, unknown
from reftrail.rules.reward.reserving import ask_or_decide, decide
from reftrail.rules.reward.state_events import EvidenceKept

# In Python 3.11, to look a member of an enum up takes ten times as long as a name of the module.
_SIGNUP: Final = Action.SIGNUP
_PURCHASE: Final = Action.PURCHASE
_EARNING: Final = frozenset({Action.SIGNUP, Action.PURCHASE})


def terms_of(context: DecisionContext, claim: Claimed) -> Terms | None:
    """The code of a claim, and its campaign's rules at the time of the action, in its arm.

    For an order these are the rules at the time of the signup, if those say so.
    """
    code, reference = code_of(claim, context.reference), context.reference
    terms = Terms.of(code, reference, claim.event_time)
    if claim.action == _PURCHASE:
        at_signup = Terms.of(code, reference, claim.signed_up_at)
        if at_signup is not None and at_signup.policy.terms_from == TermsFrom.SIGNUP:
            terms = at_signup
    return terms and terms_of_arm(terms, arm_of_claim(claim, terms.campaign.campaign_id))


def settle_claim(context: DecisionContext, waiting: Waiting) -> None:
    """Decide on a claim whose checks are answered.

    One that the end of its referral has overtaken earns nothing: it follows the end of another, by
    way of that one's code, and what it is about claims under the referral that is left.
    """
    claim = waiting.claim
    assert claim is not None
    if context.referral.is_merged and claim.action in _EARNING:
        if claim.action == _PURCHASE:
            with_evidence(context, action_of(claim), waiting)
        return
    terms = terms_of(context, claim)
    match Action(claim.action):
        case Action.SIGNUP:
            if waiting.seen:
                seen = together((*context.referral.seen, *waiting.seen))
                context.apply(EvidenceKept(**context.noted(), seen=seen))
            _signup(context, waiting, claim, terms)
        case Action.PURCHASE if terms is not None and is_triggered(claim, terms):
            purchase(context, waiting, terms)
        case Action.PURCHASE:
            pass
        case Action.REFUND:
            ask_if_foreign(context, claim)
            refund(context, claim)
        case Action.DISPUTE_OPENED | Action.DISPUTE_WON | Action.DISPUTE_LOST:
            ask_if_foreign(context, claim)
            dispute(context, claim)


def _signup(
    context: DecisionContext, waiting: Waiting, claim: Claimed, terms: Terms | None
) -> None:
    if waiting.is_after_merge:
        refused = refused_signup(context, waiting)
        if refused is None or refused.claim is None:
            return
        waiting, claim = refused, refused.claim
        terms = terms_of(context, claim)
    elif context.action(_SIGNUP).case or ended_by_review(context, _SIGNUP):
        return
    if terms is None:
        _reject_unpriced(context, claim)
    elif is_triggered(claim, terms) and is_open(context.referral, terms):
        assessed = assess(context, waiting, terms, Action.SIGNUP)
        if assessed is not None:
            ask_or_decide(context, replace(assessed, waiting=waiting))


def _reject_unpriced(context: DecisionContext, claim: Claimed) -> None:
    """Record a rejected signup of value 0, unless the referral has a reward already."""
    if context.referral.latest:
        return
    code = code_of(claim, context.reference)
    broken = [unknown(claim)] if code is None else objections(context, claim, code, None)
    decide(context, unpriced(claim, code, broken))
