"""Claims and campaigns for the tests of rewards by order."""

from typing import Any

from reftrail.contracts.decisions import Action, RewardDecided, Role
from reftrail.contracts.policy import (
    OrderIds,
    Policy,
    policy_text,
)
from reftrail.contracts.record import MICROS_PER_UNIT
from reftrail.contracts.reference import Trigger
from reftrail.testing import (
    Outline,
    Scenario,
    campaign,
    claim_id,
    claimed,
    code,
    given,
    granted,
    limits_answered,
    to_fulfil,
)

REFERRER, REFEREE = Role.REFERRER, Role.REFEREE
BOTH = (REFERRER, REFEREE)
UNIT = MICROS_PER_UNIT


def signed_up(at: str = "10:00", **overrides: Any) -> Outline:
    return claimed(Action.SIGNUP, "AMY", at, **overrides)


def bought(order: str, paid: float = 100, *, at: str = "11:00", **overrides: Any) -> Outline:
    money = {"amount_micros": round(paid * UNIT), "currency": "USD"}
    fields = {"event_id": claim_id("AMY", f"{order} {at}")}
    return claimed(Action.PURCHASE, "AMY", at, order_id=order, **(fields | money | overrides))


def paid_back(
    order: str, amount: float | None = None, *, at: str = "12:00", **overrides: Any
) -> Outline:
    money = None if amount is None else round(amount * UNIT)
    return claimed(Action.REFUND, "AMY", at, order_id=order, amount_micros=money, **overrides)


def answered(order: str, *, at: str = "11:00", **overrides: Any) -> Outline:
    return limits_answered(of=claim_id("AMY", f"{order} {at}"), **overrides)


def paying(trigger: Trigger, minimum: float = 0, **policy: Any) -> Scenario:
    rules: dict[str, Any] = {"trigger": trigger, "minimum_amount_micros": round(minimum * UNIT)}
    return given(campaign(policy=policy_text(Policy(**policy)), **rules), code("AMY"))


def on_purchase(**policy: Any) -> Scenario:
    return paying(Trigger.FIRST_PURCHASE, **({"order_ids": OrderIds.USER} | policy))


def on_nth(count: int, **policy: Any) -> Scenario:
    every: dict[str, Any] = {"order_ids": OrderIds.USER, "trigger_count": count, "repeats": 0}
    return paying(Trigger.NTH_PURCHASE, **(every | policy))


def both(entry: Any, *reasons: str, **overrides: Any) -> tuple[Outline, ...]:
    made = [entry(role, "AMY", *reasons, **overrides) for role in BOTH]
    return tuple(
        record for each in made for record in (each if isinstance(each, tuple) else (each,))
    )


def both_granted(**overrides: Any) -> tuple[Outline, ...]:
    return tuple(
        record
        for role in BOTH
        for record in (granted(role, "AMY", **overrides), to_fulfil(role, "AMY"))
    )


def ledger_of(story: Scenario) -> list[tuple[str, str]]:
    """Actions and statuses of the referee's entries."""
    return [
        (entry.action, entry.status)
        for entry in story.followed
        if isinstance(entry, RewardDecided) and entry.role == REFEREE
    ]
