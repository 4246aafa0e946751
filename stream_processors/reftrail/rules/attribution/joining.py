"""Merged users, the account's side: of both users' attributions one is left.

The earliest signup of both decides, by its time, whichever arrived first: as it would have, had all
of it been one user's. The referral of another signup ends, and what its user did claims under the
attribution that is left.
"""

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

import msgspec

from reftrail.contracts.decisions import Action, Attributed, Basis, Claimed
from reftrail.contracts.policy import Scope, policy_in
from reftrail.contracts.record import Millis
from reftrail.contracts.reward_reasons import Reason
from reftrail.contracts.stage_messages import ReferralVoided
from reftrail.rules.attribution.browsers import most_important
from reftrail.rules.attribution.claims import Decision, as_registered, signup_again
from reftrail.rules.attribution.known_users import users_known, users_of_history
from reftrail.rules.attribution.own_codes import voided_as_own
from reftrail.rules.attribution.purchases import (
    claims_of_waiting,
    voided_by_older,
)
from reftrail.rules.attribution.question import Question
from reftrail.rules.attribution.routing import through_all, through_each
from reftrail.rules.attribution.signup import attribute_by_signup
from reftrail.rules.attribution.state import AttributionState, signed_up_alone
from reftrail.rules.attribution.state_events import (
    Event,
    HistoryChanged,
    ReferralsEnded,
)
from reftrail.rules.attribution.user_action import UserAction
from reftrail.rules.attribution.waiting import KNOWN, NEVER, Referral
from reftrail.rules.decider import metadata
from reftrail.rules.policy import policy_at

_SignedUp: TypeAlias = Decision | UserAction

_replace: Final = msgspec.structs.replace
_unpack: Final = msgspec.msgpack.Decoder(AttributionState).decode


def join(on: Question) -> Sequence[Event]:
    """Take in the history of a user who was merged into this one."""
    assert on.forwarded is not None
    assert on.forwarded.history is not None
    here, user_id = _as_registered(on, on.state), on.record.user_id
    guest = _as_registered(on, _as_account(_unpack(on.forwarded.history), user_id))
    kept, signup = _earliest(on, here, guest)
    dropped = [decision for decision in (*here.decisions, *guest.decisions) if decision not in kept]
    times = [at for at in (here.first_purchase_at, guest.first_purchase_at) if at != NEVER]
    late = [at for at in (here.late_touch_time, guest.late_touch_time) if at is not None]
    ended = tuple((decision.user_id or user_id, decision.code) for decision in dropped)
    added = tuple(
        dict.fromkeys((*here.voided, *signed_up_alone(here, user_id), *guest.voided, *ended))
    )
    joined = _replace(
        here,
        first_purchase_at=min(times, default=NEVER),
        decisions=kept,
        signup=None if kept else signup,
        late_touch_time=min(late, default=None),
        voided=(),
        has_guests=True,
    )
    shared = most_important(joined, (*here.shared, *guest.shared))
    joined = _replace(joined, shared=shared)
    common = metadata(on.record, on.cause)
    events: list[Event] = [
        HistoryChanged(**common, user_id=user_id, state=joined),
        *_noted(on, added),
        *_ended(on, dropped),
    ]
    now = _replace(
        on,
        state=joined,
        first_user=user_id,
        now_ended=added,
    )
    new = users_of_history(guest, on.forwarded.trail)
    unknown = [(decision, new if decision in here.decisions else None) for decision in kept]
    for decision, users in unknown:
        events += users_known(now, [decision], users)
    for decision, users in unknown:
        events += voided_as_own(now, [decision], users)
    for decision in kept:
        side = here if decision in here.decisions else guest
        events += voided_by_older(
            now, [decision], side.first_purchase_at, min(times, default=NEVER)
        )
        if side is guest:
            events += through_all(now, claims_of_waiting(now, decision, on.record))
        else:
            events += _claimed_again(now, decision) if ended else ()
        if again := signup_again(decision, on.record, on.cause, on.reference):
            events += through_each(now, now.ended, again)
    return events


def _claimed_again(on: Question, decision: Decision) -> Iterable[Event]:
    """Purchases under the decision that is left: what others' referrals had taken is free by now.

    Their orders and addresses are; each of the referrals has to end before.
    """
    claims = [
        event
        for event in claims_of_waiting(on, decision, on.record)
        if isinstance(event, Claimed) and event.action == Action.PURCHASE
    ]
    return through_each(on, on.ended, claims) if claims else ()


