"""Referrals that end: what they have earned is taken back, and they earn nothing any more."""

from collections.abc import Sequence

import msgspec

from reftrail.contracts.decisions import Action, Claimed, Role
from reftrail.contracts.policy import policy_in
from reftrail.contracts.reward_reasons import Reason
from reftrail.contracts.stage_messages import ReferralVoided, UsersKnown
from reftrail.rules.codes import code_of
from reftrail.rules.limit_names import LimitReservation
from reftrail.rules.merged_claims import next_step
from reftrail.rules.packing import packed, unpacked
from reftrail.rules.policy import policy_at
from reftrail.rules.reward.actions import action_of, of_order
from reftrail.rules.reward.carried_places import leave_places
from reftrail.rules.reward.carried_reviews import Kinship, carry_reviews
from reftrail.rules.reward.case import RewardCase
from reftrail.rules.reward.commands import all_rewards
from reftrail.rules.reward.context import DecisionContext
from reftrail.rules.reward.lifecycle import (
    change,
    ended_by_review,
    release_counted,
    release_of_user,
    release_order,
)
from reftrail.rules.reward.state_events import OrderRecorded, ReferralEnded, RewardUncounted
from reftrail.rules.reward.told_persons import tell_of_signup
from reftrail.rules.reward.transitions import Transition, allowed
from reftrail.rules.velocity import name_of


def void(context: DecisionContext, voided: ReferralVoided) -> None:
    """Take back the rewards of a referral, the oldest first. Skipped orders get no turn any more.

    The orders and the address of a merged user are free for the referral that is left: its claims
    follow, but for what a review ended the reward of, where the code or its owner is the same. A
    bonus stays: it is the milestone stage that takes it back, where its count falls.
    """
    is_merged = voided.reason in (Reason.USERS_MERGED, Reason.SELF_REFERRAL)
    was_merged = context.referral.is_merged
    context.apply(ReferralEnded(**context.noted(), is_merged=is_merged or was_merged))
    meant = [
        reward
        for reward in list(all_rewards(context))[::-1]
        if not reward.case.is_bonus and _is_meant(context, reward.case, voided)
    ]
    for reward in meant:
        if allowed(reward.side.status, Transition.VOID):
            change(context, reward, Transition.VOID, of=voided, why=voided.reason)
    if is_merged and not was_merged:
        _tell_of_person(context, voided)
        for case in {reward.case.action: reward.case for reward in meant}.values():
            release_order(context, case)
            _release_places(context, case)
    values = msgspec.msgpack.decode(voided.claims or b"\x90", type=list[bytes])
    following = [unpacked(value, Claimed) for value in values]
    codes = {
        code: _kinship(context, claim)
        for code, claim in {claim.code: claim for claim in following}.items()
    }
    earning = [claim for claim in following if _may_earn(claim)]
    carry_reviews(context, earning, codes)
    for action in dict.fromkeys(map(action_of, earning)):
        leave_places(context, action)
    claims = [
        claim
        for claim in following
        if not (codes[claim.code].is_same_owner and _is_ended_by_review(context, claim))
    ]
    for claim in claims:
        _release_counted(context, claim)
    context.apply(*(_passed_on(context, voided, claims) if voided.route else claims))


def _tell_of_person(context: DecisionContext, voided: ReferralVoided) -> None:
    account = voided.merged_into
    if account is not None and account != context.user_id:
        tell_of_signup(context, account, frozenset(map(name_of, (account, context.user_id))))


def void_own(context: DecisionContext, known: UsersKnown) -> None:
    """Take back what a user has earned as the code's owner, who may have given it away since.

    By a code that is the user's own now the referral ends, and earns nothing any more.
    """
    for reward in list(all_rewards(context))[::-1]:
        referrer = reward.case.side(Role.REFERRER)
        is_own = referrer is not None and context.is_user(referrer.beneficiary)
        if is_own and not reward.case.is_bonus and allowed(reward.side.status, Transition.VOID):
            change(context, reward, Transition.VOID, of=known, why=Reason.SELF_REFERRAL)


def _passed_on(
    context: DecisionContext, voided: ReferralVoided, claims: Sequence[Claimed]
) -> list[ReferralVoided]:
    """Claims on their way through the next referral that has ended; none if none is left."""
    if not claims:
        return []
    user_id, code = next_step(voided.route)
    words = ("passed_on", voided.event_id, user_id, code)
    return [
        ReferralVoided(
            **context.metadata(*words, of=voided),
            code=code,
            user_id=user_id,
            reason=voided.reason,
            merged_into=voided.merged_into,
            claims=msgspec.msgpack.encode([packed(claim) for claim in claims]),
            route=voided.route[1:],
        )
    ]


def _release_places(context: DecisionContext, case: RewardCase) -> None:
    """Release a reward's places under limits that count users: the person has one, as one user.

    Those that reviews, refunds and lost disputes took back are released with the others: they are
    the same user's, who has a place under the referral that is left, if any is.
    """
    now = context.action(case.action).case
    if now is None or not now.counts:
        return
    context.apply(RewardUncounted(**context.noted(), action=case.action))
    counts = {
        text: context.limit(LimitReservation.parse(text).key) for text in now.user_reservations
    }
    unused = tuple(text for text, cell in counts.items() if cell.reservation and cell.count <= 0)
    release_of_user(context, case, unused, words="merged")


def _is_ended_by_review(context: DecisionContext, claim: Claimed) -> bool:
    """Whether a review ended what an order or signup had earned."""
    return _may_earn(claim) and bool(ended_by_review(context, action_of(claim)))


def _may_earn(claim: Claimed) -> bool:
    return claim.action in (Action.PURCHASE, Action.SIGNUP)


def _kinship(context: DecisionContext, claim: Claimed) -> Kinship:
    """The kinship of a claim's code to that of the referral that ends."""
    if claim.code == context.code:
        return Kinship(is_same_owner=True, is_same_campaign=True)
    ended, left = context.reference.code_if_known(context.code), code_of(claim, context.reference)
    if ended is None or left is None:
        return Kinship(is_same_owner=False, is_same_campaign=False)
    owner = ended.owner_user_id
    return Kinship(
        is_same_owner=owner is not None and owner == left.owner_user_id,
        is_same_campaign=ended.campaign_id == left.campaign_id,
    )


def _release_counted(context: DecisionContext, claim: Claimed) -> None:
    """Release an order that counted towards rewards by number or amount of the user's own."""
    order = context.action(of_order(claim.order_id)).order
    if claim.action != Action.PURCHASE or order is None or not order.counted_as:
        return
    context.apply(
        OrderRecorded(
            **context.noted(), order=msgspec.structs.replace(order, counted_as="", counted=0)
        )
    )
    release_counted(context, order.order_id)


def _is_meant(context: DecisionContext, case: RewardCase, voided: ReferralVoided) -> bool:
    """Whether a reward ends for the reason given.

    For a purchase from before the touch the rules of its campaign at its time say so. By a code
    that is the user's own now, a former owner may have earned.
    """
    if voided.reason == Reason.SELF_REFERRAL:
        code, side = context.reference.code_if_known(context.code), case.side(Role.REFERRER)
        return code is None or side is None or side.beneficiary == code.owner_user_id
    if voided.reason != Reason.EXISTING_CUSTOMER:
        return True
    rules = policy_at(context.reference, case.campaign_id, case.decided_by)
    return policy_in(rules.policy).new_customers_only
