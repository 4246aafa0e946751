"""Queue of a referral: claims and milestones are decided on in the order in which they came.

A claim waits until the checks of its signals are answered. A reward that needs reservations under
shared limits waits for those. Nothing of the same referral overtakes them.
"""

from collections.abc import Mapping
from typing import Final

from reftrail.contracts.decisions import Action, Claimed, RewardStatus
from reftrail.contracts.stage_messages import (
    LimitAnswered,
    MilestoneChanged,
    ReferralVoided,
    SignalChecked,
    UsersKnown,
)
from reftrail.rules.fraud.case import Signals, SignalSeen
from reftrail.rules.merged_claims import is_after_merge
from reftrail.rules.reward.actions import of_order
from reftrail.rules.reward.assessment import refused_by, signals_of
from reftrail.rules.reward.bonuses import is_bonus, settle_milestone
from reftrail.rules.reward.carried_evidence import ask_for_checks, signals_to_check
from reftrail.rules.reward.claims import settle_claim, terms_of
from reftrail.rules.reward.clashing_orders import refuse_if_clashing
from reftrail.rules.reward.commands import all_rewards, carry_out_rest
from reftrail.rules.reward.context import DecisionContext
from reftrail.rules.reward.eligibility import is_triggered
from reftrail.rules.reward.lifecycle import release_unused
from reftrail.rules.reward.person import grant_if_of_own_users
from reftrail.rules.reward.purchases import (
    count_order,
    order_of_another,
    pass_turn_on,
    reach,
    refuse_order,
    take_turn,
)
from reftrail.rules.reward.queue import AssessedReward, Waiting
from reftrail.rules.reward.refusals import was_of_another
from reftrail.rules.reward.reinstatement import finish_reinstatement, settle_reinstatement
from reftrail.rules.reward.reservations import reason_of
from reftrail.rules.reward.reserving import decide
from reftrail.rules.reward.state_events import (
    LimitsSettled,
    PendingClaimResumed,
    Queued,
    SignalNoted,
    SignupShown,
    UsersNoted,
)
from reftrail.rules.reward.told_persons import tell_of_claim, tell_of_signup
from reftrail.rules.reward.voiding import void, void_own

# In Python 3.11, to look a member of an enum up takes ten times as long as a name of the module.
_SIGNUP: Final = Action.SIGNUP
_PURCHASE: Final = Action.PURCHASE


def take_claim(context: DecisionContext, claim: Claimed) -> None:
    """Decide on a claim, or add it to the queue.

    One that follows a merge comes once for each referral that ended. It waits behind itself while
    limits are asked for it: they may answer as of before the end of another of these referrals.
    """
    is_queued = context.waiting(claim.event_id).waiting is not None
    if is_queued or (_is_requested(context, claim.event_id) and not is_after_merge(claim)):
        return
    if claim.action == _SIGNUP and not is_after_merge(claim):
        _show_signup(context, claim)
    if claim.action == _PURCHASE and is_after_merge(claim):
        tell_of_claim(context, claim)
    is_known_purchase = claim.action == _PURCHASE and _is_known(context, claim)
    if is_known_purchase and not was_of_another(context, claim):
        return
    waiting = Waiting(context.cause.offset, claim=claim)
    unanswered = () if _is_known(context, claim) else tuple(claim.checks)
    signals = _to_check(context, claim)
    if unanswered or signals or _is_busy(context):
        common = context.noted()
        context.apply(Queued(**common, waiting=waiting, unanswered=(*unanswered, *signals)))
        ask_for_checks(context, claim, signals)
    else:
        settle_claim(context, waiting)


def take_milestone(context: DecisionContext, changed: MilestoneChanged) -> None:
    """Grant or take back a bonus, or add the milestone to the queue."""
    if not is_bonus(changed) or _is_here(context, changed.event_id):
        return
    if _is_busy(context):
        waiting = Waiting(context.cause.offset, milestone=changed)
        context.apply(Queued(**context.noted(), waiting=waiting))
    else:
        settle_milestone(context, changed)


def take_voiding(context: DecisionContext, voided: ReferralVoided) -> None:
    """End a referral, or let that wait behind what is in the queue."""
    if _is_here(context, voided.event_id):
        return
    if _is_busy(context):
        waiting = Waiting(context.cause.offset, voided=voided)
        context.apply(Queued(**context.noted(), waiting=waiting))
    else:
        void(context, voided)


def note_signal(context: DecisionContext, checked: SignalChecked) -> None:
    """Record the answer to a check. It may be the last one that a claim waited for."""
    if checked.kind not in context.waiting(checked.claim_id).unanswered:
        return
    seen = SignalSeen(
        checked.claim_id,
        checked.kind,
        checked.users_24h,
        checked.users_30d,
        checked.codes_30d,
        checked.insiders_30d,
        checked.users_365d,
        checked.others,
    )
    context.apply(SignalNoted(**context.noted(), seen=seen))