def signup_of_several(on: Question) -> Sequence[Event]:
    """The signup of a user with merged accounts: it decides if it is the earliest of them all.

    Of several signups of one user the first that came in counts, as without a merge.
    """
    record, here = on.record, _replace(_as_registered(on, on.state), has_guests=True)
    known = [_turn(signup) for signup in _signed_up(here)]
    mine = (record.event_time, record.conversion_event_id)
    if mine in known:
        return []
    signed_up = signed_up_alone(on.state, record.user_id)
    if _has_signed_up(on):
        return _with_history(on, here, ended=signed_up)
    signed_up = (*signed_up, (on.signed_up_as, ""))
    if not known or mine > min(known):
        return _with_history(on, here, ended=signed_up)
    gone = [decision for decision in here.decisions if not _is_by_campaign(on, decision)]
    ended = tuple((decision.user_id or record.user_id, decision.code) for decision in gone)
    others = tuple(decision for decision in here.decisions if decision not in gone)
    left = _replace(here, decisions=others, signup=None)
    now = _replace(on, now_ended=ended)
    return _with_history(now, left, gone, (*signed_up, *ended))


def _has_signed_up(on: Question) -> bool:
    """Whether another signup of the same user came in before."""
    decided = (decision.user_id or on.record.user_id for decision in on.state.decisions)
    if on.signed_up_as in decided:
        return True
    return any(code != KNOWN for _, code in on.past_of(on.signed_up_as))


def _with_history(
    on: Question,
    history: AttributionState,
    gone: Sequence[Decision] = (),
    ended: tuple[Referral, ...] = (),
) -> list[Event]:
    """A signup as it is decided on with another history.

    The decisions in gone end before, and with them the referrals in ended. Those without a code
    are of users who have signed up.
    """
    common, user_id = metadata(on.record, on.cause), on.record.user_id
    return [
        HistoryChanged(**common, user_id=user_id, state=history),
        *_noted(on, ended),
        *_ended(on, gone),
        *attribute_by_signup(_replace(on, state=history)),
    ]


def _earliest(
    on: Question, here: AttributionState, guest: AttributionState
) -> tuple[tuple[Decision, ...], UserAction | None]:
    """The decisions that are left of both users', and the first signup that nobody brought."""
    kept: list[Decision] = []
    signup: UserAction | None = None
    for signup_or_decision in sorted((*_signed_up(here), *_signed_up(guest)), key=_turn):
        match signup_or_decision:
            case UserAction():
                signup = signup or signup_or_decision
            case Decision() if _is_by_campaign(on, signup_or_decision):
                if all(other.campaign_id != signup_or_decision.campaign_id for other in kept):
                    kept.append(signup_or_decision)
            case Decision() if not kept and signup is None:
                kept.append(signup_or_decision)
    return tuple(kept), signup


def _signed_up(state: AttributionState) -> list[_SignedUp]:
    """The signups of a user: those that decided, and one that nobody brought."""
    return [*state.decisions, *([] if state.signup is None else [state.signup])]


def _turn(signup: _SignedUp) -> tuple[Millis, str]:
    if isinstance(signup, UserAction):
        return signup.event_time, signup.event_id
    return signup.signed_up_at, signup.signup_event_id


def _is_by_campaign(on: Question, decision: Decision) -> bool:
    """Whether the campaign of a decision refers users whom another campaign has referred."""
    rules = policy_at(on.reference, decision.campaign_id, decision.signed_up_at)
    return policy_in(rules.policy).scope == Scope.CAMPAIGN


def _noted(on: Question, ended: tuple[Referral, ...]) -> list[Event]:
    """The state event of referrals that end."""
    if not ended:
        return []
    common = metadata(on.record, on.cause)
    return [ReferralsEnded(**common, user_id=on.record.user_id, referrals=ended)]


def _ended(on: Question, decisions: Iterable[Decision]) -> list[Event]:
    """The end of referrals, and of the attributions behind them."""
    events: list[Event] = []
    for decision in decisions:
        user_id = decision.user_id or on.record.user_id
        name = f"{user_id}:{decision.signup_event_id}"
        voided = ReferralVoided(
            **metadata(on.record, on.cause, f"voided:{name}"),
            code=decision.code,
            user_id=user_id,
            reason=Reason.USERS_MERGED,
            merged_into=on.record.user_id,
        )
        attributed = Attributed(
            **metadata(on.record, on.cause, f"merged:{name}"),
            user_id=user_id,
            visitor_id=decision.visitor_id,
            code=decision.code,
            campaign_id=decision.campaign_id,
            code_evidence=decision.code_evidence,
            basis=Basis.MERGED,
            decisive=False,
            touch_event_id=decision.touch_event_id,
            touch_time=decision.touch_time,
            signup_event_id=decision.signup_event_id,
            channel=decision.channel,
            utm_source=decision.utm_source,
            corrects=decision.attributed_id or None,
        )
        events += [voided, attributed]
    return events


def _as_registered(on: Question, state: AttributionState) -> AttributionState:
    """A history with the codes that were registered since as they are: claims name them so."""
    decisions = (as_registered(decision, on.reference) for decision in state.decisions)
    return _replace(state, decisions=tuple(decisions))


def _as_account(state: AttributionState, user_id: str) -> AttributionState:
    """A history as its own user has it, where it comes back."""
    decisions = (
        _replace(decision, user_id="") if decision.user_id == user_id else decision
        for decision in state.decisions
    )
    return _replace(state, decisions=tuple(decisions))
