"""Records of the life of a reward, by the fields that matter: see `outlines`."""

from typing import Any

from reftrail.contracts.adjustments import Adjusted, AdjustmentDecided
from reftrail.contracts.decisions import RewardStatus, Role
from reftrail.contracts.external_inputs import (
    FulfilmentOutcome,
    FulfilmentReported,
    Listed,
    Listing,
    Reviewed,
    Ticked,
)
from reftrail.contracts.policy import MilestoneKind
from reftrail.contracts.record import MICROS_PER_UNIT
from reftrail.contracts.stage_messages import (
    LimitAnswered,
    LimitRequested,
    MilestoneChanged,
    SignalChecked,
)
from reftrail.rules.decider import Refused, derived_id
from reftrail.rules.reward.ledger_entries import reward_id
from reftrail.testing.outlines import CAMPAIGN, USER, Outline, derived, ledger_entry, micros
from reftrail.testing.times import FIRST_DAY, moment


def held(role: str, code: str, *reasons: str, **overrides: Any) -> Outline:
    """One side's reward waits, for exactly these reasons."""
    return ledger_entry(RewardStatus.HELD, role, code, {"reasons": list(reasons)} | overrides)


def fulfilled(role: str, code: str, **overrides: Any) -> Outline:
    """One side has got its reward."""
    return ledger_entry(RewardStatus.FULFILLED, role, code, overrides)


def failed(role: str, code: str, **overrides: Any) -> Outline:
    """One side's reward couldn't be delivered."""
    return ledger_entry(RewardStatus.FAILED, role, code, overrides)


def expired(role: str, code: str, **overrides: Any) -> Outline:
    """One side's reward is good no longer."""
    return ledger_entry(RewardStatus.EXPIRED, role, code, overrides)


def adjusted(role: str, code: str, *reasons: str, **overrides: Any) -> Outline:
    """One side's account was adjusted by hand, for exactly these reasons."""
    fields = {"reasons": list(reasons), "basis": "adjustment"} | overrides
    return ledger_entry(RewardStatus.ADJUSTED, role, code, fields)


def adjustment(units: float, at: str, *, of: str = "A1", **overrides: Any) -> Adjusted:
    """Somebody adjusts the referrer's account under a code by so many dollars."""
    time = moment(at)
    defaults: dict[str, Any] = {
        "event_id": f"adjustment {of} {at}",
        "event_time": time,
        "received_at": time,
        "code": "AMY",
        "user_id": USER,
        "role": Role.REFERRER,
        "currency": "USD",
        "reason": "goodwill",
        "actor": "ann",
    }
    value = round(units * MICROS_PER_UNIT)
    return Adjusted(adjustment_id=of, value_micros=value, **(defaults | overrides))


def adjustment_decided(
    decision: str, at: str, *, of: str = "A1", **overrides: Any
) -> AdjustmentDecided:
    """A second person decided about an adjustment."""
    time = moment(at)
    defaults: dict[str, Any] = {
        "event_id": f"{decision} {of} {at}",
        "event_time": time,
        "received_at": time,
        "code": "AMY",
        "user_id": USER,
        "actor": "bea",
    }
    return AdjustmentDecided(adjustment_id=of, decision=decision, **(defaults | overrides))


def claim_id(code: str, action_event_id: str) -> str:
    """The event_id of the claim that the attribution stage makes of an event."""
    return derived_id("claimed", code, action_event_id)


def signal_checked(
    kind: str, *, of: str, day: int = 1, month: int = 1, **overrides: Any
) -> Outline:
    """A signal of the claim with this event_id was seen by so many users."""
    fields = {"kind": kind, "claim_id": of, "users_24h": day, "users_30d": month}
    fillers = {"code": "AMY", "user_id": USER, "codes_30d": 1}
    return derived(SignalChecked, None, fields | overrides, fillers)


def limits_requested(*limits: str, **overrides: Any) -> Outline:
    """A reward asks for reservations under limits, each as `key|amount|most`."""
    fillers = {"code": "AMY", "user_id": USER, "claim_id": "claim", "passed": []}
    return derived(LimitRequested, None, {"limits": list(limits)} | overrides, fillers)


def limits_answered(*, of: str, refused_by: str | None = None, **overrides: Any) -> Outline:
    """The claim with this event_id has its reservations, or one limit had none left."""
    fields = {"claim_id": of, "refused_by": refused_by}
    return derived(LimitAnswered, None, fields | overrides, {"code": "AMY", "user_id": USER})


def refused(reason: str, **overrides: Any) -> Outline:
    """The record that came isn't allowed."""
    return derived(Refused, None, {"reason": reason} | overrides, {"detail": ""})


def reviewed(decision: str, at: str, *, code: str = "AMY", **overrides: Any) -> Reviewed:
    """An analyst decided about all rewards of a user under a code, unless one is named."""
    time = moment(at)
    defaults: dict[str, Any] = {
        "event_id": f"review {decision} {at}",
        "event_time": time,
        "received_at": time,
        "user_id": USER,
        "reviewer": "ann",
    }
    return Reviewed(code=code, decision=decision, **(defaults | overrides))


def reported(
    role: str, at: str, *, outcome: str = FulfilmentOutcome.DELIVERED, **overrides: Any
) -> FulfilmentReported:
    """One side's reward for the signup was delivered, or not.

    action is that of another reward; its_action is what the report itself says of that.
    """
    time = moment(at)
    code, user = overrides.get("code", "AMY"), overrides.get("user_id", USER)
    defaults: dict[str, Any] = {
        "event_id": f"{outcome} {role}",
        "event_time": time,
        "received_at": time,
        "code": code,
        "user_id": user,
        "reward_id": reward_id(code, user, overrides.pop("action", "signup"), role),
        "kind": "credit",
        "attempts": 1,
        "action": overrides.pop("its_action", None),
    }
    return FulfilmentReported(role=role, outcome=outcome, **(defaults | overrides))


def listed(subject: str, value: str, listing: str = Listing.BLOCK, **overrides: Any) -> Listed:
    """An entry of the lists, there from the first day."""
    defaults: dict[str, Any] = {
        "event_id": f"list {subject} {value}",
        "event_time": FIRST_DAY,
        "received_at": FIRST_DAY,
        "actor": "ann",
    }
    return Listed(subject=subject, value=value, listing=listing, **(defaults | overrides))


def tick(at: str) -> Ticked:
    """Let it be that time now."""
    time = moment(at)
    return Ticked(
        event_id=f"tick {at}", event_time=time, received_at=time, partition=0, partitions=1
    )


def milestone(name: str, grants: int, *, reached: bool = True, **overrides: Any) -> Outline:
    """A referrer reached a bonus of 5 dollars with so many grants, or lost it."""
    fields = {"name": name, "grants": grants, "reached": reached}
    fillers = {
        "beneficiary": "owner",
        "campaign_id": CAMPAIGN,
        "campaign_version": 1,
        "code": "AMY",
        "user_id": USER,
        "kind": MilestoneKind.BONUS,
        "value_micros": micros(5),
        "reward_kind": "credit",
    }
    return derived(MilestoneChanged, None, fields | overrides, fillers)


def bonus_granted(code: str, **overrides: Any) -> Outline:
    """A referrer was granted a bonus."""
    fields = {"user_id": "owner", "value_micros": micros(5)} | overrides
    return ledger_entry(RewardStatus.GRANTED, Role.MILESTONE, code, fields)
