"""Users who are known to be one person: an account, and those merged into it."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from reftrail.contracts.stage_messages import UsersKnown
from reftrail.rules.attribution.claims import Decision, as_registered
from reftrail.rules.attribution.question import Question
from reftrail.rules.attribution.state import AttributionState
from reftrail.rules.decider import metadata

MOST_USERS: Final = 500
"""The most users in one message, the account among them, since a broker takes 1 MiB."""


def users_of(on: Question) -> set[str]:
    """The users who are known to be the person: the account, and those merged into it."""
    if on.forwarded is None and not on.state.has_guests:
        return {on.record.user_id}
    decided = (decision.user_id for decision in on.state.decisions if decision.user_id)
    trail = on.forwarded.trail if on.forwarded else []
    return {on.record.user_id, *trail, *decided, *(user_id for user_id, _ in on.past)}


def users_of_history(history: AttributionState, trail: Sequence[str]) -> set[str]:
    """The users of a history that comes to an account by a trail of users."""
    decided = (decision.user_id for decision in history.decisions if decision.user_id)
    return {*trail, *decided, *(user_id for user_id, _ in history.voided)}


def users_known(
    on: Question, decisions: Iterable[Decision], new: set[str] | None = None
) -> Iterator[UsersKnown]:
    """Tell the referrals of a merged user who else the user is.

    Claims name the user whose signup decided, but lists and self-referral are about the person.
    new are the users whose history comes to the decision's account now: the others were named in
    earlier messages. Without new all users are named. Where there are many, there are several
    messages.
    """
    users = users_of(on) if new is None else {on.record.user_id, *new}
    for decision in decisions if len(users) > 1 else ():
        user_id = decision.user_id or on.record.user_id
        code = as_registered(decision, on.reference).code
        account = {on.record.user_id} - {user_id}
        named = users - {user_id, on.record.user_id}
        others = [*account, *sorted(named)]
        for begin in range(0, len(others), MOST_USERS):
            part_of = f":{begin}" if begin else ""
            yield UsersKnown(
                **metadata(on.record, on.cause, f"users_known:{user_id}:{code}{part_of}"),
                code=code,
                user_id=user_id,
                users=others[begin : begin + MOST_USERS],
            )
