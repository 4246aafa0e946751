"""Referrals of a person by their own code: a guest and the code's owner are one once merged."""

from collections.abc import Iterable, Iterator

from reftrail.contracts.reward_reasons import Reason
from reftrail.contracts.stage_messages import ReferralVoided
from reftrail.rules.attribution.claims import Decision, code_of
from reftrail.rules.attribution.known_users import users_of
from reftrail.rules.attribution.question import Question
from reftrail.rules.decider import metadata


def voided_as_own(
    on: Question, decisions: Iterable[Decision], new: set[str] | None = None
) -> Iterator[ReferralVoided]:
    """The referrals of a merged user by a code that the account, or another of its users, owns.

    A claim names the user whose signup decided, so the reward stage can't see the owner in it. It
    rejects the claim itself where that user owns the code, or one who is known to be that user. new
    are the users of whom it isn't known yet whether they own it; without it, all.
    """
    users = users_of(on) if new is None else {on.record.user_id, *new}
    for decision in decisions if len(users) > 1 else ():
        code = code_of(decision.code, decision.code_evidence, on.reference)
        owner = code.owner_user_id if code else None
        user_id = decision.user_id or on.record.user_id
        if code is not None and owner in users and owner != user_id:
            yield ReferralVoided(
                **metadata(on.record, on.cause, f"self_referral:{user_id}:{decision.code}"),
                code=code.code,
                user_id=user_id,
                reason=Reason.SELF_REFERRAL,
                merged_into=on.record.user_id,
            )
