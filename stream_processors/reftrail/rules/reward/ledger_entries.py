"""Entries of the reward ledger, and the orders and withdrawals that fulfilment gets with them."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from reftrail.contracts.decisions import (
    RewardDecided,
    RewardGranted,
    RewardStatus,
    RewardWithdrawn,
    Role,
)
from reftrail.contracts.money import percent_text
from reftrail.contracts.record import Micros, Millis, Record
from reftrail.contracts.reward_reasons import Reason, is_part
from reftrail.rules.decider import Metadata, derived_id
from reftrail.rules.fraud.scoring import Verdict, evidence_text
from reftrail.rules.reward.case import RewardCase, SideReward
from reftrail.rules.reward.context import DecisionContext
from reftrail.rules.reward.transitions import QUALIFIED, Transition, allowed, is_order

# In Python 3.11, to look a member of an enum up takes ten times as long as a name of the module.
_HELD: Final = RewardStatus.HELD
_GRANTED: Final = RewardStatus.GRANTED
_REVERSED: Final = RewardStatus.REVERSED
_REJECTED: Final = RewardStatus.REJECTED
_REFERRER: Final = Role.REFERRER
_GRANT: Final = Verdict.GRANT

_BY_VERDICT: Final[Mapping[str, Transition]] = {
    Verdict.GRANT: Transition.GRANT,
    Verdict.HOLD: Transition.HOLD,
    Verdict.REJECT: Transition.REJECT,
}


def reward_id(code: str, user_id: str, action: str, role: str) -> str:
    """The id of a reward: the same for the same code, user, action and role, for ever."""
    return derived_id(code, user_id, action, role)


class Change(msgspec.Struct, frozen=True):
    """The change of a reward that an entry records.

    of is the record that brought it, whose times it has. order_id and action_event_id are those of
    a refund, None where the ones that earned hold on. clawback_micros is as in `RewardDecided`.
    due_at is set where a hold gets another end.
    """

    status: RewardStatus
    value_micros: Micros
    reasons: list[str]
    of: Record
    order_id: str | None = None
    action_event_id: str | None = None
    clawback_micros: Micros | None = None
    due_at: Millis | None = None


def first_entries(context: DecisionContext, case: RewardCase, *, was_rejected: bool) -> None:
    """Record the decision on an action: each side's grant, hold or rejection.

    was_rejected: it is decided on again, since the two users who reported it were merged.
    """
    verdict = case.verdict
    status = allowed(_REJECTED if was_rejected else None, _BY_VERDICT[verdict])
    assert status is not None
    reasons: list[str] = [Reason.REINSTATED, Reason.USERS_MERGED] if was_rejected else []
    reasons += [] if verdict == _GRANT else [found.reason for found in case.evidence]
    for side in case.sides:
        its_id = reward_id(context.code, context.user_id, case.action, side.role)
        common = context.metadata(f"{status}:{side.role}", its_id, case.claim_id)
        common["event_time"] = case.action_time
        common["received_at"] = case.received_at
        value = side.value_micros if status == _REJECTED else side.remaining
        change = Change(status, value, reasons, context.record)
        granted_at = max(case.decided_at, case.action_time)
        entry = _entry(context, common, its_id, case, side, change, granted_at)
        if granted_at > max(entry.event_time, entry.received_at):
            entry = msgspec.structs.replace(entry, decided_at=granted_at)
        context.apply(entry, *orders_to_fulfil(entry))


def next_entry(
    context: DecisionContext, case: RewardCase, side: SideReward, change: Change
) -> None:
    """Record a change of a reward. A reversal supersedes the grant, whatever came in between."""
    its_id = reward_id(context.code, context.user_id, case.action, side.role)
    words = (f"{change.status}:{side.role}", its_id, side.entry_id, change.of.event_id)
    common = context.metadata(*words, of=change.of)
    entry = _entry(context, common, its_id, case, side, change, common["event_time"])
    context.apply(entry, *orders_to_fulfil(entry), *withdrawals(side, entry))


def _entry(  # noqa: PLR0913, PLR0917 - what an entry is made of
    context: DecisionContext,
    common: Metadata,
    its_id: str,
    case: RewardCase,
    side: SideReward,
    change: Change,
    granted_at: Millis,
) -> RewardDecided:
    return RewardDecided(
        **common,
        reward_id=its_id,
        code=context.code,
        user_id=context.user_id,
        beneficiary=side.beneficiary,
        role=side.role,
        action=case.action,
        status=change.status,
        reasons=change.reasons,
        value_micros=change.value_micros,
        currency=side.currency or case.currency,
        kind=side.kind,
        campaign_id=case.campaign_id,
        campaign_version=case.campaign_version,
        category=case.category,
        channel=case.channel,
        order_id=change.order_id or case.order_id,
        basis=case.basis,
        touch_event_id=case.touch_event_id,
        action_event_id=change.action_event_id or case.action_event_id,
        supersedes=side.entry_id or None,
        action_time=case.action_time,
        score=case.score,
        evidence=evidence_text(case.evidence),
        item=side.item,
        origin_source=case.origin_source,
        root_reference=case.root_reference,
        due_at=None
        if _is_suspended(change)
        else change.due_at or _due_at(case, side, change.status, granted_at),
        clawback_micros=change.clawback_micros,
        arm=case.arm,
        utm_source=case.utm_source,
        rate_percent=percent_text(side.rate) if side.rate else None,
        base_micros=side.base_micros if side.rate else None,
        qualifies=_qualifies(context, case, side, change) or None,
    )


def _is_suspended(change: Change) -> bool:
    """Whether a hold has no end of its own, since a dispute ends it."""
    return change.status == _HELD and Reason.DISPUTED in change.reasons


def _qualifies(
    context: DecisionContext, case: RewardCase, side: SideReward, change: Change
) -> int | None:
    """1 if the referral counts for milestones from this entry on, -1 if no longer, else None."""
    if side.role != _REFERRER or is_part(change):
        return None
    was_granted = change.status == _REVERSED or side.disputed == _GRANTED
    is_suspended = was_granted and Reason.DISPUTED in change.reasons
    was = side.is_qualified
    is_now = change.status in QUALIFIED or is_suspended
    if was == is_now:
        return None
    others = context.referral.qualified_by(case.campaign_id, side.beneficiary) - was
    return None if others > 0 else is_now - was


def _due_at(
    case: RewardCase, side: SideReward, status: RewardStatus, granted_at: Millis
) -> Millis | None:
    """The end of a hold, or the expiry of a grant, which is counted from the grant."""
    if status == _HELD:
        return side.hold_until or case.hold_until
    if status == _GRANTED and case.expires_after is not None and side.value_micros:
        return granted_at + case.expires_after
    return None


def orders_to_fulfil(entry: RewardDecided) -> list[RewardGranted]:
    """The order to fulfil of an entry, if it grants something that isn't delivered."""
    if not is_order(entry):
        return []
    assert entry.campaign_id is not None
    assert entry.campaign_version is not None
    return [
        RewardGranted(
            **_of_entry(entry),
            value_micros=entry.value_micros,
            campaign_id=entry.campaign_id,
            campaign_version=entry.campaign_version,
            category=entry.category,
            order_id=entry.order_id,
            item=entry.item,
            expires_at=entry.due_at,
        )
    ]


