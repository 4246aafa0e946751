"""Records told by what matters in a story: the rest is made up, or not looked at.

Everybody in a story is the visitor v1 and the user u1 unless named. An event is called by its
kind and its time unless it has an id, so that the same line told twice is the same event.
"""

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from reftrail.contracts.decisions import (
    Attributed,
    Basis,
    Claimed,
    ConversionKind,
    Converted,
    RewardDecided,
    RewardGranted,
    RewardStatus,
    RewardWithdrawn,
    Touched,
)
from reftrail.contracts.events import Click, Event, FormStarted, Purchase, Refund, Signup, View
from reftrail.contracts.record import DAY, MICROS_PER_UNIT, Derived, Micros, Millis, Record
from reftrail.contracts.reference import CampaignDefined, CodeChanged, Trigger
from reftrail.contracts.stage_messages import CheckRequested
from reftrail.rules.decider import RULES
from reftrail.testing.times import FIRST_DAY, moment

VISITOR: Final = "v1"
USER: Final = "u1"
CAMPAIGN: Final = "spring"


@dataclass(frozen=True)
class Outline:
    """A record of which only some fields are told. fillers complete it where it has to exist."""

    kind: type[Record]
    told: dict[str, Any]
    fillers: dict[str, Any]

    def record(self) -> Record:
        """The record with everything else filled in."""
        return self.kind(**(self.fillers | self.told))

    def describes(self, record: Record) -> bool:
        """Whether a record is of the kind and has the told fields."""
        return type(record) is self.kind and self.told == {
            name: getattr(record, name) for name in self.told
        }

    def but(self, **told: Any) -> "Outline":
        """The same record with other fields told besides."""
        return Outline(self.kind, self.told | told, self.fillers)


def micros(units: float | None) -> Micros | None:
    """An amount of money in units of the currency, as records have it."""
    return None if units is None else round(units * MICROS_PER_UNIT)


def view(code: str | None, at: str, **told: Any) -> Event:
    """The visitor saw a code."""
    return View(**_event("view", at, {"visitor_id": VISITOR, "code": code} | told))


def click(code: str | None, at: str, **told: Any) -> Event:
    """The visitor followed a link with a code."""
    return Click(**_event("click", at, {"visitor_id": VISITOR, "code": code} | told))


def form_started(at: str, **told: Any) -> Event:
    """The visitor began to fill in the form."""
    return FormStarted(**_event("form_started", at, {"visitor_id": VISITOR} | told))


def signup(at: str, *, typed: str | None = None, **told: Any) -> Event:
    """The visitor became a user, and may have typed in a code."""
    fields = {"visitor_id": VISITOR, "user_id": USER, "code": typed}
    return Signup(**_event("signup", at, fields | told))


def purchase(order: str, at: str, *, paid: float = 100, **told: Any) -> Event:
    """The user paid for an order, in dollars unless told."""
    fields = {
        "user_id": USER,
        "order_id": order,
        "amount_micros": micros(paid),
        "currency": "USD",
    }
    return Purchase(**_event(f"purchase {order}", at, fields | told))


def refund(order: str, at: str, *, paid_back: float | None = None, **told: Any) -> Event:
    """An order was paid back: in full, or so much of it."""
    fields = {"user_id": USER, "order_id": order, "amount_micros": micros(paid_back)}
    return Refund(**_event(f"refund {order}", at, fields | told))


def touched(code: str, at: str, **told: Any) -> Outline:
    """The first touch of the visitor was with a code; it holds for 30 days unless told."""
    time = moment(at)
    fillers = {
        "visitor_id": VISITOR,
        "type": "click",
        "campaign_id": CAMPAIGN,
        "touch_event_id": told.get("touch_event_id", f"click {at}"),
        "expires_at": time + 30 * DAY,
    }
    return derived(Touched, time, {"code": code} | told, fillers)


def converted(kind: str, at: str, **told: Any) -> Outline:
    """A conversion, with a touch if one is told."""
    order = told.get("order_id")
    fillers = {
        "user_id": USER,
        "visitor_id": VISITOR if kind == ConversionKind.SIGNUP else None,
        "conversion_event_id": f"{kind} {order} {at}" if order else f"{kind} {at}",
    }
    return derived(Converted, moment(at), {"kind": kind} | told, fillers)


def late_touch(code: str, at: str, *, arrived: str, signed_up: str, **told: Any) -> Outline:
    """A touch from before the visitor's signup, that came in after it."""
    fields = {
        "touch_code": code,
        "touch_time": moment(at),
        "arrived_at": moment(arrived),
        "signed_up_at": moment(signed_up),
        "conversion_event_id": f"signup {signed_up}",
        "visitor_id": VISITOR,
    }
    return converted(ConversionKind.LATE_TOUCH, signed_up, **(fields | told))


