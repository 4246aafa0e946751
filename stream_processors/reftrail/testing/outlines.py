"""Records by the fields that matter in a story: the rest is made up, or not looked at.

Everybody in a story is the visitor v1 and the user u1 unless named. An event is called by its
kind and its time unless it has an id, so that the same line twice is the same event.
"""

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from reftrail.contracts.conversions import ConversionKind, Converted, Touched
from reftrail.contracts.decisions import (
    Attributed,
    Basis,
    Claimed,
    RewardDecided,
    RewardGranted,
    RewardStatus,
    RewardWithdrawn,
)
from reftrail.contracts.record import DAY, MICROS_PER_UNIT, Derived, Micros, Millis, Record
from reftrail.contracts.reference import CampaignDefined, CodeChanged, Trigger
from reftrail.contracts.stage_messages import CheckRequested, OrderAsked
from reftrail.rules.decider import RULES
from reftrail.rules.limit_names import order_key
from reftrail.testing.times import FIRST_DAY, moment

VISITOR: Final = "v1"
USER: Final = "u1"
CAMPAIGN: Final = "spring"


@dataclass(frozen=True)
class Outline:
    """A record of which only some fields are given. fillers complete it where it has to exist."""

    kind: type[Record]
    overrides: dict[str, Any]
    fillers: dict[str, Any]

    def record(self) -> Record:
        """The record with everything else filled in."""
        return self.kind(**(self.fillers | self.overrides))

    def describes(self, record: Record) -> bool:
        """Whether a record is of the kind and has the given fields."""
        return type(record) is self.kind and self.overrides == {
            name: getattr(record, name) for name in self.overrides
        }

    def but(self, **overrides: Any) -> "Outline":
        """The same record with other fields besides."""
        return Outline(self.kind, self.overrides | overrides, self.fillers)


def micros(units: float | None) -> Micros | None:
    """An amount of money in units of the currency, as records have it."""
    return None if units is None else round(units * MICROS_PER_UNIT)


def touched(code: str, at: str, **overrides: Any) -> Outline:
    """The first touch of the visitor was with a code; it holds for 30 days by default."""
    time = moment(at)
    fillers = {
        "visitor_id": VISITOR,
        "type": "click",
        "campaign_id": CAMPAIGN,
        "touch_event_id": overrides.get("touch_event_id", f"click {at}"),
        "expires_at": time + 30 * DAY,
    }
    return derived(Touched, time, {"code": code} | overrides, fillers)


def converted(kind: str, at: str, **overrides: Any) -> Outline:
    """A conversion, with a touch if one is given."""
    order = overrides.get("order_id")
    fillers = {
        "user_id": USER,
        "visitor_id": VISITOR if kind == ConversionKind.SIGNUP else None,
        "conversion_event_id": f"{kind} {order} {at}" if order else f"{kind} {at}",
    }
    return derived(Converted, moment(at), {"kind": kind} | overrides, fillers)


def late_touch(code: str, at: str, *, arrived: str, signed_up: str, **overrides: Any) -> Outline:
    """A touch from before the visitor's signup, that came in after it."""
    fields = {
        "touch_code": code,
        "touch_time": moment(at),
        "arrived_at": moment(arrived),
        "signed_up_at": moment(signed_up),
        "conversion_event_id": f"signup {signed_up}",
        "visitor_id": VISITOR,
    }
    return converted(ConversionKind.LATE_TOUCH, signed_up, **(fields | overrides))


def attributed(code: str, by: str = Basis.FIRST_TOUCH, **overrides: Any) -> Outline:
    """The user is attributed to a code; at 10:00 by a touch at 09:00 by default."""
    fillers = {
        "user_id": USER,
        "visitor_id": VISITOR,
        "touch_time": moment("09:00"),
        "touch_event_id": "click 09:00",
        "signup_event_id": "signup 10:00",
    }
    return derived(Attributed, moment("10:00"), {"code": code, "basis": by} | overrides, fillers)


def claimed(action: str, code: str, at: str, **overrides: Any) -> Outline:
    """The user did something under a code; signed up at 10:00 after a touch at 09:00."""
    order = overrides.get("order_id")
    fillers = {
        "user_id": USER,
        "visitor_id": VISITOR,
        "campaign_id": CAMPAIGN,
        "action_event_id": f"{action} {order} {at}" if order else f"{action} {at}",
        "basis": Basis.FIRST_TOUCH,
        "touch_event_id": "click 09:00",
        "touch_time": moment("09:00"),
        "signed_up_at": moment("10:00"),
    }
    return derived(Claimed, moment(at), {"action": action, "code": code} | overrides, fillers)


def checked(signal: str, **overrides: Any) -> Outline:
    """A claim asks about a signal."""
    fillers = {"code": "AMY", "user_id": USER, "claim_id": "claim"}
    return derived(CheckRequested, None, {"signal": signal} | overrides, fillers)