def withdrawals(side: SideReward, entry: RewardDecided) -> list[RewardWithdrawn]:
    """The withdrawal for a reversal of a side's reward that isn't known to be delivered.

    An expired reward's order counts as open: a partner may still be working on it.
    """
    is_open = side.status in (RewardStatus.GRANTED, RewardStatus.EXPIRED) and side.remaining > 0
    if entry.status != RewardStatus.REVERSED or not is_open:
        return []
    return [
        RewardWithdrawn(
            **_of_entry(entry),
            remaining_micros=side.remaining - entry.value_micros if is_part(entry) else 0,
            reasons=list(entry.reasons),
        )
    ]


def _of_entry(entry: RewardDecided) -> dict[str, Any]:
    """The fields that an order to fulfil and its withdrawal take from the ledger entry."""
    assert entry.beneficiary is not None
    return {
        "event_id": entry.event_id,
        "event_time": entry.event_time,
        "received_at": entry.received_at,
        "cause_topic": entry.cause_topic,
        "cause_partition": entry.cause_partition,
        "cause_offset": entry.cause_offset,
        "cause_event_id": entry.cause_event_id,
        "rules": entry.rules,
        "reward_id": entry.reward_id,
        "code": entry.code,
        "user_id": entry.user_id,
        "beneficiary": entry.beneficiary,
        "role": entry.role,
        "action": entry.action,
        "currency": entry.currency,
        "kind": entry.kind,
    }
