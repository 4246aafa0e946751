"""The entries of the reward ledger, and the orders to fulfil that go with grants."""

from typing import Final

import msgspec

from reftrail.contracts.decisions import RewardDecided, RewardGranted, RewardStatus
from reftrail.contracts.record import Micros, Millis, Record
from reftrail.rules.decider import Because, derived_id
from reftrail.rules.fraud.scoring import Verdict, evidence_text
from reftrail.rules.ledger import Earning, Side
from reftrail.rules.transitions import What, allowed
from reftrail.rules.turn import Turn

_BY_VERDICT: Final = {
    Verdict.GRANT: What.GRANT,
    Verdict.HOLD: What.HOLD,
    Verdict.REJECT: What.REJECT,
}


def reward_id(code: str, user_id: str, action: str, role: str) -> str:
    """The identity of a reward: whatever is claimed and however often, the same."""
    return derived_id(code, user_id, action, role)


class Change(msgspec.Struct, frozen=True):
    """What an entry says about a reward that was there before.

    of is the record that brought it, whose times it has. order_id and action_event_id are those of
    a refund, None where the ones that earned hold on.
    """

    status: RewardStatus
    value_micros: Micros
    reasons: list[str]
    of: Record
    order_id: str | None = None
    action_event_id: str | None = None


def first_entries(turn: Turn, earning: Earning) -> None:
    """Conclude what an action earns: each side's grant, hold or rejection."""
    verdict = Verdict(earning.verdict)
    status = allowed(None, _BY_VERDICT[verdict])
    assert status is not None
    reasons = [] if verdict == Verdict.GRANT else [one.reason for one in earning.evidence]
    for side in earning.sides:
        because = turn.because(f"{status}:{side.role}", earning.claim_id)
        because["event_time"] = earning.action_time
        because["received_at"] = earning.received_at
        change = Change(status, side.value_micros, reasons, turn.record)
        entry = _entry(turn, because, earning, side, change)
        turn.conclude(entry, *orders_to_fulfil(entry))


def next_entry(turn: Turn, earning: Earning, side: Side, change: Change) -> None:
    """Conclude how a reward changed. A reversal supersedes the grant, however it went on since."""
    its_id = reward_id(turn.code, turn.user_id, earning.action, side.role)
    words = (f"{change.status}:{side.role}", its_id, side.entry_id, change.of.event_id)
    because = turn.because(*words, of=change.of)
    entry = _entry(turn, because, earning, side, change)
    turn.conclude(entry, *orders_to_fulfil(entry))


def _entry(
    turn: Turn, because: Because, earning: Earning, side: Side, change: Change
) -> RewardDecided:
    return RewardDecided(
        **because,
        reward_id=reward_id(turn.code, turn.user_id, earning.action, side.role),
        code=turn.code,
        user_id=turn.user_id,
        beneficiary=side.beneficiary,
        role=side.role,
        action=earning.action,
        status=change.status,
        reasons=change.reasons,
        value_micros=change.value_micros,
        currency=earning.currency,
        kind=side.kind,
        campaign_id=earning.campaign_id,
        campaign_version=earning.campaign_version,
        category=earning.category,
        channel=earning.channel,
        order_id=change.order_id or earning.order_id,
        basis=earning.basis,
        touch_event_id=earning.touch_event_id,
        action_event_id=change.action_event_id or earning.action_event_id,
        supersedes=side.entry_id or None,
        action_time=earning.action_time,
        score=earning.score,
        evidence=evidence_text(earning.evidence),
        item=side.item,
        origin_source=earning.origin_source,
        root_reference=earning.root_reference,
        due_at=_due_at(earning, change.status, because["event_time"]),
    )


def _due_at(earning: Earning, status: RewardStatus, at: Millis) -> Millis | None:
    match status:
        case RewardStatus.HELD:
            return earning.hold_until
        case RewardStatus.GRANTED if earning.expires_after is not None:
            return at + earning.expires_after
        case _:
            return None


def orders_to_fulfil(entry: RewardDecided) -> list[RewardGranted]:
    """What fulfilment gets for an entry: an order if it is a grant."""
    if entry.status != RewardStatus.GRANTED:
        return []
    assert entry.beneficiary is not None
    assert entry.campaign_id is not None
    assert entry.campaign_version is not None
    return [
        RewardGranted(
            event_id=entry.event_id,
            event_time=entry.event_time,
            received_at=entry.received_at,
            cause_topic=entry.cause_topic,
            cause_partition=entry.cause_partition,
            cause_offset=entry.cause_offset,
            cause_event_id=entry.cause_event_id,
            rules=entry.rules,
            reward_id=entry.reward_id,
            code=entry.code,
            user_id=entry.user_id,
            beneficiary=entry.beneficiary,
            role=entry.role,
            action=entry.action,
            value_micros=entry.value_micros,
            currency=entry.currency,
            kind=entry.kind,
            campaign_id=entry.campaign_id,
            campaign_version=entry.campaign_version,
            category=entry.category,
            order_id=entry.order_id,
            item=entry.item,
            expires_at=entry.due_at,
        )
    ]