def order_asked(order_id: str, **overrides: Any) -> Outline:
    """A refund or dispute asks whose an order is."""
    fields = {"limit": order_key(order_id), "user_id": USER}
    return derived(OrderAsked, None, fields | overrides, {"claim": b""})


def granted(role: str, code: str, **overrides: Any) -> Outline:
    """One side was granted the reward of a code, 10 dollars for the signup by default."""
    return ledger_entry(RewardStatus.GRANTED, role, code, overrides)


def rejected(role: str, code: str, *reasons: str, **overrides: Any) -> Outline:
    """One side's reward was rejected, for exactly these reasons."""
    return ledger_entry(RewardStatus.REJECTED, role, code, {"reasons": list(reasons)} | overrides)


def reversed_reward(role: str, code: str, **overrides: Any) -> Outline:
    """One side's reward was taken back."""
    return ledger_entry(RewardStatus.REVERSED, role, code, overrides)


def to_fulfil(role: str, code: str, **overrides: Any) -> Outline:
    """One side's reward is to be fulfilled."""
    fillers = _reward_fillers(overrides) | {"campaign_id": CAMPAIGN, "campaign_version": 1}
    return derived(RewardGranted, None, {"role": role, "code": code} | overrides, fillers)


def withdrawn(role: str, code: str, remaining: float | None = 0, **overrides: Any) -> Outline:
    """One side's order is withdrawn, but for what remains, in units; None: whatever that is."""
    fields = {"role": role, "code": code} | overrides
    if remaining is not None:
        fields["remaining_micros"] = micros(remaining)
    fillers = _reward_fillers(overrides) | {"reasons": [], "remaining_micros": 0}
    del fillers["value_micros"]
    return derived(RewardWithdrawn, None, fields, fillers)


def taken_from(role: str, code: str, **overrides: Any) -> tuple[Outline, Outline]:
    """One side's reward is reversed, in whole or in part, and its order withdrawn."""
    return reversed_reward(role, code, **overrides), withdrawn(role, code, None)


def campaign(campaign_id: str = CAMPAIGN, **rules: Any) -> CampaignDefined:
    """A campaign in force since long ago: both sides get 10 dollars on signup by default."""
    defaults: dict[str, Any] = {
        "event_id": f"campaign {campaign_id} {rules.get('version', 1)}",
        "event_time": FIRST_DAY,
        "received_at": FIRST_DAY,
        "campaign_id": campaign_id,
        "version": 1,
        "effective_from": 0,
        "name": campaign_id,
        "referrer_reward_micros": micros(10),
        "referee_reward_micros": micros(10),
    }
    return CampaignDefined(**(defaults | rules))


def code(text: str, *, owner: str | None = "owner", **facts: Any) -> CodeChanged:
    """An active code of the campaign, issued on the first day."""
    defaults: dict[str, Any] = {
        "event_id": f"code {text}",
        "event_time": FIRST_DAY,
        "received_at": FIRST_DAY,
        "code": text,
        "campaign_id": CAMPAIGN,
        "owner_user_id": owner,
        "created_at": FIRST_DAY,
    }
    return CodeChanged(**(defaults | facts))


def derived(
    kind: type[Derived], at: Millis | None, overrides: dict[str, Any], fillers: dict[str, Any]
) -> Outline:
    """An outline with a time, if one is given, and whose cause is made up.

    Raises TypeError where a field is given that records of the kind don't have.
    """
    common = {
        "event_id": f"{kind.__name__} {sorted((overrides | {'': at}).items(), key=repr)}",
        "event_time": FIRST_DAY if at is None else at,
        "received_at": overrides.get("event_time", FIRST_DAY if at is None else at),
        "cause_topic": "events",
        "cause_partition": 0,
        "cause_offset": 0,
        "cause_event_id": "cause",
        "rules": RULES,
    }
    time = {} if at is None else {"event_time": at}
    known = {field.name for field in msgspec.structs.fields(kind)}
    if unknown := overrides.keys() - known:
        raise TypeError(f"a {kind.__name__} has no {', '.join(sorted(unknown))}")
    return Outline(kind, time | overrides, common | fillers)


def _reward_fillers(overrides: dict[str, Any]) -> dict[str, Any]:
    return {
        "reward_id": "reward",
        "user_id": USER,
        "beneficiary": overrides.get("user_id", USER),
        "action": Trigger.SIGNUP,
        "value_micros": micros(10),
        "currency": "USD",
        "kind": "credit",
    }


def ledger_entry(status: str, role: str, code: str, overrides: dict[str, Any]) -> Outline:
    """An entry of the ledger about the reward of 10 dollars for a signup by default."""
    fillers = _reward_fillers(overrides) | {
        "campaign_id": CAMPAIGN,
        "campaign_version": 1,
        "basis": Basis.FIRST_TOUCH,
        "action_event_id": "signup 10:00",
    }
    return derived(
        RewardDecided, None, {"status": status, "role": role, "code": code} | overrides, fillers
    )