def note_users(context: DecisionContext, known: UsersKnown) -> None:
    """Keep who else the user of the referral is known to be."""
    new = tuple(user for user in dict.fromkeys(known.users) if not context.is_user(user))
    if new:
        context.apply(UsersNoted(**context.noted(), users=new))
        void_own(context, known)
        tell_of_signup(context, context.user_id)
        held = [
            reward.case.action
            for reward in all_rewards(context)
            if reward.side.status == RewardStatus.HELD
        ]
        for action in dict.fromkeys(held[::-1]):
            grant_if_of_own_users(context, action, of=known)


def take_answer(context: DecisionContext, answered: LimitAnswered) -> None:
    """Continue with the reward that asked for reservations: it has all of them, or is refused."""
    requested = context.referral.requested
    if requested is None or requested.claim_id != answered.claim_id:
        return
    context.apply(LimitsSettled(**context.noted()))
    context.origin = requested.origin or context.origin
    if requested.waiting is not None:
        context.resume(requested.waiting.record, context.origin)
    refused = answered.refused_by
    if requested.waiting is not None and requested.waiting.reinstatement is not None:
        finish_reinstatement(context, requested, refused)
        return
    refuse_if_clashing(context, requested, answered)
    if requested.case is None:
        _go_on_counting(context, requested, refused)
        return
    if refused is not None:
        release_unused(context, requested)
    decide(context, requested if refused is None else refused_by(requested, refused))
    grant_if_of_own_users(context, requested.case.action, of=answered)
    if refused is not None and requested.case.order_id is not None:
        pass_turn_on(context, requested.case.order_id, at=requested.case.decided_at)
    if requested.threshold and refused is None and requested.waiting is not None:
        _reach_more(context, requested.waiting)


def go_on(context: DecisionContext) -> None:
    """Decide on the claims and milestones of the queue, up to the first that has to wait."""
    while (referral := context.referral).first and referral.requested is None:
        cell = context.waiting(referral.first)
        if cell.unanswered:
            return
        waiting = cell.waiting
        assert waiting is not None
        context.apply(PendingClaimResumed(**context.noted()))
        if waiting.is_again:
            waiting = take_turn(context, waiting)
        context.resume(waiting.record, waiting.origin)
        if waiting.claim is not None:
            settle_claim(context, waiting)
            if waiting.is_again:
                pass_turn_on(context, waiting.claim.order_id, at=waiting.since)
        elif waiting.milestone is not None:
            settle_milestone(context, waiting.milestone)
        elif waiting.voided is not None:
            void(context, waiting.voided)
        elif waiting.review is not None:
            carry_out_rest(context, waiting)
        else:
            settle_reinstatement(context, waiting)


def _show_signup(context: DecisionContext, claim: Claimed) -> None:
    """Keep the signals of the signup and its touch: they count for every later claim."""
    touch = Signals(claim.touch_device_hash, claim.touch_ip_hash, claim.touch_network_hash)
    shown = tuple(s for s in dict.fromkeys((signals_of(claim), touch)) if s != Signals())
    known = context.referral
    if known.signup_received_at and (shown, claim.touch_received_at, claim.touch_key_kind) == (
        known.signals,
        known.touch_received_at,
        known.touch_key_kind,
    ):
        return
    context.apply(
        SignupShown(
            **context.noted(),
            signals=shown,
            signup_received_at=claim.received_at,
            touch_received_at=claim.touch_received_at,
            touch_key_kind=claim.touch_key_kind,
        )
    )


def _go_on_counting(
    context: DecisionContext, requested: AssessedReward, refused: str | None
) -> None:
    waiting = requested.waiting
    assert waiting is not None
    assert waiting.claim is not None
    terms = terms_of(context, waiting.claim)
    if terms is None:
        return
    if refused is None:
        count_order(context, waiting, terms)
    else:
        found = order_of_another(refused, reason_of(refused))
        refuse_order(context, waiting, terms, found, refused)


def _reach_more(context: DecisionContext, waiting: Waiting) -> None:
    assert waiting.claim is not None
    terms = terms_of(context, waiting.claim)
    if terms is not None:
        reach(context, waiting, terms)


def _is_here(context: DecisionContext, event_id: str) -> bool:
    is_queued = context.waiting(event_id).waiting is not None
    return is_queued or _is_requested(context, event_id)


def _is_requested(context: DecisionContext, event_id: str) -> bool:
    requested = context.referral.requested
    return requested is not None and requested.claim_id == event_id


def _is_busy(context: DecisionContext) -> bool:
    referral = context.referral
    return bool(referral.first) or referral.requested is not None


def _to_check(context: DecisionContext, claim: Claimed) -> Mapping[str, str]:
    """The signals of an order for which a referral has to ask itself, after a merge."""
    is_order = claim.action == Action.PURCHASE and is_after_merge(claim)
    if not is_order or _is_known(context, claim):
        return {}
    terms = terms_of(context, claim)
    return (
        {} if terms is None or not is_triggered(claim, terms) else signals_to_check(context, claim)
    )


def _is_known(context: DecisionContext, claim: Claimed) -> bool:
    """Whether the claim was decided on before, so that its checks need no answers."""
    if claim.action == _SIGNUP:
        return context.action(_SIGNUP).case is not None
    order = context.action(of_order(claim.order_id)).order
    return order is not None and order.amount_micros is not None
