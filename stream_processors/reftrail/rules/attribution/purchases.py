"""Purchases and refunds: they claim under the decisions that there are, and wait for others."""

from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Final

from reftrail.contracts.conversions import Converted
from reftrail.contracts.decisions import TAKE_BACK, Action, Attributed
from reftrail.contracts.policy import policy_in
from reftrail.contracts.record import Millis
from reftrail.contracts.reward_reasons import Reason
from reftrail.contracts.stage_messages import ReferralVoided
from reftrail.rules.attribution.claims import (
    Decision,
    as_registered,
    claims_of,
    may_claim,
    may_have_earned,
)
from reftrail.rules.attribution.foreign_orders import asked_about_order
from reftrail.rules.attribution.own_codes import voided_as_own
from reftrail.rules.attribution.question import Question
from reftrail.rules.attribution.refusals import is_refund_forgotten, refuse_purchase
from reftrail.rules.attribution.routing import through_all, through_voided
from reftrail.rules.attribution.state import AttributionState, kept_of, waiting_of
from reftrail.rules.attribution.state_events import (
    ActionKept,
    Event,
    FirstPurchaseSeen,
    LeftOpen,
    Postponed,
    WaitingEnded,
)
from reftrail.rules.attribution.user_action import (
    LoggedAction,
    UserAction,
    user_action_of,
    when_claimed,
)
from reftrail.rules.attribution.waiting import (
    NEVER,
    KeptAction,
    WaitingAction,
    kept_key,
    waiting_key,
)
from reftrail.rules.cells import Cells
from reftrail.rules.decider import fingerprint, metadata
from reftrail.rules.policy import counts_from, policy_at

# In Python 3.11, to look a member of an enum up takes ten times as long as a name of the module.
_PURCHASE: Final = Action.PURCHASE


def take_purchase_or_refund(on: Question, signup_wait: Millis) -> Sequence[Event]:
    """Claim for a purchase or refund, and let it wait while a decision may follow.

    A merged user's refund that has claimed goes ahead of the history with the decision. It is kept
    for that: its time to wait for a signup may be over.
    """
    state, record = on.state, on.record
    action = user_action_of(record)
    events: list[Event] = []
    if action.kind == _PURCHASE and not 0 <= state.first_purchase_at <= action.event_time:
        common = metadata(record, on.cause)
        events.append(FirstPurchaseSeen(**common, user_id=record.user_id))
        known = state.first_purchase_at
        events += voided_by_older(on, state.decisions, known, action.event_time)
    if on.forwarded is not None:
        events += voided_as_own(on, state.decisions, {*on.forwarded.trail})
    logged = LoggedAction(action, on.cause)
    for decision in state.decisions:
        claims = _claimed(on, logged, decision, record, ())
        events += _claims_now(on, action, decision, claims)
    if not state.decisions and not on.has_claimed:
        events += asked_about_order(on)
    goes_ahead = on.has_claimed and action.kind != _PURCHASE and not state.decisions
    if state.decisions or goes_ahead:
        events += _kept(on, logged)
    if _may_decide_again(on, state) and not goes_ahead and not _waits(on, action.event_id):
        postponed = Postponed(
            **metadata(record, on.cause),
            user_id=record.user_id,
            action_id=action.event_id,
            waiting=WaitingAction.of(action, signup_wait, on.cause.offset),
        )
        events.append(postponed)
    return events


def _claims_now(
    on: Question, action: UserAction, decision: Decision, claims: Sequence[Event]
) -> Sequence[Event]:
    """The claims under a decision, where the action may have claimed under another one before.

    It may have been refused for an address or order that a referral had taken which has ended. So
    may one that comes again, or that is put back because it was refused.
    """
    if not claims:
        return ()
    if (on.has_claimed or _is_kept(on, action)) and on.ended:
        return through_all(on, claims)
    if on.has_claimed and decision.user_id == on.first_user:
        return ()
    return through_voided(on, claims)


def claims_of_waiting(
    on: Question, decision: Decision, attributed: Attributed | Converted
) -> Iterable[Event]:
    """The claims of what waited for a decision, in their order; after a merge, of all there is."""
    is_alone = on.forwarded is None and not on.state.has_guests
    kept = {} if is_alone else dict(kept_of(on.cells, on.key))
    found = {**kept, **dict(waiting_of(on.cells, on.key))}
    if not found:  # as for nearly every signup
        return
    waiting = [
        LoggedAction(cell.action(event_id), cell.cause(on.cause))
        for event_id, cell in found.items()
    ]
    refunds = {fingerprint(action.event_id) for action, _ in waiting if action.kind in TAKE_BACK}
    for logged in sorted(waiting, key=lambda logged: when_claimed(logged.action)):
        yield from _claimed(on, logged, decision, attributed, refunds)
        yield from _kept(on, logged)