def attributed(code: str, by: str = Basis.FIRST_TOUCH, **told: Any) -> Outline:
    """The user is attributed to a code; at 10:00 by a touch at 09:00 unless told."""
    fillers = {
        "user_id": USER,
        "visitor_id": VISITOR,
        "touch_time": moment("09:00"),
        "touch_event_id": "click 09:00",
        "signup_event_id": "signup 10:00",
    }
    return derived(Attributed, moment("10:00"), {"code": code, "basis": by} | told, fillers)


def claimed(action: str, code: str, at: str, **told: Any) -> Outline:
    """The user did something under a code; signed up at 10:00 after a touch at 09:00."""
    order = told.get("order_id")
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
    return derived(Claimed, moment(at), {"action": action, "code": code} | told, fillers)


def checked(signal: str, **told: Any) -> Outline:
    """A claim asks about a signal."""
    fillers = {"code": "AMY", "user_id": USER, "claim_id": "claim"}
    return derived(CheckRequested, None, {"signal": signal} | told, fillers)


def granted(role: str, code: str, **told: Any) -> Outline:
    """One side was granted the reward of a code, 10 dollars for the signup unless told."""
    return ledger_entry(RewardStatus.GRANTED, role, code, told)


def rejected(role: str, code: str, *reasons: str, **told: Any) -> Outline:
    """One side's reward was rejected, for exactly these reasons."""
    return ledger_entry(RewardStatus.REJECTED, role, code, {"reasons": list(reasons)} | told)


def reversed_reward(role: str, code: str, **told: Any) -> Outline:
    """One side's reward was taken back."""
    return ledger_entry(RewardStatus.REVERSED, role, code, told)


def to_fulfil(role: str, code: str, **told: Any) -> Outline:
    """One side's reward is to be fulfilled."""
    fillers = _reward_fillers(told) | {"campaign_id": CAMPAIGN, "campaign_version": 1}
    return derived(RewardGranted, None, {"role": role, "code": code} | told, fillers)


def withdrawn(role: str, code: str, remaining: float | None = 0, **told: Any) -> Outline:
    """One side's order is withdrawn, but for what remains, in units; None: whatever that is."""
    fields = {"role": role, "code": code} | told
    if remaining is not None:
        fields["remaining_micros"] = micros(remaining)
    fillers = _reward_fillers(told) | {"reasons": [], "remaining_micros": 0}
    del fillers["value_micros"]
    return derived(RewardWithdrawn, None, fields, fillers)


def taken_from(role: str, code: str, **told: Any) -> tuple[Outline, Outline]:
    """One side's reward is reversed, in whole or in part, and its order withdrawn."""
    return reversed_reward(role, code, **told), withdrawn(role, code, None)


def campaign(campaign_id: str = CAMPAIGN, **rules: Any) -> CampaignDefined:
    """A campaign in force since long ago: both sides get 10 dollars on signup, unless told."""
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


def _event(what: str, at: str, told: dict[str, Any]) -> dict[str, Any]:
    time = moment(at)
    defaults = {"event_id": f"{what} {at}", "event_time": time, "received_at": time}
    known = {"campaign_id": CAMPAIGN, "code_known": True} if told.get("code") else {}
    return defaults | known | told


def derived(
    kind: type[Derived], at: Millis | None, told: dict[str, Any], fillers: dict[str, Any]
) -> Outline:
    """An outline whose time is told, if there is one, and whose cause is made up.

    Raises TypeError where something is told that records of the kind don't have.
    """
    common = {
        "event_id": f"{kind.__name__} {sorted((told | {'': at}).items(), key=repr)}",
        "event_time": FIRST_DAY if at is None else at,
        "received_at": told.get("event_time", FIRST_DAY if at is None else at),
        "cause_topic": "events",
        "cause_partition": 0,
        "cause_offset": 0,
        "cause_event_id": "cause",
        "rules": RULES,
    }
    time = {} if at is None else {"event_time": at}
    known = {field.name for field in msgspec.structs.fields(kind)}
    if unknown := told.keys() - known:
        raise TypeError(f"a {kind.__name__} has no {', '.join(sorted(unknown))}")
    return Outline(kind, time | told, common | fillers)


def _reward_fillers(told: dict[str, Any]) -> dict[str, Any]:
    return {
        "reward_id": "reward",
        "user_id": USER,
        "beneficiary": told.get("user_id", USER),
        "action": Trigger.SIGNUP,
        "value_micros": micros(10),
        "currency": "USD",
        "kind": "credit",
    }


def ledger_entry(status: str, role: str, code: str, told: dict[str, Any]) -> Outline:
    """An entry of the ledger about the reward of 10 dollars for a signup, unless told."""
    fillers = _reward_fillers(told) | {
        "campaign_id": CAMPAIGN,
        "campaign_version": 1,
        "basis": Basis.FIRST_TOUCH,
        "action_event_id": "signup 10:00",
    }
    return derived(
        RewardDecided, None, {"status": status, "role": role, "code": code} | told, fillers
    )