def _kept(on: Question, logged: LoggedAction) -> Sequence[ActionKept]:
    """Keep a purchase or refund: after a merge another attribution may be the user's."""
    action, cause = logged
    if _is_kept(on, action):
        return ()
    kept = KeptAction.of(action, 0, cause.offset)
    common = metadata(on.record, on.cause)
    return [ActionKept(**common, user_id=on.record.user_id, action_id=action.event_id, kept=kept)]


def _is_kept(on: Question, action: UserAction) -> bool:
    """Whether a purchase or refund was here before, while the user was attributed."""
    return not on.cells.get(kept_key(on.record.user_id, action.event_id), KeptAction).is_empty


def no_longer_waiting(on: Question, cells: Cells) -> list[Event]:
    """End the wait of a user's purchases and refunds, if no decision can follow."""
    if _may_decide_again(on, cells.get(on.key, AttributionState)):
        return []
    ended = tuple(event_id for event_id, _ in waiting_of(cells, on.key))
    if not ended:
        return []
    common = metadata(on.record, on.cause)
    return [WaitingEnded(**common, user_id=on.record.user_id, ended=ended)]


def _claimed(
    on: Question,
    logged: LoggedAction,
    decision: Decision,
    record: Converted | Attributed,
    refunds: Container[int],
) -> Sequence[Event]:
    """The claim of a purchase or refund under a decision; none if the decision doesn't apply.

    A purchase is refused if its order was refunded and the refund waits no longer. refunds are the
    fingerprints of the refunds that claim with it.
    """
    action = logged.action
    if not may_claim(action, decision, on.reference):
        return []
    if action.kind == _PURCHASE and is_refund_forgotten(
        on.cells, on.record.user_id, action.order_id, decision.code, refunds
    ):
        return [refuse_purchase(on.record, logged)]
    first = first_purchase(on.state.first_purchase_at, action)
    shared = on.state.shared
    claims = claims_of(action, decision, record, on.cause, on.reference, first, shared)
    is_joined = on.state.has_guests or bool(on.state.voided)
    if (decision.user_id or is_joined) and any(map(may_have_earned, claims)):
        # The claims are another user's, or go through another referral: they don't close it.
        common, user_id = metadata(on.record, on.cause), on.record.user_id
        return [*claims, LeftOpen(**common, user_id=user_id, code=decision.code, open=None)]
    return claims


def first_purchase(known: Millis, action: UserAction) -> Millis | None:
    """The time of the user's first purchase, with a purchase that comes now; None without one."""
    times = [known] if known != NEVER else []
    if action.kind == _PURCHASE:
        times.append(action.event_time)
    return min(times, default=None)


def voided_by_older(
    on: Question, decisions: Iterable[Decision], known: Millis, bought_at: Millis
) -> Iterator[ReferralVoided]:
    """The referrals that a purchase from before their touch ends, where it comes in after them.

    known is the time of the first purchase as known before. What claims later carries that time
    itself.
    """
    for shown in decisions:
        decision = as_registered(shown, on.reference)
        limit = counts_from(decision, on.reference)
        was_new = known == NEVER or known >= limit
        is_older = bought_at != NEVER and bought_at < limit
        if is_older and was_new and _is_for_new_customers(on, decision):
            yield ReferralVoided(
                **metadata(on.record, on.cause, f"existing_customer:{decision.code}"),
                code=decision.code,
                user_id=decision.user_id or on.record.user_id,
                reason=Reason.EXISTING_CUSTOMER,
                first_purchase_at=bought_at,
            )


def _is_for_new_customers(on: Question, decision: Decision) -> bool:
    """Whether the campaign is, or was at the signup, for new customers only."""
    times = (decision.signed_up_at, on.record.received_at)
    versions = (policy_at(on.reference, decision.campaign_id, at) for at in times)
    return any(policy_in(version.policy).new_customers_only for version in versions)


def _waits(on: Question, event_id: str) -> bool:
    return not on.cells.get(waiting_key(on.record.user_id, event_id), WaitingAction).is_empty


def _may_decide_again(on: Question, state: AttributionState) -> bool:
    """Whether a decision may come, be corrected, or follow for another campaign."""
    if not state.decisions or any(known.open for known in state.decisions):
        return True
    return on.reference.refers_by_campaign()
